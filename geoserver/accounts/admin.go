package accounts

import (
	"context"
	"time"

	"wangge/geoserver/accounts/password"
	"wangge/grids"
)

// Grant is a role that an account has in an area for a time.
type Grant struct {
	ID    string     `json:"id"`
	Role  grids.Role `json:"role"`
	Scope Area       `json:"scope"`
	From  time.Time  `json:"from"`
	Until *time.Time `json:"until" doc:"null for no end"`
}

// Account is an account as its administrator sees it.
type Account struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Display    string     `json:"display"`
	Disabled   bool       `json:"disabled"`
	MustChange bool       `json:"must_change"`
	Demo       bool       `json:"demo"`
	Grants     []Grant    `json:"grants"`
	LastSeen   *time.Time `json:"last_seen" doc:"null when no session is known"`
}

// AccountList is every account, by name.
type AccountList struct {
	Accounts []Account `json:"accounts"`
}

func (a *Accounts) account(from grids.Account) Account {
	out := Account{ID: from.ID.String(), Name: from.Name, Display: from.Display, Disabled: from.Disabled, MustChange: from.MustChange, Demo: from.Demo,
		Grants: []Grant{}, LastSeen: orNull(from.LastSeen)}
	for _, g := range from.Grants {
		out.Grants = append(out.Grants, Grant{g.ID.String(), g.Role, a.area(g.Scope), g.From, orNull(g.Until)})
	}
	return out
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *Accounts) list(ctx context.Context, _ *struct{}) (*body[AccountList], error) {
	list, err := a.o.Store.Accounts(ctx)
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	out := AccountList{Accounts: []Account{}}
	for _, account := range list {
		out.Accounts = append(out.Accounts, a.account(account))
	}
	return &body[AccountList]{out}, nil
}

// NewAccount is a new account with its first password, which is shown once.
type NewAccount struct {
	Account  Account `json:"account"`
	Password string  `json:"password" doc:"must be changed at the first sign-in"`
}

func (a *Accounts) add(ctx context.Context, in *struct {
	Body struct {
		Name    string `json:"name"`
		Display string `json:"display"`
	}
}) (*struct {
	Status int
	Body   NewAccount
}, error) {
	account, first, err := a.Add(ctx, ActorOf(ctx), grids.Account{Name: in.Body.Name, Display: in.Body.Display})
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	return &struct {
		Status int
		Body   NewAccount
	}{201, NewAccount{a.account(account), first}}, nil
}

// Add makes an account, with an id of its own, and a password for its first sign-in. Errors: Invalid, Conflict for a name that is taken.
func (a *Accounts) Add(ctx context.Context, actor grids.Actor, account grids.Account) (grids.Account, string, error) {
	if err := account.Check(); err != nil {
		return account, "", err
	}
	account.ID, account.MustChange = grids.NewID(), true
	first := password.OneTime()
	h, err := a.hasher.Hash(ctx, first)
	if err == nil {
		err = a.o.Store.AddAccount(ctx, actor, account, h)
	}
	return account, first, err
}

// NewPassword is shown once.
type NewPassword struct {
	Password string `json:"password" doc:"must be changed at the next sign-in"`
}

func (a *Accounts) reset(ctx context.Context, in *byID) (*body[NewPassword], error) {
	id, err := grids.ParseID(in.ID)
	next := ""
	if err == nil {
		next, err = a.Reset(ctx, ActorOf(ctx), id)
	}
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	return &body[NewPassword]{NewPassword{next}}, nil
}

// Reset gives an account a password for its next sign-in and ends its sessions. Errors: NotFound; Forbidden for an account of the demo.
func (a *Accounts) Reset(ctx context.Context, actor grids.Actor, id grids.ID) (string, error) {
	account, err := a.o.Store.Account(ctx, id)
	if err != nil {
		return "", err
	}
	if account.Demo {
		return "", grids.Errorf(grids.Forbidden, "the password of a demo account is known to everybody and cannot be changed")
	}
	first := password.OneTime()
	h, err := a.hasher.Hash(ctx, first)
	if err == nil {
		err = a.o.Store.SetPassword(ctx, actor, id, h, true)
	}
	return first, err
}

func (a *Accounts) disable(ctx context.Context, in *byID) (*struct{}, error) {
	return a.setDisabled(ctx, in, true)
}

func (a *Accounts) enable(ctx context.Context, in *byID) (*struct{}, error) {
	return a.setDisabled(ctx, in, false)
}

func (a *Accounts) setDisabled(ctx context.Context, in *byID, disabled bool) (*struct{}, error) {
	id, err := grids.ParseID(in.ID)
	if err == nil {
		err = a.o.Store.SetDisabled(ctx, ActorOf(ctx), id, disabled)
	}
	return nil, a.faults.Huma(err)
}

func (a *Accounts) signOutOther(ctx context.Context, in *byID) (*struct{}, error) {
	id, err := grids.ParseID(in.ID)
	if err == nil {
		err = a.o.Store.EndSessions(ctx, ActorOf(ctx), id)
	}
	return nil, a.faults.Huma(err)
}

func (a *Accounts) grant(ctx context.Context, in *struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		Role  grids.Role  `json:"role"`
		Scope grids.Scope `json:"scope"`
		From  time.Time   `json:"from,omitempty"`
		Until time.Time   `json:"until,omitempty"`
	}
}) (*struct {
	Status int
	Body   Grant
}, error) {
	g := grids.Grant{ID: grids.NewID(), Role: in.Body.Role, Scope: in.Body.Scope, From: in.Body.From, Until: in.Body.Until}
	if g.From.IsZero() {
		g.From = a.o.Now().UTC()
	}
	id, err := grids.ParseID(in.ID)
	if err == nil {
		err = g.Check()
	}
	if err == nil {
		g.Scope, _, err = a.knownArea(g.Scope)
	}
	if err == nil {
		err = a.o.Store.AddGrant(ctx, ActorOf(ctx), id, g)
	}
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	return &struct {
		Status int
		Body   Grant
	}{201, Grant{g.ID.String(), g.Role, a.area(g.Scope), g.From, orNull(g.Until)}}, nil
}

func (a *Accounts) revoke(ctx context.Context, in *struct {
	ID    string `path:"id" format:"uuid"`
	Grant string `path:"grant" format:"uuid"`
}) (*struct{}, error) {
	id, err := grids.ParseID(in.ID)
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	grant, err := grids.ParseID(in.Grant)
	if err == nil {
		err = a.o.Store.Revoke(ctx, ActorOf(ctx), id, grant)
	}
	return nil, a.faults.Huma(err)
}
