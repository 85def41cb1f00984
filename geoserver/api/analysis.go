package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gorilla/mux"

	"wangge/geoserver/accounts"
	"wangge/geoserver/analysis"
	"wangge/geoserver/book"
	"wangge/grids"
)

// Analyses keeps runs and computes them one after another.
type Analyses interface {
	AskRun(ctx context.Context, actor grids.Actor, r grids.Run) (stored grids.Run, asked bool, err error)
	CancelRun(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) (grids.Run, error)
	Run(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) (grids.Run, error)
	Runs(ctx context.Context, actor grids.Actor, class grids.Class, limit int) ([]grids.Run, error)
	RunResult(ctx context.Context, actor grids.Actor, class grids.Class, id grids.ID) ([]byte, error)
}

// AnalysisRun is a run as it is shown.
type AnalysisRun struct {
	ID      string           `json:"id" format:"uuid"`
	Request analysis.Request `json:"request"`
	Title   grids.Text       `json:"title" doc:"of the method"`
	Actor   string           `json:"actor" doc:"who asked"`
	Own     bool             `json:"own" doc:"whoever reads asked"`
	State   string           `json:"state" enum:"queued,running,done,failed,cancelled"`
	Share   float64          `json:"share" doc:"of the work that is done, 0 to 1"`
	Problem string           `json:"problem,omitempty" doc:"why it failed, a sentence"`
	Data    string           `json:"data,omitempty" doc:"names the data that the result is made of"`
	Current bool             `json:"current" doc:"the data are still those of now"`
	Hash    string           `json:"hash,omitempty" doc:"SHA-256 of the result"`
	AskedAt time.Time        `json:"asked_at"`
	TookMS  int64            `json:"took_ms,omitempty" doc:"from its begin to its end"`
}

// AnalysisRuns is the newest runs, the newest first.
type AnalysisRuns struct {
	Runs []AnalysisRun `json:"runs"`
}

// AskedAnalysis is a run that somebody asks for.
type AskedAnalysis struct {
	ID      string         `json:"id" format:"uuid" doc:"from the client: the same one may be sent twice"`
	Request map[string]any `json:"request" doc:"a Request; what it leaves out takes the value of the defaults in the catalogue"`
}

// shownRuns is how many runs a list holds.
const shownRuns = 50

// registerAnalysis lists the operations of analyses.
func (s *Server) registerAnalysis(api huma.API) {
	need := accounts.Need(grids.Analyse)
	get(api, need, "/api/analysis/catalogue", "analysis-catalogue", "What can be asked", s.analysisCatalogue)
	get(api, need, "/api/analysis/runs", "analyses", "The newest analyses", s.analyses)
	get(api, need, "/api/analysis/runs/{id}", "analysis", "How far an analysis is", s.analysis)
	get(api, need, "/api/analysis/runs/{id}/result", "analysis-result", "What came out of it", s.analysisResult)
	huma.Register(api, accounts.Needs(need, huma.Operation{OperationID: "analyse", Method: http.MethodPost, Path: "/api/analysis/runs", Summary: "Ask for an analysis", DefaultStatus: http.StatusAccepted, MaxBodyBytes: 64 << 10}), s.analyse)
	huma.Register(api, accounts.Needs(need, huma.Operation{OperationID: "cancel-analysis", Method: http.MethodPost, Path: "/api/analysis/runs/{id}/cancel", Summary: "End an analysis"}), s.cancelAnalysis)
	huma.Register(api, accounts.Needs(accounts.Need(grids.Export), huma.Operation{OperationID: "print-analysis", Method: http.MethodPost, Path: "/api/analysis/runs/{id}/printed", Summary: "Write down that the map of a result is taken away", MaxBodyBytes: 4 << 10}), s.printAnalysis)
}

// wholeClass is the class of a reader who may analyse: what an analysis takes in is of the whole district, so a right in a part is not enough. The
// error is Forbidden.
func wholeClass(who grids.Actor) (grids.Class, error) {
	if class := classOf(who); class == grids.ClassCommand && who.Everywhere(grids.Analyse) {
		return class, nil
	}
	return "", grids.Errorf(grids.Forbidden, "analyses are for commanders and reviewers of the whole district: ask the system administrator for such a role")
}

func (s *Server) analysisCatalogue(ctx context.Context, _ *struct{}) (*body[analysis.Catalogue], error) {
	class, err := wholeClass(actor(ctx))
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[analysis.Catalogue]{s.Analyst.Catalogue(class)}, nil
}

func (s *Server) analyse(ctx context.Context, in *struct{ Body AskedAnalysis }) (*body[AnalysisRun], error) {
	class, err := wholeClass(actor(ctx))
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	id, err := grids.ParseID(in.Body.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	req, err := readRequest(in.Body.Request)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	text, err := json.Marshal(req)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	run, _, err := s.Analyses.AskRun(ctx, actor(ctx), grids.Run{ID: id, Class: class, Request: text, Subject: req.Subject()})
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[AnalysisRun]{s.shownRun(ctx, run)}, nil
}

// readRequest is a request with its defaults. The error is Invalid.
func readRequest(fields map[string]any) (analysis.Request, error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return analysis.Request{}, err
	}
	return analysis.Parse(text)
}

// oneRun names a run in the address.
type oneRun struct {
	ID string `path:"id" format:"uuid"`
}

func (s *Server) cancelAnalysis(ctx context.Context, in *oneRun) (*body[AnalysisRun], error) {
	return s.withRun(ctx, in, s.Analyses.CancelRun)
}

func (s *Server) analysis(ctx context.Context, in *oneRun) (*body[AnalysisRun], error) {
	return s.withRun(ctx, in, s.Analyses.Run)
}

// withRun does something to one run and shows it.
func (s *Server) withRun(ctx context.Context, in *oneRun, do func(context.Context, grids.Actor, grids.Class, grids.ID) (grids.Run, error)) (*body[AnalysisRun], error) {
	id, class, err := namedRun(ctx, in.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	run, err := do(ctx, actor(ctx), class, id)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[AnalysisRun]{s.shownRun(ctx, run)}, nil
}

// namedRun is the run that an address names, and the class of whoever asks.
func namedRun(ctx context.Context, text string) (id grids.ID, class grids.Class, err error) {
	if class, err = wholeClass(actor(ctx)); err != nil {
		return id, class, err
	}
	id, err = grids.ParseID(text)
	return id, class, err
}

func (s *Server) analyses(ctx context.Context, _ *struct{}) (*body[AnalysisRuns], error) {
	class, err := wholeClass(actor(ctx))
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	list, err := s.Analyses.Runs(ctx, actor(ctx), class, shownRuns)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	out := AnalysisRuns{Runs: []AnalysisRun{}}
	for _, r := range list {
		out.Runs = append(out.Runs, s.shownRun(ctx, r))
	}
	return &body[AnalysisRuns]{out}, nil
}

// result is what came out of a run. The error is NotFound while there is nothing.
func (s *Server) result(ctx context.Context, text string) (r analysis.Result, err error) {
	id, class, err := namedRun(ctx, text)
	if err != nil {
		return r, err
	}
	stored, err := s.Analyses.RunResult(ctx, actor(ctx), class, id)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(stored, &r)
}

func (s *Server) analysisResult(ctx context.Context, in *oneRun) (*body[analysis.Result], error) {
	r, err := s.result(ctx, in.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[analysis.Result]{r}, nil
}

// shownRun is a run as whoever asks may see it.
func (s *Server) shownRun(ctx context.Context, r grids.Run) AnalysisRun {
	out := AnalysisRun{ID: r.ID.String(), Actor: r.Actor, Own: r.Account == actor(ctx).ID, State: string(r.State), Share: r.Share, Problem: r.Problem, Data: r.Data,
		Hash: r.Hash, AskedAt: r.AskedAt}
	out.Request, _ = analysis.Parse(r.Request) // it was checked when it was asked for
	out.Title = analysis.TitleOf(out.Request.Method)
	if sight := s.View.Sight(r.Class); sight.State() != nil {
		out.Current = r.Data != "" && r.Data == sight.Data()
	}
	if !r.EndedAt.IsZero() && !r.BegunAt.IsZero() {
		out.TookMS = r.EndedAt.Sub(r.BegunAt).Milliseconds()
	}
	return out
}

// tableForms are the forms in which the table of a result can be taken away, by the end of its address.
var tableForms = map[string]struct {
	mime  string
	write func(book.Book) ([]byte, error)
}{
	"csv":  {"text/csv; charset=utf-8", func(b book.Book) ([]byte, error) { return b.CSV(), nil }},
	"xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", book.Book.XLSX},
}

// analysisTable answers GET /api/analysis/runs/{id}/table.csv and table.xlsx with the result of a run in full precision. As every export it is
// written down before the first byte leaves.
func (s *Server) analysisTable(form string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		purpose, err := purposeOf(r.URL.Query().Get("purpose"))
		if err != nil {
			return err
		}
		lang := r.URL.Query().Get("lang")
		if lang != "" && lang != "zh" && lang != "en" {
			return grids.Errorf(grids.Invalid, "lang %.10q is not known; use zh or en", lang)
		}
		run, result, err := s.takenRun(r.Context(), mux.Vars(r)["id"])
		if err != nil {
			return err
		}
		b := book.Of(run, result, lang, s.townNames(run.Class))
		text, err := tableForms[form].write(b)
		if err != nil {
			return err
		}
		if err := s.noteTaken(r.Context(), run, purpose, map[string]any{"what": "analysis-table", "form": form, "rows": b.Rows()}); err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", tableForms[form].mime)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Disposition", `attachment; filename="wangge-`+result.Method+`-`+result.Level+`-`+run.ID.String()[:8]+`.`+form+`"`)
		_, _ = w.Write(text) // the client may be gone
		return nil
	}
}

// takenRun is a run with its result, for whoever may take it away. Errors: Forbidden, Invalid, NotFound also while there is no result.
func (s *Server) takenRun(ctx context.Context, text string) (run grids.Run, result analysis.Result, err error) {
	id, class, err := namedRun(ctx, text)
	if err != nil {
		return run, result, err
	}
	if !actor(ctx).Everywhere(grids.Export) {
		return run, result, grids.Errorf(grids.Forbidden, "a result is of the whole district, and you may take tables of a part of it away: ask the system administrator")
	}
	if run, err = s.Analyses.Run(ctx, actor(ctx), class, id); err != nil {
		return run, result, err
	}
	result, err = s.result(ctx, text)
	return run, result, err
}

// noteTaken writes down that a result leaves the house.
func (s *Server) noteTaken(ctx context.Context, run grids.Run, purpose string, detail map[string]any) error {
	who := actor(ctx)
	who.Purpose = purpose
	detail["run"], detail["hash"], detail["class"] = run.ID, run.Hash, string(run.Class)
	return s.Store.Note(ctx, who, "export", run.Subject, detail)
}

// townNames names towns by their codes; one that is not there any more is its code.
func (s *Server) townNames(class grids.Class) func(code string) string {
	st := s.View.Sight(class).State()
	return func(code string) string {
		if st != nil {
			if name := st.Name("towns", code); name != "" {
				return name
			}
		}
		return code
	}
}

// AnalysisPrint is a map of a result that is about to be saved.
type AnalysisPrint struct {
	Purpose string `json:"purpose" doc:"what for: 2 to 200 characters"`
	Form    string `json:"form" enum:"png,pdf"`
}

// printAnalysis writes down that the map of a result is taken away: the picture is made by the client, which saves it only after this.
func (s *Server) printAnalysis(ctx context.Context, in *struct {
	ID   string `path:"id" format:"uuid"`
	Body AnalysisPrint
}) (*struct{}, error) {
	purpose, err := purposeOf(in.Body.Purpose)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	run, _, err := s.takenRun(ctx, in.ID)
	if err == nil {
		err = s.noteTaken(ctx, run, purpose, map[string]any{"what": "analysis-map", "form": in.Body.Form})
	}
	return nil, s.faults().Huma(err)
}
