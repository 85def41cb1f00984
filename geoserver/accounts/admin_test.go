package accounts

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wangge/grids"
)

func TestAdministration(t *testing.T) {
	h := build(t)
	h.person(t, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	c, _ := h.signIn(t, "admin")
	var made NewAccount
	c.want(t, 201, "POST", "/api/accounts", map[string]any{"name": "Li.Hua", "display": "李华"}, &made)
	if made.Account.Name != "Li.Hua" || made.Account.Display != "李华" || !made.Account.MustChange || made.Account.Disabled || len(made.Account.Grants) != 0 || len(made.Password) != 23 {
		t.Errorf("%+v", made)
	}
	c.want(t, 409, "POST", "/api/accounts", map[string]any{"name": "li.hua", "display": ""}, nil)
	c.want(t, 400, "POST", "/api/accounts", map[string]any{"name": "li hua", "display": ""}, nil)
	path := "/api/accounts/" + made.Account.ID
	grant := func(role, level, code string, more ...string) map[string]any {
		m := map[string]any{"role": role, "scope": map[string]any{"level": level, "code": code}}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for says, body := range map[string]map[string]any{
		"not known":       grant("king", "district", ""),
		"cannot be given": grant("auditor", "towns", town),
		"no unit":         grant("patrol", "towns", "310151999000"),
		"before it begin": grant("patrol", "towns", town, "from", "2026-05-01T00:00:00Z", "until", "2026-04-01T00:00:00Z"),
	} {
		if a := c.want(t, 400, "POST", path+"/grants", body, nil); !strings.Contains(a.Detail, says) {
			t.Errorf("%v: %s", body, a.Detail)
		}
	}
	c.want(t, 404, "POST", "/api/accounts/"+grids.NewID().String()+"/grants", grant("patrol", "towns", town), nil)
	var g Grant
	c.want(t, 201, "POST", path+"/grants", grant("patrol", "towns", town, "until", "2099-05-01T00:00:00+08:00"), &g)
	var list AccountList
	c.want(t, 200, "GET", "/api/accounts", nil, &list)
	if len(list.Accounts) != 2 || list.Accounts[0].LastSeen == nil || list.Accounts[1].LastSeen != nil || len(list.Accounts[1].Grants) != 1 || list.Accounts[1].Grants[0].ID != g.ID ||
		list.Accounts[1].Grants[0].Until == nil || list.Accounts[1].Grants[0].Scope.Name != "镇" {
		t.Errorf("%+v", list)
	}
	c.want(t, 404, "DELETE", path+"/grants/"+grids.NewID().String(), nil, nil)
	c.want(t, 204, "DELETE", path+"/grants/"+g.ID, nil, nil)
	admin := "/api/accounts/" + list.Accounts[0].ID
	c.want(t, 409, "POST", admin+"/disable", nil, nil)
	c.want(t, 409, "DELETE", admin+"/grants/"+list.Accounts[0].Grants[0].ID, nil, nil)
	c.want(t, 200, "GET", "/api/session", nil, nil) // what was refused changed nothing
	for _, route := range []string{"/disable", "/enable", "/reset", "/sign-out"} {
		c.want(t, 404, "POST", "/api/accounts/"+grids.NewID().String()+route, nil, nil)
	}
	if strings.Contains(h.log.String(), made.Password) {
		t.Error("the log holds a password")
	}
}

func TestViewAs(t *testing.T) {
	h := build(t)
	h.person(t, "second", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	a := h.person(t, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	c, _ := h.signIn(t, "admin")
	as := func(role, level, code string) map[string]any {
		return map[string]any{"role": role, "scope": map[string]any{"level": level, "code": code}}
	}
	c.want(t, 400, "POST", "/api/view-as", as("king", "district", ""), nil)
	c.want(t, 400, "POST", "/api/view-as", as("village-officer", "towns", town), nil)
	c.want(t, 400, "POST", "/api/view-as", as("village-officer", "villages", "310151999999"), nil)
	was := *c
	var me Me
	c.want(t, 200, "POST", "/api/view-as", as("village-officer", "villages", village), &me)
	if me.ViewAs == nil || me.ViewAs.By != "admin" || me.ViewAs.Role != grids.VillageOfficer || me.ViewAs.Scope.Name != "居委会" || me.Class != grids.ClassVillage || len(me.Rights) != 2 ||
		len(me.Roles) != 1 || me.Roles[0].Role != grids.VillageOfficer || me.Account.Name != "admin" || c.cookie == was.cookie {
		t.Errorf("%+v", me)
	}
	was.want(t, 401, "GET", "/api/session", nil, nil)
	var actor grids.Actor
	if err := json.Unmarshal(c.want(t, 200, "GET", "/tiles/x", nil, nil).body, &actor); err != nil || actor.Behind != "admin" || actor.Class() != grids.ClassVillage || actor.May(grids.Export) || actor.May(grids.ManageAccounts) ||
		!actor.MayAt(grids.LookExact, grids.Place{Village: village}) || actor.MayAt(grids.LookExact, grids.Place{Town: town}) {
		t.Errorf("%+v %v", actor, err)
	}
	// nothing can be written, and nothing of the administrator's own be done
	for _, route := range []string{"POST /mark", "POST /api/tokens", "POST /api/purpose", "POST /api/view-as", "POST /api/accounts", "GET /api/accounts", "GET /api/audit", "POST /api/password", "DELETE /api/sessions/" + grids.NewID().String()} {
		method, path, _ := strings.Cut(route, " ")
		body := tokenBody("look")
		switch path {
		case "/api/password":
			body = map[string]any{"old": pass, "new": pass + " more"}
		case "/api/purpose":
			body = map[string]any{"purpose": "daily"}
		case "/api/view-as":
			body = as("commander", "district", "")
		case "/api/accounts":
			body = map[string]any{"name": "new.one", "display": ""}
		}
		c.want(t, 403, method, path, body, nil)
	}
	was = *c
	me = Me{}
	c.want(t, 200, "DELETE", "/api/view-as", nil, &me)
	if me.ViewAs != nil || me.Roles[0].Role != grids.SystemAdmin || c.cookie == was.cookie {
		t.Errorf("%+v", me)
	}
	was.want(t, 401, "GET", "/tiles/x", nil, nil)
	c.want(t, 200, "GET", "/api/accounts", nil, nil)
	// one who may no longer look as another is himself again
	c.want(t, 200, "POST", "/api/view-as", as("commander", "district", ""), nil)
	if err := h.store.Revoke(t.Context(), grids.Operator, a.ID, a.Grants[0].ID); err != nil {
		t.Fatal(err)
	}
	c.want(t, 403, "GET", "/tiles/x", nil, nil)
	rows, err := h.store.Audit(t.Context(), grids.Operator, grids.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range rows {
		if r.Action == "view-as" || r.Action == "end-view-as" {
			seen++
			if r.Actor != "admin" || r.Action == "view-as" && !strings.Contains(string(r.Detail), `"role"`) {
				t.Errorf("%+v %s", r, r.Detail)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d changes of view are in the audit log, want 3", seen)
	}
}

func TestTheAuditPage(t *testing.T) {
	h := build(t)
	h.person(t, "duty", give(grids.TownDuty, grids.LevelTowns, town))
	h.person(t, "auditor", give(grids.Auditor, grids.LevelDistrict, ""))
	h.signIn(t, "duty")
	c, _ := h.signIn(t, "auditor")
	var page AuditPage
	c.want(t, 200, "GET", "/api/audit", nil, &page)
	if len(page.Rows) != 5 || page.Next != 0 || page.Rows[0].Action != "look-audit" || page.Rows[0].Actor != "auditor" || page.Rows[1].Action != "sign-in" ||
		page.Rows[4].Action != "add-account" || page.Rows[0].Seq <= page.Rows[1].Seq {
		t.Errorf("%+v", page)
	}
	var all []int64
	for next := int64(0); ; {
		page = AuditPage{}
		c.want(t, 200, "GET", "/api/audit?limit=3&before="+strconv.FormatInt(next, 10), nil, &page)
		for _, r := range page.Rows {
			all = append(all, r.Seq)
		}
		if next = page.Next; next == 0 {
			break
		}
	}
	if len(all) != 5 || !slices.IsSortedFunc(all, func(a, b int64) int { return cmp.Compare(b, a) }) {
		t.Errorf("by pages: %v", all)
	}
	if c.want(t, 200, "GET", "/api/audit?actor=duty&action=sign-in", nil, &page); len(page.Rows) != 1 || page.Rows[0].Actor != "duty" {
		t.Errorf("%+v", page)
	}
	for _, bad := range []string{"/api/audit?limit=5000", "/api/audit?before=-1", "/api/audit?from=yesterday", "/api/audit.csv"} {
		c.want(t, 422, "GET", bad, nil, nil)
	}
	c.want(t, 400, "GET", "/api/audit.csv?purpose=gossip", nil, nil)
	a := c.want(t, 200, "GET", "/api/audit.csv?purpose=audit&actor=duty", nil, nil)
	rows := readCSV(t, a.body)
	if len(rows) != 2 || rows[1][2] != "duty" || rows[0][10] != "detail" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v %v", rows, a.header)
	}
	page = AuditPage{}
	if c.want(t, 200, "GET", "/api/audit?limit=1", nil, &page); page.Rows[0].Action != "export-audit" || page.Rows[0].Actor != "auditor" {
		t.Errorf("the export left %+v", page.Rows)
	}
	if got := cells("=1+1", "+1", "-1", "@x", "\tx", "plain", ""); !slices.Equal(got, []string{"'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", ""}) {
		t.Errorf("cells %q", got)
	}
}

func TestRefusalsAreInTheAuditLog(t *testing.T) {
	h := build(t)
	h.person(t, "watcher", give(grids.Volunteer, grids.LevelDistrict, ""))
	h.person(t, "patrol", give(grids.Patrol, grids.LevelTowns, town))
	h.person(t, "auditor", give(grids.Auditor, grids.LevelDistrict, ""))
	refused := func(actor string) []AuditRow {
		c, _ := h.signIn(t, "auditor")
		var page AuditPage
		c.want(t, 200, "GET", "/api/audit?action=refused&actor="+actor, nil, &page)
		return page.Rows
	}
	c, _ := h.signIn(t, "watcher")
	for range 3 { // one row an hour
		c.want(t, 403, "POST", "/mark", nil, nil)
	}
	c.want(t, 403, "GET", "/api/accounts", nil, nil)
	rows := refused("watcher")
	if len(rows) != 2 || rows[1].Subject != "" || rows[0].Subject != auditSubject(grids.OnAccounts) || rows[0].Role != string(grids.Volunteer) ||
		!strings.Contains(string(rows[1].Detail), `"asked":"POST /mark"`) || !strings.Contains(string(rows[0].Detail), string(grids.ManageAccounts)) {
		t.Fatalf("%+v", rows)
	}
	h.advance(time.Hour)
	c, _ = h.signIn(t, "watcher")
	c.want(t, 403, "POST", "/mark", nil, nil)
	if rows := refused("watcher"); len(rows) != 3 {
		t.Errorf("an hour later: %+v", rows)
	}
	c, _ = h.signIn(t, "patrol")
	c.want(t, 204, "POST", "/mark", nil, nil)
	c.want(t, 403, "POST", "/mark?foreign", nil, nil) // the right, and not in the place
	if rows := refused("patrol"); len(rows) != 1 {
		t.Errorf("behind the guard: %+v", rows)
	}
}

func TestWhatTheSignInPageShows(t *testing.T) {
	h := build(t)
	c := h.client()
	var page SignIn
	a := c.want(t, 200, "GET", "/api/sign-in", nil, &page)
	if len(page.Purposes) != 6 || page.Purposes[1].ID != "patrol" || page.Purposes[1].ZH != "踏查部署" || len(page.Roles) != len(grids.Roles()) || strings.Contains(string(a.body), "demo_accounts") || page.Providers == nil {
		t.Errorf("%s", a.body)
	}
	made, err := h.accounts.First(t.Context(), true)
	if err != nil || len(made.Demo) != len(grids.Roles()) || made.Name != "" {
		t.Fatalf("%+v %v", made, err)
	}
	if err := h.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.want(t, 200, "GET", "/api/sign-in", nil, &page)
	if len(page.Demo) != len(grids.Roles()) {
		t.Fatalf("%+v", page.Demo)
	}
	for _, d := range page.Demo {
		var me Me
		c := h.client()
		c.want(t, 200, "POST", "/api/session", signInBody(d.Name, d.Password), &me)
		if me.Account.MustChange || !me.Account.Demo || me.Roles[0].Role != d.Role || me.Roles[0].Scope.Name != d.Area {
			t.Errorf("%+v: %+v", d, me)
		}
		c.want(t, 403, "POST", "/api/password", map[string]any{"old": d.Password, "new": pass}, nil)
	}
	// reachable from elsewhere nobody gets in by them, and nobody is told of them
	h.accounts.o.Demo = false
	h.accounts.signIns.Store(nil)
	if a := c.want(t, 200, "GET", "/api/sign-in", nil, nil); strings.Contains(string(a.body), DemoPassword) {
		t.Errorf("%s", a.body)
	}
	c.want(t, 401, "POST", "/api/session", signInBody("commander", DemoPassword), nil)
}

// A server whose database is away goes on for those whom it knows, to look and not to write, and lets nobody new in.
func TestWithTheDatabaseAway(t *testing.T) {
	h := build(t)
	h.person(t, "duty", give(grids.TownDuty, grids.LevelTowns, town))
	c, _ := h.signIn(t, "duty")
	c.want(t, 200, "GET", "/tiles/x", nil, nil)
	stranger := h.client()
	stranger.cookie = newSecret().String()
	h.store.Close()
	h.away.Store(true)
	for range 3 {
		c.want(t, 200, "GET", "/tiles/x", nil, nil)
		c.want(t, 503, "POST", "/mark", nil, nil)
		if a := stranger.want(t, 503, "GET", "/tiles/x", nil, nil); a.Detail == "" || strings.Contains(a.Detail, "pool") {
			t.Error(a.Detail)
		}
	}
	h.advance(grids.SessionIdle + time.Minute)
	c.want(t, 503, "GET", "/tiles/x", nil, nil)
}

// One who signed out, or was disabled, does not come back when the database goes away or is slow.
func TestNobodyComesBackWithTheDatabaseAway(t *testing.T) {
	h := build(t)
	h.person(t, "duty", give(grids.TownDuty, grids.LevelTowns, town))
	c, _ := h.signIn(t, "duty")
	c.want(t, 200, "GET", "/tiles/x", nil, nil)
	kept := *c
	c.want(t, 204, "DELETE", "/api/session", nil, nil)
	if err := h.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.store.Close()
	kept.want(t, 503, "GET", "/tiles/x", nil, nil) // it answers no more, and that was not noticed yet
	h.away.Store(true)
	kept.want(t, 503, "GET", "/tiles/x", nil, nil)
}

// Somebody whom another provider vouches for gets the session of the account that is linked to him, and of no other.
func TestSigningInElsewhere(t *testing.T) {
	h := build(t)
	a := h.person(t, "duty", give(grids.TownDuty, grids.LevelTowns, town))
	gone := h.person(t, "gone")
	if err := h.store.SetDisabled(t.Context(), grids.Operator, gone.ID, true); err != nil {
		t.Fatal(err)
	}
	in := func(i grids.Identity) (*client, error) {
		w := httptest.NewRecorder()
		err := h.accounts.SignInIdentity(t.Context(), w, httptest.NewRequest("GET", "/api/oidc/x/callback", nil), i)
		c := h.client()
		for _, set := range w.Result().Cookies() {
			c.cookie = set.Value
		}
		return c, err
	}
	who := grids.Identity{Issuer: "https://id.example", Subject: "4711"}
	for name, i := range map[string]grids.Identity{"nobody": who, "an unknown name": {Issuer: "i", Subject: "1", Name: "nobody"}, "a disabled one": {Issuer: "i", Subject: "2", Name: "gone"}} {
		if c, err := in(i); grids.KindOf(err) != grids.Forbidden || c.cookie != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	who.Name = "Duty"
	for range 2 { // then it is linked
		c, err := in(who)
		var me Me
		if c.want(t, 200, "GET", "/api/session", nil, &me); err != nil || me.Account.ID != a.ID.String() || me.Purpose != "daily" {
			t.Errorf("%+v %v", me, err)
		}
		who.Name = ""
	}
	if _, err := h.store.AccountByIdentity(t.Context(), grids.Identity{Issuer: "i", Subject: "2"}); grids.KindOf(err) != grids.NotFound {
		t.Errorf("a disabled account was linked: %v", err)
	}
}

func readCSV(t *testing.T, b []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
