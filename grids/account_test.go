package grids

import (
	"slices"
	"testing"
	"time"
)

func grant(r Role, l Level, code Code) Grant {
	return Grant{Role: r, Scope: Scope{Level: l, Code: code}}
}

func TestWhatAnActorMay(t *testing.T) {
	town := "310151101000"
	for _, tt := range []struct {
		name   string
		actor  Actor
		right  Right
		may    bool
		at     Place
		there  bool
		class  Class
		limits []Right
	}{
		{name: "nobody", right: Look, class: ClassGround},
		{name: "a commander", actor: Actor{Grants: []Grant{grant(Commander, LevelDistrict, "")}}, right: Mark, may: true, there: true, class: ClassCommand},
		{name: "a commander of a town", actor: Actor{Grants: []Grant{grant(Commander, LevelTowns, town)}}, right: LookExact, may: true, at: Place{Town: "other"}, class: ClassField},
		{name: "a patrol in its town", actor: Actor{Grants: []Grant{grant(Patrol, LevelTowns, town)}}, right: Mark, may: true, at: Place{Town: town}, there: true, class: ClassField},
		{name: "a patrol where no town is", actor: Actor{Grants: []Grant{grant(Patrol, LevelTowns, "")}}, right: Mark, may: true, at: Place{}, class: ClassField},
		{name: "an officer beside the village", actor: Actor{Grants: []Grant{grant(VillageOfficer, LevelVillages, "V1")}}, right: LookExact, may: true, at: Place{Village: "V2"}, class: ClassVillage},
		{name: "a volunteer", actor: Actor{Grants: []Grant{grant(Volunteer, LevelDistrict, "")}}, right: LookExact, class: ClassBands},
		{name: "a system administrator", actor: Actor{Grants: []Grant{grant(SystemAdmin, LevelDistrict, "")}}, right: Import, class: ClassGround},
		{name: "the best of two", actor: Actor{Grants: []Grant{grant(Auditor, LevelDistrict, ""), grant(Patrol, LevelGrids, "G1")}}, right: Mark, may: true, at: Place{Grid: "G1"}, there: true, class: ClassField},
		{name: "a token with less", actor: Actor{Grants: []Grant{grant(Commander, LevelDistrict, "")}}, right: Mark, class: ClassCommand, limits: []Right{Look}},
		{name: "a token that may not look", actor: Actor{Grants: []Grant{grant(Commander, LevelDistrict, "")}}, right: Export, may: true, there: true, class: ClassGround, limits: []Right{Export}},
		{name: "the operator", actor: Operator, right: ManageAccounts, may: true, there: true, class: ClassCommand},
	} {
		a := tt.actor
		a.Limits = tt.limits
		if got := a.May(tt.right); got != tt.may {
			t.Errorf("%s: May(%s) = %v", tt.name, tt.right, got)
		}
		if got := a.MayAt(tt.right, tt.at); got != tt.there {
			t.Errorf("%s: MayAt(%s, %v) = %v", tt.name, tt.right, tt.at, got)
		}
		if got := a.Class(); got != tt.class {
			t.Errorf("%s: class %s, want %s", tt.name, got, tt.class)
		}
	}
}

func TestScopesAreOrderedAndOnce(t *testing.T) {
	a := Actor{Grants: []Grant{grant(Patrol, LevelTowns, "T2"), grant(Patrol, LevelTowns, "T1"), grant(TownDuty, LevelTowns, "T2")}}
	want := []Scope{{LevelTowns, "T1"}, {LevelTowns, "T2"}}
	if got := a.Scopes(Mark); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if a.RoleNames() != "patrol+town-duty" || Operator.RoleNames() != "command-line" || (Actor{}).RoleNames() != "" {
		t.Errorf("%q, %q", a.RoleNames(), Operator.RoleNames())
	}
}

func TestGrants(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		g    Grant
		ok   bool
	}{
		{"whole district", grant(Commander, LevelDistrict, ""), true},
		{"no such role", grant("boss", LevelDistrict, ""), false},
		{"a level the role does not have", grant(VillageOfficer, LevelDistrict, ""), false},
		{"no code", grant(VillageOfficer, LevelVillages, ""), false},
		{"ends before it begins", Grant{Role: Auditor, Scope: Scope{Level: LevelDistrict}, From: noon, Until: noon}, false},
	} {
		if err := tt.g.Check(); (err == nil) != tt.ok || err != nil && KindOf(err) != Invalid {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	g := Grant{From: noon, Until: noon.Add(time.Hour)}
	if g.At(noon.Add(-time.Second)) || !g.At(noon) || !g.At(noon.Add(time.Hour-1)) || g.At(noon.Add(time.Hour)) || !(Grant{From: noon}).At(noon.AddDate(50, 0, 0)) {
		t.Error("a grant holds from its first moment until its end")
	}
}

// Every role is a row that can be given, and no class is unknown.
func TestTheTableOfRoles(t *testing.T) {
	for _, row := range Roles() {
		if row.Title.ZH == "" || row.Title.EN == "" || len(row.Levels) == 0 || !slices.Contains(row.Rights, Look) ||
			!slices.Contains(Classes[:], row.Class) || slices.Index(Classes[:], row.Within) < slices.Index(Classes[:], row.Class) {
			t.Errorf("%+v", row)
		}
	}
	if _, ok := FindRole("boss"); ok {
		t.Error("there is no boss")
	}
}
