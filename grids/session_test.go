package grids

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNamesOfAccounts(t *testing.T) {
	for name, good := range map[string]bool{"wang.li": true, "王力": true, "a_b-c@d.e": true, "é1": true, "w": false, "": false, "wang li": false, "wang\u200bli": false, "e\u0301a": false, "ｗａｎｇ": false,
		"a\x00b": false, "a/b": false, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a\xffb": false} {
		if err := (Account{Name: name}).Check(); (err == nil) != good || err != nil && !errors.Is(err, &Error{Kind: Invalid}) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := (Account{Name: "wang", Display: "a\nb"}).Check(); err == nil {
		t.Error("a display name of two lines was taken")
	}
	for _, same := range [][2]string{{"Wang.Li", "wANG.lI"}, {"ÉMILE", "émile"}, {"K2", "\u212a2"}, {"straſse", "STRASSE"}} {
		if FoldName(same[0]) != FoldName(same[1]) {
			t.Errorf("%q and %q are two names", same[0], same[1])
		}
	}
}

func TestGrantsOfAnAccountChangeWithTime(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC) }
	a := Account{Grants: []Grant{{Role: Patrol, From: at(1), Until: at(5)}, {Role: Auditor, From: at(3)}, {Role: Volunteer, From: at(0), Until: at(2)}}}
	for hour, want := range []struct {
		roles string
		next  time.Time
	}{{"volunteer", at(1)}, {"patrol+volunteer", at(2)}, {"patrol", at(3)}, {"auditor+patrol", at(5)}, {"auditor+patrol", at(5)}, {"auditor", time.Time{}}} {
		grants := a.GrantsAt(at(hour))
		if got := (Actor{Grants: grants}).RoleNames(); got != want.roles || !a.NextChange(at(hour)).Equal(want.next) {
			t.Errorf("at %d: %s until %v, want %s until %v", hour, got, a.NextChange(at(hour)), want.roles, want.next)
		}
	}
}

func TestSessionsAreOver(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Session{BegunAt: begun, UsedAt: begun, EndsAt: begun.Add(SessionLife)}
	for after, over := range map[time.Duration]bool{0: false, SessionIdle - 1: false, SessionIdle: true} {
		if s.Over(begun.Add(after)) != over {
			t.Errorf("after %v: %v", after, !over)
		}
	}
	s.UsedAt = s.EndsAt.Add(-1)
	if s.Over(s.EndsAt.Add(-1)) || !s.Over(s.EndsAt) {
		t.Error("a session in use does not end when it must")
	}
}

// A small territory: two towns of two villages and two grids each.
func placesOfTest() map[Scope]Place {
	all := map[Scope]Place{{Level: LevelDistrict}: {}}
	for _, town := range []Code{"A", "B"} {
		all[Scope{LevelTowns, town}] = Place{Town: town}
		for _, n := range []Code{"1", "2"} {
			all[Scope{LevelVillages, town + "v" + n}] = Place{Town: town, Village: town + "v" + n}
			all[Scope{LevelGrids, town + "g" + n}] = Place{Town: town, Grid: town + "g" + n}
		}
	}
	return all
}

// Whatever grants a token's owner has, and wherever the token may be used: it may nothing that its owner may not, and nothing outside.
func TestATokenIsNeverMoreThanItsOwner(t *testing.T) {
	places := placesOfTest()
	var scopes []Scope
	for s := range places {
		scopes = append(scopes, s)
	}
	slices.SortFunc(scopes, func(a, b Scope) int { return strings.Compare(string(a.Level)+a.Code, string(b.Level)+b.Code) })
	placeOf := func(s Scope) Place { return places[s] }
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		for range rapid.IntRange(0, 4).Draw(t, "grants") {
			role := rapid.SampledFrom(Roles()).Draw(t, "role")
			grants = append(grants, Grant{Role: role.Role, Scope: rapid.SampledFrom(scopes).Draw(t, "scope")})
		}
		to := rapid.SampledFrom(scopes).Draw(t, "token")
		owner, token := Actor{Grants: grants}, Actor{Grants: Narrow(grants, to, placeOf(to), placeOf), Limits: []Right{Look, Mark}}
		at := Place{Town: rapid.SampledFrom([]Code{"A", "B", ""}).Draw(t, "town")}
		if at.Town != "" {
			at.Village = rapid.SampledFrom([]Code{"", at.Town + "v1", at.Town + "v2"}).Draw(t, "village")
			at.Grid = rapid.SampledFrom([]Code{"", at.Town + "g1", at.Town + "g2"}).Draw(t, "grid")
		}
		for _, r := range []Right{Look, LookExact, Mark, Import, ManageAccounts} {
			may := token.MayAt(r, at)
			if may && (!owner.MayAt(r, at) || !to.Holds(at) || r != Look && r != Mark) {
				t.Fatalf("the token may %s at %+v", r, at)
			}
			// and no less either, where its area is within one grant
			if !may && (r == Look || r == Mark) && owner.MayAt(r, at) && to.Holds(at) &&
				slices.ContainsFunc(owner.Scopes(r), func(s Scope) bool { return s.Covers(to, placeOf(to)) }) {
				t.Fatalf("the token may not %s at %+v", r, at)
			}
		}
		if slices.Index(Classes[:], token.Class()) < slices.Index(Classes[:], owner.Class()) {
			t.Fatalf("the token sees by the class %s, its owner by %s", token.Class(), owner.Class())
		}
	})
}

func TestPurposesAreChecked(t *testing.T) {
	for _, p := range Purposes() {
		if err := CheckPurpose(p.ID); err != nil || p.Title.ZH == "" || p.Title.EN == "" {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := CheckPurpose(""); !errors.Is(err, &Error{Kind: Invalid}) {
		t.Errorf("no purpose: %v", err)
	}
}
