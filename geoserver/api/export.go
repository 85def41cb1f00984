package api

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gorilla/mux"
	"github.com/paulmach/orb"

	"wangge/geoserver/book"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
)

// What an export's purpose may be: words for the audit log.
const (
	minPurpose = 2
	maxPurpose = 200
)

// purposeOf is what an export is for. The error is Invalid.
func purposeOf(text string) (string, error) {
	purpose := strings.TrimSpace(text)
	if n := utf8.RuneCountInString(purpose); n < minPurpose || n > maxPurpose {
		return "", grids.Errorf(grids.Invalid, "an export needs its purpose in %d to %d characters: add purpose=…", minPurpose, maxPurpose)
	}
	return purpose, nil
}

// export answers GET /api/export/{what}.csv with a table as the reader's class sees it: the units of a level, or the findings of the
// reader's own area. It is written down who took what, and for what purpose, before the first byte leaves.
func (s *Server) export(w http.ResponseWriter, r *http.Request) error {
	what := mux.Vars(r)["what"]
	purpose, err := purposeOf(r.URL.Query().Get("purpose"))
	if err != nil {
		return err
	}
	who := actor(r.Context())
	sight, st, err := s.seen(r.Context())
	if err != nil {
		return err
	}
	var rows [][]string
	switch {
	case what == "findings":
		if !who.May(grids.LookExact) {
			return grids.Errorf(grids.Forbidden, "your role does not see findings where they are, so it cannot take them away; a system administrator grants roles")
		}
		rows = findingRows(st, who)
	default:
		if rows, err = unitRows(sight, st, what); err != nil {
			return err
		}
	}
	detail := map[string]any{"what": what, "rows": len(rows) - 1, "class": string(sight.Class()), "release": sight.Release()}
	who.Purpose = purpose
	if err := s.Store.Note(r.Context(), who, "export", subjectOf(what), detail); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="wangge-`+what+`-`+st.Today.String()+`.csv"`)
	if _, err := w.Write([]byte("\ufeff")); err != nil { // spreadsheets take the file for UTF-8 by it
		return nil // the client is gone
	}
	out := csv.NewWriter(w)
	_ = out.WriteAll(rows) // the client may be gone
	return nil
}

func subjectOf(what string) grids.Subject {
	if what == "findings" {
		return grids.OnFindings
	}
	return grids.OnCasework
}

// unitRows is the units of a level with what is known of each. A figure has two columns: the number, empty where there is none, and its
// state; a band has its end in a third.
func unitRows(sight *live.Sight, st *live.State, level string) ([][]string, error) {
	units := st.Units(level)
	if units == nil {
		return nil, grids.Errorf(grids.NotFound, "there is no export %.40q: use towns, villages, grids, cells or findings", level)
	}
	rows := [][]string{{"code", "name", "town", "area_km2", "cases", "cases_to", "cases_state", "density_per_km2", "density_state", "findings_open", "findings_open_state",
		"findings_confirmed", "findings_confirmed_state", "survey_completion", "survey_state", "status", "risk", "risk_state", "cases_from", "cases_until", "class", "k", "synthetic"}}
	synthetic := strconv.FormatBool(synthetic(st.Territory()))
	for _, u := range units {
		row := []string{u.Code, u.Name, u.Town, decimal(u.AreaKm2, 3)}
		row = append(row, figure(u.Cases, 0), upTo(u.Cases), string(u.Cases.State))
		for _, f := range []struct {
			v        disclosure.Value
			decimals int
		}{{live.Round(u.Density, live.DensityDecimals), live.DensityDecimals}, {u.FindingsOpen, 0}, {u.FindingsConfirmed, 0}, {u.Survey, live.ShareDecimals}} {
			row = append(row, figure(f.v, f.decimals), string(f.v.State))
		}
		row = append(row, u.Status, figure(u.Risk.Value, live.RiskDecimals), string(u.Risk.Value.State), st.Window.From.String(), st.Window.To.String(),
			string(sight.Class()), strconv.Itoa(sight.Rule().K), synthetic)
		rows = append(rows, book.PlainCells(row))
	}
	return rows, nil
}

// findingRows is the findings of the area in which the actor may see them.
func findingRows(st *live.State, who grids.Actor) [][]string {
	rows := [][]string{{"id", "kind", "state", "confidence", "seen_on", "source", "area_m2", "lon", "lat", "town", "village", "grid"}}
	st.Findings(func(f grids.Feature, column func(string) any, p grids.Place) {
		if !who.MayAt(grids.LookExact, p) {
			return
		}
		at := f.Geometry.Bound().Center()
		if point, ok := f.Geometry.(orb.Point); ok {
			at = point
		}
		row := []string{}
		for _, name := range []string{"id", "kind", "state", "confidence", "seen", "source", "area_m2"} {
			row = append(row, cellText(column(name)))
		}
		rows = append(rows, book.PlainCells(append(row, decimal(at[0], 6), decimal(at[1], 6), st.Name("towns", p.Town), st.Name("villages", p.Village), st.Name("grids", p.Grid))))
	})
	return rows
}

// figure is a number that is shown, "" for what is not.
func figure(v disclosure.Value, decimals int) string {
	if n, ok := v.Known(); ok {
		return decimal(n, decimals)
	}
	return ""
}

func upTo(v disclosure.Value) string {
	if v.To == 0 {
		return ""
	}
	return decimal(v.To, 0)
}

func decimal(n float64, decimals int) string { return strconv.FormatFloat(n, 'f', decimals, 64) }

func cellText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// noteExact writes down, once an hour for each account and purpose, that an actor looks at findings where they are. Without the note
// nothing is shown.
func (s *Server) noteExact(r *http.Request, who grids.Actor) error {
	return s.Accounts.NoteHourly(r.Context(), who, "look-exact", grids.OnFindings, "map", func() any {
		areas := []string{}
		for _, a := range who.Scopes(grids.LookExact) {
			areas = append(areas, strings.TrimSuffix(string(a.Level)+":"+a.Code, ":"))
		}
		return map[string]any{"areas": areas, "on": "map"}
	})
}
