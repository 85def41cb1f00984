package postgis

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// person adds an account with grants.
func person(t *testing.T, s *Store, name string, grants ...grids.Grant) grids.Account {
	t.Helper()
	a := grids.Account{ID: grids.NewID(), Name: name, Display: name, Grants: grants}
	if err := s.AddAccount(t.Context(), grids.Operator, a, "$argon2id$secret-hash"); err != nil {
		t.Fatal(err)
	}
	return a
}

func give(role grids.Role, level grids.Level, code grids.Code) grids.Grant {
	return grids.Grant{ID: grids.NewID(), Role: role, Scope: grids.Scope{Level: level, Code: code}, From: time.Now().Add(-time.Hour)}
}

// signIn begins a session whose secret is the text.
func signIn(t *testing.T, s *Store, a grids.Account, secret string, replaces ...string) (grids.Session, [32]byte) {
	t.Helper()
	now := time.Now().Truncate(time.Microsecond).UTC()
	n := grids.Session{ID: grids.NewID(), Account: a.ID, BegunAt: now, UsedAt: now, EndsAt: now.Add(grids.SessionLife), Address: "192.0.2.7", Agent: "test", Purpose: "daily"}
	hash := sha256.Sum256([]byte(secret))
	var old *[32]byte
	for _, r := range replaces {
		h := sha256.Sum256([]byte(r))
		old = &h
	}
	if err := s.BeginSession(t.Context(), grids.Actor{Name: a.Name}, "sign-in", n, hash, old); err != nil {
		t.Fatal(err)
	}
	return n, hash
}

func kind(t *testing.T, what string, err error, want grids.Kind) {
	t.Helper()
	if !errors.Is(err, &grids.Error{Kind: want}) {
		t.Errorf("%s: %v, want an error of the kind %v", what, err, want)
	}
}

func TestAccountsAreStored(t *testing.T) {
	s, ctx := open(t), t.Context()
	a := person(t, s, "Wang.Li", give(grids.Patrol, grids.LevelTowns, "310151101000"))
	kind(t, "the same name in capitals", s.AddAccount(ctx, grids.Operator, grids.Account{ID: grids.NewID(), Name: "WANG.LI"}, ""), grids.Conflict)
	kind(t, "a name with a space", s.AddAccount(ctx, grids.Operator, grids.Account{ID: grids.NewID(), Name: "wang li"}, ""), grids.Invalid)
	got, hash, err := s.AccountNamed(ctx, "wang.li")
	if err != nil || hash != "$argon2id$secret-hash" || got.ID != a.ID || len(got.Grants) != 1 || got.Grants[0].ID != a.Grants[0].ID || got.Grants[0].Scope != a.Grants[0].Scope ||
		!got.Grants[0].Until.IsZero() || got.Grants[0].From.Sub(a.Grants[0].From).Abs() > time.Millisecond {
		t.Errorf("%+v %q %v", got, hash, err)
	}
	_, _, err = s.AccountNamed(ctx, "nobody")
	kind(t, "an unknown name", err, grids.NotFound)

	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	more := give(grids.Reviewer, grids.LevelDistrict, "ignored")
	more.Until = until
	for range 2 { // sent twice
		if err := s.AddGrant(ctx, grids.Operator, a.ID, more); err != nil {
			t.Fatal(err)
		}
	}
	kind(t, "a grant that no role can have", s.AddGrant(ctx, grids.Operator, a.ID, give(grids.Auditor, grids.LevelTowns, "310151101000")), grids.Invalid)
	kind(t, "a grant to nobody", s.AddGrant(ctx, grids.Operator, grids.NewID(), give(grids.Auditor, grids.LevelDistrict, "")), grids.NotFound)
	if got, err = s.Account(ctx, a.ID); err != nil || len(got.Grants) != 2 || !got.Grants[1].Until.Equal(until) || got.Grants[1].Scope.Code != "" {
		t.Errorf("%+v %v", got, err)
	}
	admin := person(t, s, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	if err := s.Revoke(ctx, grids.Operator, a.ID, more.ID); err != nil {
		t.Error(err)
	}
	kind(t, "taking it again", s.Revoke(ctx, grids.Operator, a.ID, more.ID), grids.NotFound)
	list, err := s.Accounts(ctx)
	if err != nil || len(list) != 2 || list[0].ID != admin.ID || list[1].ID != a.ID || len(list[1].Grants) != 1 || !list[1].LastSeen.IsZero() {
		t.Errorf("%+v %v", list, err)
	}
	n, _ := signIn(t, s, a, "x")
	if list, _ := s.Accounts(ctx); !list[1].LastSeen.Equal(n.UsedAt) {
		t.Errorf("last seen %v, want %v", list[1].LastSeen, n.UsedAt)
	}
}

// Somebody who can manage accounts is always left, also when the last two are taken away at once.
func TestTheLastAdministratorStays(t *testing.T) {
	ctx, dsn := t.Context(), pgtest.Database(t)
	s, err := Open(ctx, dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	short := give(grids.SystemAdmin, grids.LevelDistrict, "")
	short.Until = time.Now().Add(time.Hour)
	person(t, s, "for-an-hour", short)
	one := person(t, s, "one", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	two := person(t, s, "two", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	// neither can commit before both have come as far as they can
	owner, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(context.Background()) }() // the test is over
	hold, err := owner.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec(ctx, `lock table wangge.audit in share row exclusive mode`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = s.SetDisabled(ctx, grids.Operator, one.ID, true) })
	wg.Go(func() { errs[1] = s.Revoke(ctx, grids.Operator, two.ID, two.Grants[0].ID) })
	for waiting := 0; waiting < 2; time.Sleep(5 * time.Millisecond) {
		if _, err := hold.Exec(ctx, `select pg_stat_clear_snapshot()`); err != nil { // a transaction sees one moment otherwise
			t.Fatal(err)
		}
		if err := hold.QueryRow(ctx, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	if err := hold.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			kind(t, "the last administrator", err, grids.Conflict)
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d of two were refused: %v", refused, errs)
	}
}

func TestSessionsAndTokensAreFoundByTheirSecret(t *testing.T) {
	s, ctx := open(t), t.Context()
	person(t, s, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	a := person(t, s, "patrol", give(grids.Patrol, grids.LevelTowns, "310151101000"))
	n, hash := signIn(t, s, a, "first")
	k, err := s.BySession(ctx, hash)
	v, _ := s.Versions(ctx)
	if err != nil || k.Account.ID != a.ID || len(k.Account.Grants) != 1 || k.Session.ID != n.ID || !k.Session.EndsAt.Equal(n.EndsAt) || k.Session.Purpose != "daily" || k.At != grids.AccountsAt(v) || k.At.Version == 0 {
		t.Fatalf("%+v %v", k, err)
	}
	_, err = s.ByToken(ctx, hash)
	kind(t, "a session as a token", err, grids.NotFound)

	later := n.UsedAt.Add(5 * time.Minute)
	if err := s.Used(ctx, grids.BySession, hash, later); err != nil {
		t.Fatal(err)
	}
	if err := s.Used(ctx, grids.BySession, hash, n.UsedAt); err != nil { // a slower server
		t.Fatal(err)
	}
	if again, _ := s.BySession(ctx, hash); again.At != k.At || !again.Session.UsedAt.Equal(later) {
		t.Errorf("after a use: %+v", again)
	}
	if err := s.SetPurpose(ctx, grids.Operator, a.ID, n.ID, "verify"); err != nil {
		t.Fatal(err)
	}
	kind(t, "no purpose", s.SetPurpose(ctx, grids.Operator, a.ID, n.ID, "gossip"), grids.Invalid)
	kind(t, "another's session", s.SetPurpose(ctx, grids.Operator, grids.NewID(), n.ID, "verify"), grids.NotFound)
	if again, _ := s.BySession(ctx, hash); again.At.Version != k.At.Version+1 || again.Session.Purpose != "verify" {
		t.Errorf("after another purpose: %+v", again)
	}

	// a new secret takes the place of the old one
	_, second := signIn(t, s, a, "second", "first")
	_, err = s.BySession(ctx, hash)
	kind(t, "the replaced secret", err, grids.NotFound)
	tok := grids.Token{ID: grids.NewID(), Account: a.ID, Name: "qgis", Rights: []grids.Right{grids.Look, grids.Mark}, Scope: grids.Scope{Level: grids.LevelTowns, Code: "310151101000"}, Purpose: "patrol",
		MadeAt: n.BegunAt, ExpiresAt: n.BegunAt.Add(24 * time.Hour)}
	tokenHash := sha256.Sum256([]byte("token"))
	if err := s.AddToken(ctx, grids.Operator, tok, tokenHash); err != nil {
		t.Fatal(err)
	}
	k, err = s.ByToken(ctx, tokenHash)
	if err != nil || k.Token.ID != tok.ID || len(k.Token.Rights) != 2 || k.Token.Rights[1] != grids.Mark || k.Token.Scope != tok.Scope || !k.Token.UsedAt.IsZero() || !k.Token.ExpiresAt.Equal(tok.ExpiresAt) {
		t.Fatalf("%+v %v", k, err)
	}
	if err := s.Used(ctx, grids.ByToken, tokenHash, later); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Tokens(ctx, a.ID); err != nil || len(list) != 1 || !list[0].UsedAt.Equal(later) {
		t.Errorf("%+v %v", list, err)
	}
	kind(t, "another's token", s.RevokeToken(ctx, grids.Operator, grids.NewID(), tok.ID), grids.NotFound)
	if err := s.RevokeToken(ctx, grids.Operator, a.ID, tok.ID); err != nil {
		t.Error(err)
	}
	_, err = s.ByToken(ctx, tokenHash)
	kind(t, "a revoked token", err, grids.NotFound)

	// whatever ends sessions ends them
	for what, end := range map[string]func() error{
		"a new password": func() error { return s.SetPassword(ctx, grids.Operator, a.ID, "$h2", true) },
		"disabling":      func() error { return s.SetDisabled(ctx, grids.Operator, a.ID, true) },
		"everywhere":     func() error { return s.EndSessions(ctx, grids.Operator, a.ID) },
	} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		_, err := s.BySession(ctx, second)
		kind(t, what, err, grids.NotFound)
		_, second = signIn(t, s, a, what)
	}
	if got, hash, _ := s.AccountNamed(ctx, "patrol"); !got.MustChange || !got.Disabled || hash != "$h2" {
		t.Errorf("%+v %q", got, hash)
	}
	n, third := signIn(t, s, a, "third")
	if list, err := s.Sessions(ctx, a.ID); err != nil || len(list) != 2 || list[0].ID != n.ID {
		t.Errorf("%d sessions (%v), want two", len(list), err)
	}
	if err := s.EndSession(ctx, grids.Operator, "sign-out", a.ID, n.ID); err != nil {
		t.Error(err)
	}
	_, err = s.BySession(ctx, third)
	kind(t, "after signing out", err, grids.NotFound)
}

func TestSessionsThatAreOverAreForgotten(t *testing.T) {
	s, ctx := open(t), t.Context()
	a := person(t, s, "somebody")
	signIn(t, s, a, "idle")
	if _, err := s.pool.Exec(ctx, `update session set used_at = now() - interval '9 hours'`); err != nil {
		t.Fatal(err)
	}
	signIn(t, s, a, "long ago")
	if _, err := s.pool.Exec(ctx, `update session set ends_at = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	signIn(t, s, a, "new")
	if n := count(t, s, `select count(*) from session`); n != 1 {
		t.Errorf("%d sessions are stored, want the new one", n)
	}
}

func TestIdentitiesAreLinked(t *testing.T) {
	s, ctx := open(t), t.Context()
	a, b := person(t, s, "one"), person(t, s, "two")
	i := grids.Identity{Issuer: "https://id.example", Subject: "4711"}
	_, err := s.AccountByIdentity(ctx, i)
	kind(t, "before", err, grids.NotFound)
	for range 2 {
		if err := s.LinkIdentity(ctx, grids.Operator, a.ID, i); err != nil {
			t.Fatal(err)
		}
	}
	kind(t, "to another", s.LinkIdentity(ctx, grids.Operator, b.ID, i), grids.Conflict)
	kind(t, "nobody", s.LinkIdentity(ctx, grids.Operator, b.ID, grids.Identity{Issuer: "x"}), grids.Invalid)
	if got, err := s.AccountByIdentity(ctx, i); err != nil || got.ID != a.ID {
		t.Errorf("%+v %v", got, err)
	}
	_, err = s.AccountByIdentity(ctx, grids.Identity{Issuer: "https://other.example", Subject: "4711"})
	kind(t, "the same subject of another issuer", err, grids.NotFound)
}

// Every change leaves an audit row and a step of the accounts' version, and no secret, hash or password in either.
func TestChangesOfAccountsAreAudited(t *testing.T) {
	s, ctx := open(t), t.Context()
	admin := person(t, s, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	a := person(t, s, "somebody")
	g := give(grids.Volunteer, grids.LevelDistrict, "")
	tok := grids.Token{ID: grids.NewID(), Account: a.ID, Name: "t", Rights: []grids.Right{grids.Look}, Scope: grids.Scope{Level: grids.LevelDistrict}, Purpose: "daily", MadeAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	n := grids.Session{ID: grids.NewID(), Account: a.ID, BegunAt: time.Now(), UsedAt: time.Now(), EndsAt: time.Now().Add(time.Hour), Purpose: "daily"}
	by := grids.Actor{ID: admin.ID, Name: "admin", Way: grids.BySession, Grants: admin.Grants}
	secret := sha256.Sum256([]byte("secret"))
	for _, step := range []struct {
		action string
		change func(context.Context) error
	}{
		{"grant", func(ctx context.Context) error { return s.AddGrant(ctx, by, a.ID, g) }},
		{"revoke", func(ctx context.Context) error { return s.Revoke(ctx, by, a.ID, g.ID) }},
		{"sign-in", func(ctx context.Context) error { return s.BeginSession(ctx, by, "sign-in", n, secret, nil) }},
		{"set-purpose", func(ctx context.Context) error { return s.SetPurpose(ctx, by, a.ID, n.ID, "verify") }},
		{"sign-out", func(ctx context.Context) error { return s.EndSession(ctx, by, "sign-out", a.ID, n.ID) }},
		{"make-token", func(ctx context.Context) error { return s.AddToken(ctx, by, tok, secret) }},
		{"revoke-token", func(ctx context.Context) error { return s.RevokeToken(ctx, by, a.ID, tok.ID) }},
		{"change-password", func(ctx context.Context) error { return s.SetPassword(ctx, by, a.ID, "$argon2id$new-hash", false) }},
		{"rehash-password", func(ctx context.Context) error {
			return s.Rehash(ctx, by, a.ID, "$argon2id$new-hash", "$argon2id$newer-hash")
		}},
		{"reset-password", func(ctx context.Context) error { return s.SetPassword(ctx, by, a.ID, "$argon2id$reset-hash", true) }},
		{"disable-account", func(ctx context.Context) error { return s.SetDisabled(ctx, by, a.ID, true) }},
		{"enable-account", func(ctx context.Context) error { return s.SetDisabled(ctx, by, a.ID, false) }},
		{"link-identity", func(ctx context.Context) error {
			return s.LinkIdentity(ctx, by, a.ID, grids.Identity{Issuer: "i", Subject: "s"})
		}},
	} {
		before, _ := s.Versions(ctx)
		if err := step.change(ctx); err != nil {
			t.Fatalf("%s: %v", step.action, err)
		}
		after, _ := s.Versions(ctx)
		var actor, role, action, subject, detail string
		if err := owning(t, s).QueryRow(ctx, `select actor, role, action, subject, detail::text from audit order by seq desc limit 1`).Scan(&actor, &role, &action, &subject, &detail); err != nil {
			t.Fatal(err)
		}
		if actor != "admin" || role != "system-admin" || action != step.action || subject != "accounts" || after.Of[grids.OnAccounts] != before.Of[grids.OnAccounts]+1 {
			t.Errorf("%s: audit %s %s %s %s, version %d after %d", step.action, actor, role, action, subject, after.Of[grids.OnAccounts], before.Of[grids.OnAccounts])
		}
		if !strings.Contains(detail, a.ID.String()) || strings.Contains(detail, "argon2id") || strings.Contains(detail, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s: detail %s", step.action, detail)
		}
	}
	before, _ := s.Versions(ctx)
	if err := s.SetDisabled(ctx, by, a.ID, false); err != nil { // it is enabled
		t.Error(err)
	}
	if after, _ := s.Versions(ctx); !after.Same(before) {
		t.Error("a change of nothing left a trace")
	}
}
