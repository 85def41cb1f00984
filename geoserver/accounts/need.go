package accounts

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"wangge/geoserver/gate"
	"wangge/grids"
)

// Need is what a route asks of whoever asks for it: a right of [grids.Roles], or one of the needs below. The zero Need is none: a
// route with it does not start.
type Need string

// The needs that are no rights.
const (
	Open     Need = "open"      // nothing: everybody may, signed in or not
	Self     Need = "self"      // to be signed in, even with a password that must be changed
	SignedIn Need = "signed-in" // to be signed in
	InPerson Need = "in-person" // to be signed in by a session, not by a token
	Leaving  Need = "leaving"   // the same, even with a password that must be changed or while looking as another
)

// Check refuses what is no need. The error is Internal: it is a mistake in the table of routes.
func (n Need) Check() error {
	known := slices.Contains([]Need{Open, Self, SignedIn, InPerson, Leaving}, n) ||
		slices.ContainsFunc(grids.Roles(), func(r grids.RoleRules) bool { return slices.Contains(r.Rights, grids.Right(n)) })
	if !known {
		return grids.Errorf(grids.Internal, "%q is nothing that a route can need", string(n))
	}
	return nil
}

// Guard lets only those through to a route who have what it needs, and puts who it is into the context. looked reports whether the server
// looked at the store since the request came in. Refusals are written into the audit log: the guard's own, and those behind it when the writer
// that it is given tells the Status of the answer.
func (a *Accounts) Guard(need Need, looked func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := a.identify(r, need == Open || looked(r))
			if need == Open { // who it is matters to some, but keeps nobody out
				if v == nil {
					v = &visit{actor: grids.Actor{Address: a.o.Address(r)}}
				}
				next.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
				return
			}
			if err != nil || v == nil {
				a.turnAway(w, r, err)
				return
			}
			if err := v.may(need, reading(r)); err != nil {
				a.noteForbidden(r, v.actor, need)
				gate.WriteProblem(w, http.StatusForbidden, gate.Sentence(err))
				return
			}
			next.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
			if s, ok := w.(interface{ Status() int }); ok && s.Status() == http.StatusForbidden { // of the place, not of the route
				a.noteForbidden(r, v.actor, need)
			}
		})
	}
}

// Still is who sent a request that is being answered for long, with the grants of now, as of the last look at the store; false when it does
// not have what the request needs any more.
func (a *Accounts) Still(r *http.Request, need Need) (grids.Actor, bool) {
	v, err := a.identify(r, true)
	if err != nil || v == nil || v.may(need, reading(r)) != nil {
		return grids.Actor{}, false
	}
	return v.actor, true
}

// turnAway answers one who is not signed in: 401, and to a program that asks for tiles without a cookie how it can sign in.
func (a *Accounts) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	status, sentence := http.StatusUnauthorized, "sign in first: you are not signed in, or your session has ended"
	if err != nil {
		sentence = gate.Sentence(err)
		if kind := grids.KindOf(err); kind != grids.NotFound {
			if status = gate.StatusOf(kind); status >= http.StatusInternalServerError {
				a.faults.Plain(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
				return
			}
		}
	}
	if status == http.StatusUnauthorized && strings.HasPrefix(r.URL.Path, "/tiles/") && cookieOf(r.Header, a.cookieName()) == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="wangge", charset="UTF-8"`)
	}
	gate.WriteProblem(w, status, sentence)
}

// may refuses one who has not what a route needs. The error is Forbidden: a sentence that says what is missing and who gives it.
func (v *visit) may(need Need, reading bool) error {
	actor := &v.actor
	person := need == InPerson || need == Leaving || grids.InPerson(grids.Right(need))
	switch {
	case person && actor.Way == grids.ByToken:
		return grids.Errorf(grids.Forbidden, "this cannot be done with a token: sign in with your name and password")
	case v.known.Account.MustChange && need != Self && need != Leaving:
		return grids.Errorf(grids.Forbidden, "change your password first: the one that you have was given to you by somebody else")
	case actor.Behind != "" && !reading && need != Leaving:
		return grids.Errorf(grids.Forbidden, "you look as somebody else, so nothing can be changed: end that first")
	case need == Self || need == SignedIn || need == InPerson || need == Leaving || actor.May(grids.Right(need)):
		return nil
	}
	return grids.Errorf(grids.Forbidden, "%s", missing(grids.Right(need), actor))
}

// missing says which right is missing, who has it, and who gives it.
func missing(right grids.Right, actor *grids.Actor) string {
	if actor.Limits != nil && actor.Behind == "" {
		return fmt.Sprintf("this token does not have the right %s, or not where it may be used: make one that has it", right)
	}
	var roles []string
	for _, r := range grids.Roles() {
		if slices.Contains(r.Rights, right) {
			roles = append(roles, r.Title.ZH+" ("+r.Title.EN+")")
		}
	}
	return fmt.Sprintf("you do not have the right %s. These roles have it: %s. The system administrator gives it", right, strings.Join(roles, ", "))
}
