package accounts

import (
	"context"
	"time"

	"wangge/geoserver/accounts/password"
	"wangge/grids"
)

func (a *Accounts) whoAmI(ctx context.Context, _ *struct{}) (*body[Me], error) {
	return &body[Me]{a.me(visitOf(ctx))}, nil
}

func (a *Accounts) signOut(ctx context.Context, _ *struct{}) (*left, error) {
	v := visitOf(ctx)
	err := a.o.Store.EndSession(ctx, v.actor, "sign-out", v.known.Account.ID, v.known.Session.ID)
	return &left{a.noCookie()}, a.faults.Huma(err)
}

func (a *Accounts) signOutEverywhere(ctx context.Context, _ *struct{}) (*left, error) {
	v := visitOf(ctx)
	return &left{a.noCookie()}, a.faults.Huma(a.o.Store.EndSessions(ctx, v.actor, v.known.Account.ID))
}

// Session is one of the own sessions.
type Session struct {
	ID      string    `json:"id"`
	BegunAt time.Time `json:"begun_at"`
	UsedAt  time.Time `json:"used_at"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	Purpose string    `json:"purpose"`
	Current bool      `json:"current" doc:"the one that asks"`
}

// Sessions is the own sessions, the newest first.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

func (a *Accounts) sessions(ctx context.Context, _ *struct{}) (*body[Sessions], error) {
	v := visitOf(ctx)
	list, err := a.o.Store.Sessions(ctx, v.known.Account.ID)
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	out := Sessions{Sessions: []Session{}}
	for _, n := range list {
		if !n.Over(a.o.Now()) {
			out.Sessions = append(out.Sessions, Session{n.ID.String(), n.BegunAt, n.UsedAt, n.Address, n.Agent, n.Purpose, n.ID == v.known.Session.ID})
		}
	}
	return &body[Sessions]{out}, nil
}

type byID struct {
	ID string `path:"id" format:"uuid"`
}

func (a *Accounts) endSession(ctx context.Context, in *byID) (*struct{}, error) {
	v := visitOf(ctx)
	id, err := grids.ParseID(in.ID)
	if err == nil {
		err = a.o.Store.EndSession(ctx, v.actor, "end-session", v.known.Account.ID, id)
	}
	return nil, a.faults.Huma(err)
}

// changePassword ends all sessions and begins a new one here.
func (a *Accounts) changePassword(ctx context.Context, in *struct {
	Body struct {
		Old string `json:"old" maxLength:"1024"`
		New string `json:"new" maxLength:"1024"`
	}
}) (*withCookie, error) {
	v := visitOf(ctx)
	account := v.known.Account
	if v.actor.Behind != "" {
		return nil, a.faults.Huma(grids.Errorf(grids.Forbidden, "you look as somebody else, so nothing can be changed: end that first"))
	}
	if account.Demo {
		return nil, a.faults.Huma(grids.Errorf(grids.Forbidden, "the password of a demo account is known to everybody and cannot be changed"))
	}
	if err := password.Choice(in.Body.New, account.Name); err != nil {
		return nil, a.faults.Huma(err)
	}
	if in.Body.New == in.Body.Old {
		return nil, a.faults.Huma(grids.Errorf(grids.Invalid, "the new password is the old one: take another"))
	}
	if _, err := a.checked(ctx, account.Name, in.Body.Old, v.actor.Address); err != nil {
		return nil, err
	}
	h, err := a.hasher.Hash(ctx, in.Body.New)
	if err == nil {
		err = a.o.Store.SetPassword(ctx, v.actor, account.ID, h, false)
	}
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	account.MustChange = false
	old := v.known.Session
	out, err := a.begin(ctx, "sign-in", account, a.newSession(account.ID, old.Purpose, v.actor.Address, old.Agent), nil)
	return out, a.faults.Huma(err)
}

func (a *Accounts) setPurpose(ctx context.Context, in *struct {
	Body struct {
		Purpose string `json:"purpose"`
	}
}) (*body[Me], error) {
	v := visitOf(ctx)
	if err := a.o.Store.SetPurpose(ctx, v.actor, v.known.Account.ID, v.known.Session.ID, in.Body.Purpose); err != nil {
		return nil, a.faults.Huma(err)
	}
	now := *v // for the answer alone
	now.actor.Purpose = in.Body.Purpose
	return &body[Me]{a.me(&now)}, nil
}

// viewAs begins a session, with a new secret in place of the old one, that sees what a role sees in an area.
func (a *Accounts) viewAs(ctx context.Context, in *struct{ Body grids.Viewed }) (*withCookie, error) {
	to := in.Body
	var err error
	if err = (grids.Grant{Role: to.Role, Scope: to.Scope}).Check(); err == nil {
		to.Scope, _, err = a.knownArea(to.Scope)
	}
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	return a.look(ctx, "view-as", to)
}

func (a *Accounts) endViewAs(ctx context.Context, _ *struct{}) (*withCookie, error) {
	return a.look(ctx, "end-view-as", grids.Viewed{})
}

// look is the session going on as another, for no longer than before.
func (a *Accounts) look(ctx context.Context, action string, as grids.Viewed) (*withCookie, error) {
	v := visitOf(ctx)
	was := v.known.Session
	n := a.newSession(was.Account, v.actor.Purpose, v.actor.Address, was.Agent)
	n.BegunAt, n.EndsAt, n.View = was.BegunAt, was.EndsAt, as
	out, err := a.begin(ctx, action, v.known.Account, n, &v.by.hash)
	return out, a.faults.Huma(err)
}
