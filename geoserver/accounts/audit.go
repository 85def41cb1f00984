package accounts

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"wangge/grids"
)

const (
	auditPage = 100     // rows, unless asked otherwise
	auditRead = 1000    // rows that the store reads at once
	csvMost   = 100_000 // rows of a file
)

// auditAction is one of [grids.AuditActions].
type auditAction string

// Schema lists the actions in the API's description.
func (auditAction) Schema(huma.Registry) *huma.Schema { return oneOf(grids.AuditActions[:]) }

// auditSubject is one of [grids.Subjects], or "".
type auditSubject string

// Schema lists the subjects in the API's description.
func (auditSubject) Schema(huma.Registry) *huma.Schema {
	return oneOf(append(grids.Subjects[:], ""))
}

func oneOf[T ~string](list []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range list {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// AuditQuery is what an auditor looks for.
type AuditQuery struct {
	From    time.Time `query:"from" doc:"not before this moment"`
	To      time.Time `query:"to" doc:"before this moment"`
	Actor   string    `query:"actor" maxLength:"200"`
	Action  string    `query:"action" maxLength:"64"`
	Subject string    `query:"subject" maxLength:"64"`
	Before  int64     `query:"before" minimum:"0" doc:"only rows with a smaller number, for the next page"`
	Limit   int       `query:"limit" minimum:"0" maximum:"500"`
}

func (q AuditQuery) query(limit int) grids.AuditQuery {
	return grids.AuditQuery{From: q.From, To: q.To, Actor: q.Actor, Action: q.Action, Subject: q.Subject, Before: q.Before, Limit: limit}
}

// AuditRow is a row of the audit log.
type AuditRow struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Role    string          `json:"role"`
	Way     string          `json:"way"`
	Action  auditAction     `json:"action"`
	Subject auditSubject    `json:"subject"`
	Purpose string          `json:"purpose"`
	Behind  string          `json:"behind"`
	Address string          `json:"address"`
	Detail  json.RawMessage `json:"detail"`
}

// AuditPage is some rows, the newest first.
type AuditPage struct {
	Rows []AuditRow `json:"rows"`
	Next int64      `json:"next,omitempty" doc:"before of the next page; absent on the last"`
}

func (a *Accounts) audit(ctx context.Context, in *AuditQuery) (*body[AuditPage], error) {
	limit := in.Limit
	if limit <= 0 {
		limit = auditPage
	}
	if err := a.NoteHourly(ctx, ActorOf(ctx), "look-audit", grids.OnAccounts, "", func() any { return map[string]string{} }); err != nil {
		return nil, a.faults.Huma(err)
	}
	rows, err := a.o.Store.Audit(ctx, ActorOf(ctx), in.query(limit+1))
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	page := AuditPage{Rows: []AuditRow{}}
	for i, r := range rows {
		if i == limit {
			page.Next = rows[i-1].Seq
			break
		}
		page.Rows = append(page.Rows, AuditRow{r.Seq, r.At, r.Actor, r.Role, r.Way, auditAction(r.Action), auditSubject(r.Subject), r.Purpose, r.Behind, r.Address, r.Detail})
	}
	return &body[AuditPage]{page}, nil
}

// file is a table to keep.
type file struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *Accounts) auditCSV(ctx context.Context, in *struct {
	AuditQuery
	Why string `query:"purpose" required:"true"`
}) (*file, error) {
	if err := grids.CheckPurpose(in.Why); err != nil {
		return nil, a.faults.Huma(err)
	}
	rows, err := a.auditRows(ctx, in.query(auditRead))
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	actor := ActorOf(ctx)
	actor.Purpose = in.Why
	if err := a.o.Store.Note(ctx, actor, "export-audit", grids.OnAccounts, map[string]any{"rows": len(rows), "of": in.Actor, "action": in.Action, "subject": in.Subject}); err != nil {
		return nil, a.faults.Huma(err)
	}
	var b bytes.Buffer
	b.WriteString("\ufeff") // so that spreadsheets read it as UTF-8
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"seq", "at", "actor", "role", "way", "action", "subject", "purpose", "behind", "address", "detail"}) // a buffer takes everything
	for _, r := range rows {
		_ = w.Write(cells(strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339Nano), r.Actor, r.Role, r.Way, r.Action, r.Subject, r.Purpose, r.Behind, r.Address, string(r.Detail)))
	}
	w.Flush()
	return &file{"text/csv; charset=utf-8", `attachment; filename="audit.csv"`, b.Bytes()}, nil
}

// auditRows reads all rows that a query chooses, page by page. The error is TooLarge for more than a file may hold.
func (a *Accounts) auditRows(ctx context.Context, q grids.AuditQuery) (all []grids.AuditRow, err error) {
	for {
		rows, err := a.o.Store.Audit(ctx, ActorOf(ctx), q)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		switch {
		case len(all) > csvMost:
			return nil, grids.Errorf(grids.TooLarge, "these are more than %d rows: choose a shorter time", csvMost)
		case len(rows) < q.Limit:
			return all, nil
		}
		q.Before = rows[len(rows)-1].Seq
	}
}

// cells keeps a spreadsheet from taking a text for a formula.
func cells(list ...string) []string {
	for i, s := range list {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			list[i] = "'" + s
		}
	}
	return list
}

// hourlyKey is who did something, what for, what it was, and in which hour.
type hourlyKey struct {
	id                            grids.ID
	way                           grids.Way
	purpose, behind, action, what string
	hour                          int64
}

// NoteHourly writes down in the audit log that an actor did or saw something that would fill the log if each time were written: the
// first time in each hour of the clock, for each account, way, purpose and what. detail is asked only then. Without the row nothing may
// be shown: the error is the store's.
func (a *Accounts) NoteHourly(ctx context.Context, actor grids.Actor, action string, subject grids.Subject, what string, detail func() any) error {
	key := hourlyKey{actor.ID, actor.Way, actor.Purpose, actor.Behind, action, what, a.o.Now().Truncate(time.Hour).Unix()}
	if _, noted := a.hourly.Load(key); noted {
		return nil
	}
	if err := a.o.Store.Note(ctx, actor, action, subject, detail()); err != nil {
		return err
	}
	a.hourly.Range(func(k, _ any) bool {
		if k.(hourlyKey).hour != key.hour {
			a.hourly.Delete(k)
		}
		return true
	})
	a.hourly.Store(key, true)
	return nil
}

// longestPath bounds what a row keeps of an address.
const longestPath = 200

// noteForbidden writes down that an actor was refused for want of a right: once an hour for each method and what the route needs. Who is
// refused is refused whether that can be written or not.
func (a *Accounts) noteForbidden(r *http.Request, actor grids.Actor, need Need) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	err := a.NoteHourly(ctx, actor, "refused", subjectOf(r.URL.Path), r.Method+" "+string(need), func() any {
		return map[string]string{"needs": string(need), "asked": strings.ToValidUTF8(r.Method+" "+r.URL.Path[:min(len(r.URL.Path), longestPath)], "")}
	})
	if err != nil {
		a.o.Log.Error("a refusal could not be written into the audit log", "err", err)
	}
}

// subjectOf is what an address is about; "" when it does not say.
func subjectOf(path string) grids.Subject {
	switch {
	case Own(path):
		return grids.OnAccounts
	case strings.HasPrefix(path, "/api/findings"), strings.HasPrefix(path, "/api/export/findings"):
		return grids.OnFindings
	case strings.HasPrefix(path, "/api/check"):
		return grids.OnTerritory
	}
	return ""
}
