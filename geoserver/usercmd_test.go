package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
)

var (
	passwordLine = regexp.MustCompile(`password +(\S+)`)
	grantLine    = regexp.MustCompile(`([0-9a-f-]{36}) +patrol`)
)

func TestUserCommands(t *testing.T) {
	dsn := pgtest.Database(t)
	url := inFile(t, dsn)
	run := func(code int, says string, args ...string) string {
		t.Helper()
		out, got := command(t, append([]string{"user", "--database-url-file", url}, args...)...)
		if got != code || !strings.Contains(out, says) {
			t.Fatalf("%v: exit %d, want %d with %q:\n%s", args, got, code, says, out)
		}
		return out
	}
	run(0, "must change it", "add", "admin", "--role", "system-admin")
	out := run(0, "must change it", "add", "Wang.Li", "--display", "王力", "--role", "patrol", "--level", "towns", "--code", "310151101000", "--until", "2099-12-31")
	if m := passwordLine.FindStringSubmatch(out); m == nil || len(m[1]) != 23 {
		t.Errorf("no password in %s", out)
	}
	run(1, "already", "add", "wang.li")
	run(1, "cannot be used", "add", "wang li")
	run(1, "not known", "add", "other", "--role", "king")
	run(1, "cannot be given", "grant", "wang.li", "auditor", "--level", "towns", "--code", "310151101000")
	run(1, "no account", "grant", "nobody", "auditor")
	run(0, "", "grant", "WANG.LI", "auditor")
	out = run(0, "王力 must-change-password", "list")
	for _, says := range []string{"patrol towns 310151101000", "until 2099-12-31 00:00:00", "auditor district", "system-admin district"} {
		if !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	id := grantLine.FindStringSubmatch(out)[1]
	run(0, "", "revoke", "wang.li", id)
	run(1, "no grant", "revoke", "wang.li", id)
	run(1, "not a UUID", "revoke", "wang.li", "7")
	run(1, "last system administrator", "disable", "admin")
	run(0, "", "disable", "wang.li")
	if out := run(0, "disabled", "list"); strings.Contains(out, "patrol") {
		t.Errorf("a revoked grant is listed: %s", out)
	}
	run(0, "", "enable", "wang.li")
	again := passwordLine.FindStringSubmatch(run(0, "must change it", "reset", "wang.li"))[1]

	store, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rows, err := store.Audit(t.Context(), grids.Operator, grids.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, r := range rows {
		actions = append(actions, r.Action)
		if r.Actor != "operator" || strings.Contains(string(r.Detail), again) {
			t.Errorf("%+v %s", r, r.Detail)
		}
	}
	if want := "[reset-password enable-account disable-account revoke grant add-account add-account]"; fmt.Sprint(actions) != want {
		t.Errorf("the audit log has %v, want %s", actions, want)
	}
}

// The first start makes an administrator and shows the password once; a server with the demo's accounts stays on this machine.
func TestTheFirstAccounts(t *testing.T) {
	dsn := pgtest.Database(t)
	data := pgtest.Folder(t)
	args := []string{"--database-url-file", inFile(t, dsn), "--data", data}
	p := start(t, args...)
	p.until(t, "/healthz", http.StatusOK, time.Minute)
	m := passwordLine.FindStringSubmatch(p.out.String())
	if m == nil || strings.Count(p.out.String(), m[1]) != 1 || !strings.Contains(p.out.String(), "admin") {
		t.Fatalf("no first password in\n%s", p.out.String())
	}
	// nothing is stored yet, and the administrator gets in all the same
	var me struct {
		Detail  string
		Account struct{ Must_change_password bool }
	}
	if res := post(t, p.url+"/api/session", "", map[string]any{"name": "admin", "password": m[1], "purpose": "other"}, &me); res.StatusCode != 200 || !me.Account.Must_change_password {
		t.Errorf("%d %+v", res.StatusCode, me)
	}
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	p = start(t, append(args, "--demo")...)
	p.until(t, "/healthz", http.StatusOK, time.Minute)
	if out := p.out.String(); passwordLine.MatchString(out) || strings.Contains(out, "DEMO") {
		t.Errorf("a second start, with accounts, said\n%s", out)
	}
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	// the demo's accounts
	dsn = pgtest.Database(t)
	args = []string{"--database-url-file", inFile(t, dsn), "--data", data}
	if out, code := command(t, append([]string{"serve", "--demo", "--expose", "--listen", "0.0.0.0:0", "--trusted-proxy", "10.0.0.5/32", "--public-name", "map.example.org"}, args...)...); code != 1 || !strings.Contains(out, "loopback only") {
		t.Errorf("exit %d, %s", code, out)
	}
	p = start(t, append(args, "--demo")...)
	p.until(t, "/readyz", http.StatusOK, 3*time.Minute)
	if out := p.out.String(); !strings.Contains(out, "DEMO") || passwordLine.MatchString(out) {
		t.Errorf("the start of the demo said\n%s", out)
	}
	for _, role := range grids.Roles() {
		res := post(t, p.url+"/api/session", "", map[string]any{"name": role.Role, "password": "demo-of-chongming", "purpose": "other"}, &me)
		if res.StatusCode != 200 {
			t.Errorf("%s: %d %s", role.Role, res.StatusCode, me.Detail)
		}
	}
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if out, code := command(t, append([]string{"serve", "--expose", "--listen", "0.0.0.0:0", "--trusted-proxy", "10.0.0.5/32", "--public-name", "map.example.org"}, args...)...); code != 1 || !strings.Contains(out, "loopback only") {
		t.Errorf("exit %d, %s", code, out)
	}
}
