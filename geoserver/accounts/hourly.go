package accounts

import (
	"context"
	"net/http"
	"strings"
	"time"

	"wangge/grids"
)

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
