package accounts

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"wangge/grids"
)

// visit is what is known of a credential, read at one stamp. It is never written once it is shared, but for used.
type visit struct {
	actor grids.Actor
	known grids.Known
	by    credential
	until time.Time     // the first moment at which something of it is another, whatever the store says; the zero Time for never
	used  *atomic.Int64 // when it was last used, as Unix seconds
}

// good reports whether the visit still says what its credential is worth at t, as far as time goes.
func (v *visit) good(t time.Time) bool {
	idle := v.by.way == grids.BySession && t.Unix()-v.used.Load() >= int64(grids.SessionIdle/time.Second)
	return !idle && (v.until.IsZero() || t.Before(v.until))
}

// identify is who sent the request; nil when it has no credential. looked says that the server looked at the store since it came in.
// Errors: Invalid for a malformed credential, NotFound for one that is worth nothing (any more), Unavailable.
func (a *Accounts) identify(r *http.Request, looked bool) (*visit, error) {
	c, ok, err := credentialOf(r, a.cookieName())
	if !ok {
		return nil, err
	}
	if lent := a.lent.Load(); lent != nil && lent.by == c {
		return lent, nil
	}
	now, address := a.o.Now(), a.o.Address(r)
	if !looked {
		_ = a.o.Memory.Look(r.Context()) // a failed one leaves no stamp
	}
	v, there := a.visits.GetIfPresent(c)
	stamp, current := a.o.Memory.Stamp()
	newest := there && v.good(now) && v.known.At.Covers(stamp)
	if newest && current {
		return a.seen(v, address, now), nil
	}
	var fresh *visit
	if err = errAway; current || !reading(r) || !a.isAway(now) { // a write may wait for the store, a thousand tiles may not
		fresh, err = a.ask(r.Context(), c, address, now)
	}
	if grids.KindOf(err) == grids.Unavailable {
		if !errors.Is(err, errAway) {
			a.away.Store(now.UnixNano())
		}
		if newest && !current && reading(r) { // nothing newer was ever seen; what is shown is labelled as stale
			return a.seen(v, address, now), nil
		}
	}
	if err != nil {
		return nil, err
	}
	a.visits.Set(c, fresh)
	return a.seen(fresh, address, now), nil
}

var errAway = grids.Errorf(grids.Unavailable, "the database does not answer at the moment; try again shortly")

// reading reports whether a request changes nothing.
func reading(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// isAway reports whether the store did not answer a moment ago.
func (a *Accounts) isAway(now time.Time) bool {
	return now.UnixNano()-a.away.Load() < int64(askAgain)
}

// ask reads a credential from the store.
func (a *Accounts) ask(ctx context.Context, c credential, address string, now time.Time) (*visit, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	by := a.o.Store.BySession
	if c.way == grids.ByToken {
		by = a.o.Store.ByToken
	}
	k, err := by(ctx, c.hash)
	if err != nil {
		return nil, err
	}
	return a.visit(k, c, address, now)
}

// visit is what a credential is worth at now. The error is NotFound for one that is over.
func (a *Accounts) visit(k grids.Known, c credential, address string, now time.Time) (*visit, error) {
	account := k.Account
	v := &visit{known: k, by: c, until: account.NextChange(now), used: new(atomic.Int64)}
	v.actor = grids.Actor{ID: account.ID, Name: account.Name, Way: c.way, Grants: account.GrantsAt(now), Address: address}
	end, used := k.Session.EndsAt, k.Session.UsedAt
	if c.way == grids.ByToken {
		a.asToken(v, k.Token)
		end, used = k.Token.ExpiresAt, k.Token.UsedAt
	} else {
		asViewer(v, k.Session)
	}
	if v.until.IsZero() || end.Before(v.until) {
		v.until = end
	}
	v.used.Store(used.Unix())
	switch {
	case account.Disabled:
		return nil, grids.Errorf(grids.NotFound, "this account is disabled: the system administrator can enable it")
	case !v.good(now):
		return nil, grids.Errorf(grids.NotFound, "you were signed out because the time of your session or token is over: sign in again, or make a new token")
	}
	return v, nil
}

// asToken narrows a visit to what a token may do.
func (a *Accounts) asToken(v *visit, t grids.Token) {
	v.actor.Purpose, v.actor.Limits = t.Purpose, t.Rights
	if v.actor.Limits == nil {
		v.actor.Limits = []grids.Right{} // nil would be no limits
	}
	place := func(s grids.Scope) grids.Place { _, at, _ := a.o.Memory.Area(s); return at }
	v.actor.Grants = grids.Narrow(v.actor.Grants, t.Scope, place(t.Scope), place)
}

// asViewer makes a visit one of what the session's role sees, as long as its owner may look as another.
func asViewer(v *visit, n grids.Session) {
	v.actor.Purpose = n.Purpose
	if n.View.Role == "" || !v.actor.May(grids.ViewAs) {
		return
	}
	v.actor.Behind, v.actor.Limits = v.actor.Name, grids.ViewedRights()
	v.actor.Grants = []grids.Grant{{Role: n.View.Role, Scope: n.View.Scope}}
}

// seen notes that a visit is used now from an address, and is the visit of that address.
func (a *Accounts) seen(v *visit, address string, now time.Time) *visit {
	if was, at := v.used.Load(), now.Unix(); at-was >= int64(grids.UsedEvery/time.Second) && v.used.CompareAndSwap(was, at) {
		go a.noteUse(v.by, now)
	}
	if v.actor.Address != address {
		moved := *v
		moved.actor.Address = address
		v = &moved
		a.visits.Set(v.by, v)
	}
	return v
}

// noteUse tells the store, which nobody has to wait for.
func (a *Accounts) noteUse(c credential, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.o.Store.Used(ctx, c.way, c.hash, now); err != nil {
		a.o.Log.Debug("the use of a session could not be noted", "err", err)
	}
}

func (a *Accounts) cookieName() string {
	if a.o.Secure {
		return secureCookie
	}
	return plainCookie
}
