package accounts

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"wangge/grids"
)

// Token is one of the own tokens; its secret was shown when it was made.
type Token struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Rights    []grids.Right `json:"rights"`
	Scope     Area          `json:"scope"`
	Purpose   string        `json:"purpose"`
	MadeAt    time.Time     `json:"made_at"`
	ExpiresAt time.Time     `json:"expires_at"`
	UsedAt    *time.Time    `json:"used_at" doc:"to the minute; null for never"`
}

// Tokens is the own tokens, the newest first.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

func (a *Accounts) tokens(ctx context.Context, _ *struct{}) (*body[Tokens], error) {
	list, err := a.o.Store.Tokens(ctx, ActorOf(ctx).ID)
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	out := Tokens{Tokens: []Token{}}
	for _, n := range list {
		t := Token{ID: n.ID.String(), Name: n.Name, Rights: n.Rights, Scope: a.area(n.Scope), Purpose: n.Purpose, MadeAt: n.MadeAt, ExpiresAt: n.ExpiresAt}
		if !n.UsedAt.IsZero() {
			t.UsedAt = &n.UsedAt
		}
		out.Tokens = append(out.Tokens, t)
	}
	return &body[Tokens]{out}, nil
}

// MadeToken is a new token with its secret, which is never shown again.
type MadeToken struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func (a *Accounts) makeToken(ctx context.Context, in *struct {
	Body struct {
		Name    string        `json:"name"`
		Purpose string        `json:"purpose"`
		Rights  []grids.Right `json:"rights" maxItems:"20"`
		Scope   grids.Scope   `json:"scope"`
		Days    int           `json:"days" minimum:"1" maximum:"365"`
	}
}) (*struct {
	Status int
	Body   MadeToken
}, error) {
	v := visitOf(ctx)
	now := a.o.Now().UTC()
	slices.Sort(in.Body.Rights)
	t := grids.Token{ID: grids.NewID(), Account: v.known.Account.ID, Name: in.Body.Name, Rights: slices.Compact(in.Body.Rights), Purpose: in.Body.Purpose,
		MadeAt: now, ExpiresAt: now.AddDate(0, 0, in.Body.Days)}
	scope, at, err := a.knownArea(in.Body.Scope)
	t.Scope = scope
	if err == nil {
		err = t.Check(v.actor, at)
	}
	s := newSecret()
	if err == nil {
		err = a.o.Store.AddToken(ctx, v.actor, t, sha256.Sum256(s[:]))
	}
	if err != nil {
		return nil, a.faults.Huma(err)
	}
	return &struct {
		Status int
		Body   MadeToken
	}{201, MadeToken{t.ID.String(), tokenPrefix + s.String()}}, nil
}

func (a *Accounts) revokeToken(ctx context.Context, in *byID) (*struct{}, error) {
	actor := ActorOf(ctx)
	id, err := grids.ParseID(in.ID)
	if err == nil {
		err = a.o.Store.RevokeToken(ctx, actor, actor.ID, id)
	}
	return nil, a.faults.Huma(err)
}
