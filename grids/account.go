package grids

import (
	"slices"
	"strings"
	"time"
)

// Role is what somebody is in the district (DOMAIN: who uses it).
type Role string

// The roles.
const (
	Commander      Role = "commander"       // 指挥员
	TownDuty       Role = "town-duty"       // 乡镇值班
	Patrol         Role = "patrol"          // 踏查队
	Reviewer       Role = "reviewer"        // 复核员
	VillageOfficer Role = "village-officer" // 村居干部
	GridAdmin      Role = "grid-admin"      // 网格管理员
	Auditor        Role = "auditor"         // 审计员
	SystemAdmin    Role = "system-admin"    // 系统管理员
	Volunteer      Role = "volunteer"       // 志愿者
)

// Right is one thing that a role may do.
type Right string

// The rights. Every route of the server names the one that it asks for.
const (
	Look           Right = "look"            // see the map and its figures, as the class of the role shows them
	LookExact      Right = "look-exact"      // see findings where they are, within the area
	Mark           Right = "mark"            // mark a finding and take the own mark back, within the area
	Export         Right = "export"          // take tables away, with a purpose
	Analyse        Right = "analyse"         // compute statistics of the whole district, and see those that others of the class computed
	Import         Right = "import"          // bring files in
	CheckTerritory Right = "check-territory" // look for damage in the stored territory
	ReadAudit      Right = "read-audit"      // see who did and saw what
	ManageAccounts Right = "manage-accounts" // make accounts, give and take grants
	ViewAs         Right = "view-as"         // see what another role sees
	Operate        Right = "operate"         // metrics, and why the server is not ready
)

// Class is what of casework and of places a reader may see; the rules of each are those of package disclosure.
type Class string

// The classes, the one that sees most first.
const (
	ClassCommand Class = "command" // counts from 3 by H3 cells of resolution 8; findings where they are
	ClassField   Class = "field"   // bands from 5 by H3 cells of resolution 8; findings by such cells
	ClassVillage Class = "village" // bands from 5 that cross no village's border; findings by H3 cells of resolution 7
	ClassBands   Class = "bands"   // bands from 10 by H3 cells of resolution 6 and towns; no findings
	ClassGround  Class = "ground"  // the territory alone
)

// Classes lists the classes, the one that sees most first.
var Classes = [...]Class{ClassCommand, ClassField, ClassVillage, ClassBands, ClassGround}

// RoleRules is a row of the table of roles.
type RoleRules struct {
	Role   Role
	Title  Text
	Class  Class   // when the grant is for the whole district
	Within Class   // when it is for a part
	Levels []Level // of areas that it may be given for
	Rights []Right
}

// roleTable says what each role may do. Nothing else does.
var roleTable = [...]RoleRules{
	{Commander, Text{ZH: "指挥员", EN: "Commander"}, ClassCommand, ClassField, []Level{LevelDistrict, LevelTowns}, []Right{Look, LookExact, Mark, Export, CheckTerritory, Analyse}},
	{TownDuty, Text{ZH: "乡镇值班", EN: "Town duty"}, ClassField, ClassField, []Level{LevelTowns}, []Right{Look, LookExact, Mark, Export}},
	{Patrol, Text{ZH: "踏查队", EN: "Patrol team"}, ClassField, ClassField, []Level{LevelDistrict, LevelTowns, LevelVillages, LevelGrids}, []Right{Look, LookExact, Mark}},
	{Reviewer, Text{ZH: "复核员", EN: "Reviewer"}, ClassCommand, ClassField, []Level{LevelDistrict, LevelTowns}, []Right{Look, LookExact, Export, Analyse}},
	{VillageOfficer, Text{ZH: "村居干部", EN: "Village officer"}, ClassVillage, ClassVillage, []Level{LevelVillages}, []Right{Look, LookExact, Export}},
	{GridAdmin, Text{ZH: "网格管理员", EN: "Grid administrator"}, ClassField, ClassField, []Level{LevelDistrict}, []Right{Look, Import, CheckTerritory, Export}},
	{Auditor, Text{ZH: "审计员", EN: "Auditor"}, ClassBands, ClassBands, []Level{LevelDistrict}, []Right{Look, ReadAudit, Export}},
	{SystemAdmin, Text{ZH: "系统管理员", EN: "System administrator"}, ClassGround, ClassGround, []Level{LevelDistrict}, []Right{Look, ManageAccounts, ViewAs, Operate}},
	{Volunteer, Text{ZH: "志愿者", EN: "Volunteer"}, ClassBands, ClassBands, []Level{LevelDistrict, LevelTowns, LevelVillages, LevelGrids}, []Right{Look}},
}

// Roles is the table of roles; the slice is the caller's own.
func Roles() []RoleRules { return slices.Clone(roleTable[:]) }

// FindRole is the row of a role; false for one that does not exist.
func FindRole(r Role) (RoleRules, bool) {
	if row := ruleOf(r); row != &noRule {
		return *row, true
	}
	return RoleRules{}, false
}

// Scope is the area of a grant: the district (whose code may be left empty), a town, a village or a grid.
type Scope struct {
	Level Level `json:"level"`
	Code  Code  `json:"code"`
}

// Holds reports whether the scope holds a place, known by its codes; "" for one that is not known.
func (s Scope) Holds(p Place) bool {
	switch s.Level {
	case LevelDistrict:
		return true
	case LevelTowns:
		return p.Town != "" && p.Town == s.Code
	case LevelVillages:
		return p.Village != "" && p.Village == s.Code
	case LevelGrids:
		return p.Grid != "" && p.Grid == s.Code
	}
	return false
}

// Place is where something lies, by the codes of the units that hold it; "" for one that is not known.
type Place struct{ Town, Village, Grid Code }

// Grant gives a role in an area for a time.
type Grant struct {
	ID    ID
	Role  Role
	Scope Scope
	From  time.Time
	Until time.Time // the zero Time for no end
}

// Check refuses a grant that no role can have. The error is Invalid.
func (g Grant) Check() error {
	row, ok := FindRole(g.Role)
	switch {
	case !ok:
		return Errorf(Invalid, "role %q is not known; use one of %s", clip(string(g.Role)), roleNames())
	case !slices.Contains(row.Levels, g.Scope.Level):
		return Errorf(Invalid, "the role %s cannot be given for the level %q; use one of %v", g.Role, clip(string(g.Scope.Level)), row.Levels)
	case g.Scope.Level != LevelDistrict && g.Scope.Code == "":
		return Errorf(Invalid, "the area of the grant has no code: name the unit of the level %s", g.Scope.Level)
	case !g.Until.IsZero() && !g.Until.After(g.From):
		return Errorf(Invalid, "the grant ends before it begins")
	}
	return nil
}

func roleNames() string {
	names := make([]string, len(roleTable))
	for i, row := range roleTable {
		names[i] = string(row.Role)
	}
	return strings.Join(names, ", ")
}

// At reports whether the grant is valid at t.
func (g Grant) At(t time.Time) bool {
	return !t.Before(g.From) && (g.Until.IsZero() || t.Before(g.Until))
}

// Way is how an actor came in.
type Way string

// The ways.
const (
	BySession Way = "session"
	ByToken   Way = "token"
	ByCommand Way = "command-line"
	ByServer  Way = "server" // the server itself: what it reads to show to others goes through disclosure
)

// Actor is who asks, with the grants that are valid now. The zero Actor may do nothing.
type Actor struct {
	ID      ID // of the account; zero at the command line and for the server itself
	Name    string
	Way     Way
	Grants  []Grant
	Limits  []Right // of a token: it has no other rights; nil for none
	Purpose string  // what the session or the token is for: it stands beside what was looked at
	Behind  string  // name of the administrator who looks as somebody else; "" otherwise
	Address string  // of the client's machine, "" when there is none
}

// Operator is whoever runs the commands on the machine itself, and Serving the server on its own account. Both may do everything.
var (
	Operator = Actor{Name: "operator", Way: ByCommand}
	Serving  = Actor{Name: "server", Way: ByServer}
)

// all reports whether the actor is not bound by grants.
func (a *Actor) all() bool { return a.Way == ByCommand || a.Way == ByServer }

// May reports whether the actor has the right anywhere.
func (a Actor) May(r Right) bool {
	return a.mayWhere(r, func(Scope) bool { return true })
}

// MayAt reports whether the actor has the right at a place.
func (a Actor) MayAt(r Right, p Place) bool {
	return a.mayWhere(r, func(s Scope) bool { return s.Holds(p) })
}

// Everywhere reports whether the actor has the right in the whole district.
func (a Actor) Everywhere(r Right) bool {
	return a.mayWhere(r, func(s Scope) bool { return s.Level == LevelDistrict })
}

// mayWhere reports whether the actor has the right in an area that is meant. It is asked several times a request, so it makes nothing.
func (a *Actor) mayWhere(r Right, meant func(Scope) bool) bool {
	if a.all() {
		return true
	}
	if a.Limits != nil && !slices.Contains(a.Limits, r) {
		return false
	}
	for i := range a.Grants {
		if g := &a.Grants[i]; meant(g.Scope) && slices.Contains(ruleOf(g.Role).Rights, r) {
			return true
		}
	}
	return false
}

// noRule is the row of a role that does not exist.
var noRule = RoleRules{Class: ClassGround, Within: ClassGround}

// ruleOf is the row of a role, shared.
func ruleOf(r Role) *RoleRules {
	for i := range roleTable {
		if roleTable[i].Role == r {
			return &roleTable[i]
		}
	}
	return &noRule
}

// Scopes is where the actor has the right, each area once, sorted; nil for nowhere. One who may do everything has it in the district.
func (a Actor) Scopes(r Right) (list []Scope) {
	if a.all() {
		return []Scope{{Level: LevelDistrict}}
	}
	if a.Limits != nil && !slices.Contains(a.Limits, r) {
		return nil
	}
	for _, g := range a.Grants {
		if slices.Contains(ruleOf(g.Role).Rights, r) {
			list = append(list, g.Scope)
		}
	}
	slices.SortFunc(list, func(a, b Scope) int { return strings.Compare(string(a.Level)+a.Code, string(b.Level)+b.Code) })
	return slices.Compact(list)
}

// Class is the class of disclosure that the actor looks by: of all its grants with the right to look, the one that sees most.
func (a Actor) Class() Class {
	if a.all() {
		return ClassCommand
	}
	best := len(Classes) - 1
	if !a.May(Look) {
		return Classes[best]
	}
	for i := range a.Grants {
		g := &a.Grants[i]
		row := ruleOf(g.Role)
		if !slices.Contains(row.Rights, Look) {
			continue
		}
		class := row.Within
		if g.Scope.Level == LevelDistrict {
			class = row.Class
		}
		best = min(best, slices.Index(Classes[:], class))
	}
	return Classes[best]
}

// RoleNames is the roles of the actor as one word for the audit log: each once, sorted, with a plus between.
func (a Actor) RoleNames() string {
	if a.all() {
		return string(a.Way)
	}
	var names []string
	for _, g := range a.Grants {
		names = append(names, string(g.Role))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "+")
}
