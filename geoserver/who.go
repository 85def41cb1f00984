package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"wangge/geoserver/accounts"
	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/geoserver/oidc"
	"wangge/grids"
	"wangge/grids/postgis"
)

// accounts joins what knows who asks: accounts of our own, and the sign-in services of others.
func (c *serveCmd) accounts(db *database, view *live.View, log *slog.Logger) (*accounts.Accounts, *oidc.Client, error) {
	services, err := c.services()
	if err != nil {
		return nil, nil, err
	}
	alone := c.alone()
	o := accounts.Options{Store: db.Store, Memory: memory{view}, Address: func(r *http.Request) string { return gate.AddressOf(r.Context()) }, Secure: !alone || c.TLSCert != "", Demo: alone, Log: log}
	for _, s := range services {
		o.Providers = append(o.Providers, accounts.Provider{ID: s.ID, Title: s.Title})
	}
	who := accounts.New(o)
	client, err := oidc.New(services, identities{who}, log)
	return who, client, err
}

// alone reports whether nobody but this machine can reach the server.
func (c *serveCmd) alone() bool { return gate.OnLoopback(c.Listen) && len(c.TrustedProxy) == 0 }

// services reads the sign-in services of the settings.
func (c *serveCmd) services() ([]oidc.Provider, error) {
	if c.SignInServices == "" {
		return nil, nil
	}
	f, err := os.Open(c.SignInServices) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, grids.Hide(grids.Invalid, err, "the file of sign-in services %s cannot be read", c.SignInServices)
	}
	defer func() { _ = f.Close() }() // only read
	return oidc.ReadProviders(f)
}

// identities finds the account of somebody whom a sign-in service knows.
type identities struct{ *accounts.Accounts }

// SignInIdentity implements [oidc.Accounts].
func (a identities) SignInIdentity(ctx context.Context, w http.ResponseWriter, r *http.Request, id oidc.Identity) error {
	i := grids.Identity{Issuer: id.Issuer, Subject: id.Subject}
	if id.MatchName {
		i.Name = id.Name
	}
	return a.Accounts.SignInIdentity(ctx, w, r, i)
}

// first makes the accounts of a first start and says so, and keeps accounts whose password everybody knows off the network.
func (c *serveCmd) first(ctx context.Context, store *postgis.Store, who *accounts.Accounts, loopback bool) error {
	const never = "the accounts of the demo have a password that everybody knows, so a server with them listens on loopback only: "
	if !loopback && c.Demo {
		return grids.Errorf(grids.Invalid, never+"use --listen 127.0.0.1:8470, or leave --demo out")
	}
	made, err := who.First(ctx, c.Demo)
	if err != nil {
		return err
	}
	if made.Name != "" {
		fmt.Fprintf(os.Stderr, firstText, made.Name, made.Password)
	}
	demo, err := accounts.HasDemo(ctx, store)
	switch {
	case err != nil || !demo:
		return err
	case !loopback:
		return grids.Errorf(grids.Invalid, never+"use --listen 127.0.0.1:8470, or another database")
	}
	fmt.Fprintf(os.Stderr, demoText, accounts.DemoPassword)
	return nil
}

const (
	firstText = `
  ****************************************************************************
    The first account, for the system administrator. This is shown only once:
      name      %s
      password  %s
    It must be changed at the first sign-in.
  ****************************************************************************

`
	demoText = `
  ****************************************************************************
    DEMO: every role has an account that everybody can use: commander,
    town-duty, patrol, reviewer, village-officer, grid-admin, auditor,
    system-admin, volunteer. Password of all: %s
    Only this machine can reach the server. Store nothing real here.
  ****************************************************************************

`
)

// memory is what the accounts want to know of the view.
type memory struct{ *live.View }

// Stamp implements [accounts.Memory].
func (m memory) Stamp() (grids.Stamp, bool) {
	st := m.State()
	if st == nil {
		return grids.Stamp{}, false
	}
	_, _, away := m.StaleSince()
	return grids.AccountsAt(st.Versions), !away
}

// Look implements [accounts.Memory].
func (m memory) Look(ctx context.Context) error { return m.Fresh(ctx) }

// K implements [accounts.Memory].
func (m memory) K(c grids.Class) int { return m.Sight(c).Rule().K }

// Area implements [accounts.Memory].
func (m memory) Area(s grids.Scope) (name string, at grids.Place, ok bool) {
	st := m.State()
	if st == nil {
		return "", at, false
	}
	if s.Level == grids.LevelDistrict {
		return st.Territory().District.Name, at, true
	}
	places := st.Places()
	switch s.Level {
	case grids.LevelTowns:
		at.Town, ok = s.Code, places.Town(s.Code)
	case grids.LevelVillages:
		at.Village = s.Code
		at.Town, _, ok = places.Village(s.Code)
	case grids.LevelGrids:
		at.Grid = s.Code
		at.Town, ok = places.Grid(s.Code)
	}
	if !ok {
		return "", grids.Place{}, false
	}
	return st.Name(string(s.Level), s.Code), at, true
}
