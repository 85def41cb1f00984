package accounts

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"wangge/grids"
)

// Area is a scope with the name of its unit.
type Area struct {
	Level grids.Level `json:"level" enum:"district,towns,villages,grids"`
	Code  grids.Code  `json:"code"`
	Name  string      `json:"name" doc:"as it is stored; empty when there is no such unit (any more)"`
}

// MeAccount is the own account.
type MeAccount struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Display    string `json:"display"`
	MustChange bool   `json:"must_change_password"`
	Demo       bool   `json:"demo"`
}

// MeRole is a role that somebody has now.
type MeRole struct {
	Role  grids.Role `json:"role"`
	Title grids.Text `json:"title"`
	Scope Area       `json:"scope"`
}

// MeViewAs is as whom an administrator looks.
type MeViewAs struct {
	Role  grids.Role `json:"role"`
	Scope Area       `json:"scope"`
	By    string     `json:"by" doc:"the name of the administrator"`
}

// Me is who is signed in and what he may do.
type Me struct {
	Account   MeAccount     `json:"account"`
	Roles     []MeRole      `json:"roles"`
	Rights    []grids.Right `json:"rights"`
	Class     grids.Class   `json:"class"`
	K         int           `json:"k" doc:"smallest count of casework that is shown"`
	Purpose   string        `json:"purpose"`
	ExpiresAt time.Time     `json:"expires_at"`
	ViewAs    *MeViewAs     `json:"view_as"`
	ByToken   bool          `json:"by_token"`
}

// me is what a visitor is told of himself.
func (a *Accounts) me(v *visit) Me {
	account, actor := v.known.Account, v.actor
	m := Me{Account: MeAccount{ID: account.ID.String(), Name: account.Name, Display: account.Display, MustChange: account.MustChange, Demo: account.Demo},
		Roles: []MeRole{}, Rights: rightsOf(actor), Class: actor.Class(), Purpose: actor.Purpose, ExpiresAt: v.known.Session.EndsAt, ByToken: actor.Way == grids.ByToken}
	m.K = a.o.Memory.K(m.Class)
	if m.ByToken {
		m.ExpiresAt = v.known.Token.ExpiresAt
	}
	for _, g := range actor.Grants {
		row, _ := grids.FindRole(g.Role)
		m.Roles = append(m.Roles, MeRole{g.Role, row.Title, a.area(g.Scope)})
	}
	if actor.Behind != "" {
		view := v.known.Session.View
		m.ViewAs = &MeViewAs{view.Role, a.area(view.Scope), actor.Behind}
	}
	return m
}

func (a *Accounts) area(s grids.Scope) Area {
	name, _, _ := a.o.Memory.Area(s)
	return Area{s.Level, s.Code, name}
}

// rightsOf is what an actor may do somewhere, each right once, in the order of their names.
func rightsOf(actor grids.Actor) []grids.Right {
	list := []grids.Right{}
	for _, row := range grids.Roles() {
		for _, r := range row.Rights {
			if !slices.Contains(list, r) && actor.May(r) {
				list = append(list, r)
			}
		}
	}
	slices.SortFunc(list, func(a, b grids.Right) int { return strings.Compare(string(a), string(b)) })
	return list
}

// knownArea refuses a scope whose unit is not stored. The error is Invalid.
func (a *Accounts) knownArea(s grids.Scope) (grids.Scope, grids.Place, error) {
	if s.Level == grids.LevelDistrict {
		return grids.Scope{Level: s.Level}, grids.Place{}, nil
	}
	_, at, ok := a.o.Memory.Area(s)
	if !ok {
		return s, at, grids.Errorf(grids.Invalid, "there is no unit with the code %.32q on the level %.32q: choose one of the map", s.Code, s.Level)
	}
	return s, at, nil
}

// body is an answer of one JSON value.
type body[T any] struct {
	Body T
}

// withCookie is the same with a cookie.
type withCookie struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Me
}

// left is the answer to a sign-out.
type left struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

// cookie carries a session's secret; no page can read it, and no other site's page sends it.
func (a *Accounts) cookie(s secret) http.Cookie {
	return http.Cookie{Name: a.cookieName(), Value: s.String(), Path: "/", MaxAge: int(grids.SessionLife / time.Second), Secure: a.o.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode} // #nosec G124 -- Secure wherever others can reach the server; browsers refuse it on plain loopback
}

// noCookie takes the cookie away.
func (a *Accounts) noCookie() http.Cookie {
	c := a.cookie(secret{}) // #nosec G124 -- as the cookie that it takes away
	c.Value, c.MaxAge = "", -1
	return c
}
