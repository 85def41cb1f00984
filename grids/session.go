package grids

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How long credentials last.
const (
	SessionIdle    = 8 * time.Hour        // a session that is not used for so long has ended
	SessionLife    = 7 * 24 * time.Hour   // and so has one that began so long ago
	TokenLife      = 365 * 24 * time.Hour // the longest that a token may be good for
	UsedEvery      = time.Minute          // how exactly it is known when one was last used
	maxNameLength  = 64
	maxTokenName   = 80
	maxDisplayName = 80
)

// Account is somebody who can sign in.
type Account struct {
	ID         ID
	Name       string // unique, whatever the case
	Display    string
	Disabled   bool
	MustChange bool      // the password is one that somebody else knows
	Demo       bool      // of the demo: its password is known to everybody
	LastSeen   time.Time // when one of its sessions was last used; the zero Time for never or no longer known
	Grants     []Grant   // those that have ended, too
}

// GrantsAt is the grants that are valid at t.
func (a Account) GrantsAt(t time.Time) (list []Grant) {
	for _, g := range a.Grants {
		if g.At(t) {
			list = append(list, g)
		}
	}
	return list
}

// NextChange is the first moment after t at which a grant begins or ends; the zero Time for never.
func (a Account) NextChange(t time.Time) (next time.Time) {
	for _, g := range a.Grants {
		for _, at := range [...]time.Time{g.From, g.Until} {
			if at.After(t) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// Check refuses names that cannot be an account's. The error is Invalid.
func (a Account) Check() error {
	if n := utf8.RuneCountInString(a.Name); n < 2 || n > maxNameLength || strings.ContainsFunc(a.Name, notInName) {
		return Errorf(Invalid, "the name %q cannot be used: take 2 to %d letters, digits, dots, hyphens or underscores", clip(a.Name), maxNameLength)
	}
	return checkText("display name", a.Display, maxDisplayName)
}

// notInName tells what two names could differ in unseen: anything but letters and digits in their plain form, and a few marks.
func notInName(r rune) bool {
	wide := r >= 0xFF00 && r <= 0xFFEF
	return wide || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-@", r)
}

func checkText(what, text string, limit int) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > limit || strings.ContainsFunc(text, unicode.IsControl) {
		return Errorf(Invalid, "the %s is longer than %d characters, or holds characters that cannot be shown", what, limit)
	}
	return nil
}

// FoldName is the form of a name by which accounts are told apart: Wang.Li and wang.li are one.
func FoldName(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// Purpose says what somebody looks at exact places for.
type Purpose struct {
	ID    string
	Title Text
}

var purposes = [...]Purpose{
	{"daily", Text{ZH: "日常工作", EN: "Daily work"}},
	{"patrol", Text{ZH: "踏查部署", EN: "Patrol planning"}},
	{"verify", Text{ZH: "核查", EN: "Verification"}},
	{"analysis", Text{ZH: "研判", EN: "Analysis"}},
	{"audit", Text{ZH: "审计", EN: "Audit"}},
	{"other", Text{ZH: "其他", EN: "Other"}},
}

// Purposes lists the purposes; the slice is the caller's own.
func Purposes() []Purpose { return slices.Clone(purposes[:]) }

// CheckPurpose refuses what is no purpose. The error is Invalid.
func CheckPurpose(id string) error {
	if slices.ContainsFunc(purposes[:], func(p Purpose) bool { return p.ID == id }) {
		return nil
	}
	names := make([]string, len(purposes))
	for i, p := range purposes {
		names[i] = p.ID
	}
	return Errorf(Invalid, "%q is no purpose; say what you look for: %s", clip(id), strings.Join(names, ", "))
}

// Session is one sign-in of an account on one machine.
type Session struct {
	ID      ID
	Account ID
	BegunAt time.Time
	UsedAt  time.Time // to [UsedEvery]
	EndsAt  time.Time // whatever happens
	Address string
	Agent   string // the browser, as it names itself
	Purpose string
	View    Viewed // as what an administrator looks; the zero Viewed for himself
}

// Over reports whether the session has ended at t.
func (s Session) Over(t time.Time) bool {
	return !t.Before(s.EndsAt) || !t.Before(s.UsedAt.Add(SessionIdle))
}

// Viewed is the role and the area that an administrator looks as.
type Viewed struct {
	Role  Role  `json:"role"`
	Scope Scope `json:"scope"`
}

// ViewedRights is what can be done at most by one who looks as another: nothing is written and nothing is taken away.
func ViewedRights() []Right { return []Right{Look, LookExact, Analyse} }

// Token is what a program signs in with on behalf of an account: it can do what its rights name and the account may.
type Token struct {
	ID        ID
	Account   ID
	Name      string
	Rights    []Right
	Scope     Scope
	Purpose   string
	MadeAt    time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // to [UsedEvery]; the zero Time for never
}

// InPerson reports whether a right is only for people: no token can have it.
func InPerson(r Right) bool { return r == ManageAccounts || r == ViewAs }

// Check refuses a token that would do more than its owner, or longer than it may. The owner is the actor who makes it; place is
// where the token's area lies. The error is Invalid, or Forbidden when the owner lacks a right.
func (t Token) Check(owner Actor, place Place) error {
	life := t.ExpiresAt.Sub(t.MadeAt)
	switch {
	case strings.TrimSpace(t.Name) == "":
		return Errorf(Invalid, "give the token a name that says what uses it")
	case life <= 0 || life > TokenLife:
		return Errorf(Invalid, "a token is good for 1 to %d days", int(TokenLife.Hours()/24))
	case len(t.Rights) == 0:
		return Errorf(Invalid, "give the token at least one right")
	}
	if err := checkText("name of the token", t.Name, maxTokenName); err != nil {
		return err
	}
	for _, r := range t.Rights {
		if InPerson(r) {
			return Errorf(Invalid, "the right %s cannot be given to a token: it is for people who sign in", r)
		}
		if !slices.ContainsFunc(owner.Scopes(r), func(s Scope) bool { return s.Covers(t.Scope, place) }) {
			return Errorf(Forbidden, "a token cannot do more than you: you do not have the right %q in all of the token's area", clip(string(r)))
		}
	}
	return CheckPurpose(t.Purpose)
}

// Covers reports whether all of another area lies in the scope; place is where that area lies.
func (s Scope) Covers(other Scope, place Place) bool {
	return s.Level == LevelDistrict || other.Level != LevelDistrict && s.Holds(place)
}

// Narrow is the grants where they and an area meet; place is where the area lies, and placeOf where another one does.
func Narrow(grants []Grant, to Scope, place Place, placeOf func(Scope) Place) (list []Grant) {
	for _, g := range grants {
		switch {
		case g.Scope.Covers(to, place):
			g.Scope = to
		case !to.Covers(g.Scope, placeOf(g.Scope)):
			continue
		}
		list = append(list, g)
	}
	return list
}

// Identity is somebody as another provider of sign-ins knows him.
type Identity struct {
	Issuer  string // the provider
	Subject string // the provider's own id of him, which never changes
	Name    string // of the account that is meant when none is linked, where the provider is trusted to say so; "" for none
}

// Check refuses an identity that names nobody. The error is Invalid.
func (i Identity) Check() error {
	if i.Issuer == "" || i.Subject == "" || len(i.Issuer) > 512 || len(i.Subject) > 512 {
		return Errorf(Invalid, "an identity has an issuer and a subject of at most 512 bytes each")
	}
	return nil
}

// Known is what the store says of a secret at one moment.
type Known struct {
	Account Account
	Session Session // the zero Session for a token
	Token   Token   // the zero Token for a session
	At      Stamp
}

// Stamp names the state of the accounts at one moment: what was read at it is good as long as it is the newest.
type Stamp struct {
	Generation string
	Version    int64
}

// AccountsAt is the stamp of the accounts among versions.
func AccountsAt(v Versions) Stamp { return Stamp{v.Generation, v.Of[OnAccounts]} }

// Covers reports whether what was read at s is as new as o.
func (s Stamp) Covers(o Stamp) bool { return s.Generation == o.Generation && s.Version >= o.Version }
