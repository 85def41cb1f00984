package accounts

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"wangge/grids"
)

// DemoPassword is that of every account of the demo. The sign-in page shows it.
const DemoPassword = "demo-of-chongming"

// SignInRole is a row of the table of roles.
type SignInRole struct {
	Role   grids.Role    `json:"role"`
	Title  grids.Text    `json:"title"`
	Class  grids.Class   `json:"class"`
	Rights []grids.Right `json:"rights"`
	Levels []grids.Level `json:"levels"`
}

// SignInPurpose is one of the purposes to choose from.
type SignInPurpose struct {
	ID string `json:"id"`
	grids.Text
}

// SignInDemo is an account of the demo.
type SignInDemo struct {
	Name     string     `json:"name"`
	Password string     `json:"password"`
	Role     grids.Role `json:"role"`
	Title    grids.Text `json:"title"`
	Area     string     `json:"area"`
}

// Provider is another place to sign in.
type Provider struct {
	ID    string     `json:"id"`
	Title grids.Text `json:"title"`
}

// SignIn is what the page to sign in shows.
type SignIn struct {
	Providers []Provider      `json:"providers"`
	Demo      []SignInDemo    `json:"demo_accounts,omitempty"`
	Purposes  []SignInPurpose `json:"purposes"`
	Roles     []SignInRole    `json:"roles"`
}

// signInPage is a SignIn as of a stamp.
type signInPage struct {
	at   grids.Stamp
	page SignIn
}

func (a *Accounts) signInPage(ctx context.Context, _ *struct{}) (*body[SignIn], error) {
	stamp, known := a.o.Memory.Stamp()
	if was := a.signIns.Load(); known && was != nil && was.at == stamp {
		return &body[SignIn]{was.page}, nil
	}
	page := SignIn{Providers: []Provider{}, Purposes: []SignInPurpose{}, Roles: []SignInRole{}}
	for _, p := range grids.Purposes() {
		page.Purposes = append(page.Purposes, SignInPurpose{p.ID, p.Title})
	}
	for _, r := range grids.Roles() {
		page.Roles = append(page.Roles, SignInRole{r.Role, r.Title, r.Class, r.Rights, r.Levels})
	}
	if a.o.Providers != nil {
		page.Providers = a.o.Providers
	}
	if a.o.Demo {
		list, err := a.o.Store.Accounts(ctx)
		if err != nil {
			return nil, a.faults.Huma(err)
		}
		for _, account := range list {
			if grants := account.GrantsAt(a.o.Now()); account.Demo && !account.Disabled && len(grants) > 0 {
				row, _ := grids.FindRole(grants[0].Role)
				page.Demo = append(page.Demo, SignInDemo{account.Name, DemoPassword, row.Role, row.Title, a.area(grants[0].Scope).Name})
			}
		}
	}
	if known {
		a.signIns.Store(&signInPage{stamp, page})
	}
	return &body[SignIn]{page}, nil
}

// refused answers 401 with the one sentence for an unknown name and a wrong password.
func refused() error {
	return huma.Error401Unauthorized("the name or the password is wrong")
}

// tooOften answers 429.
func tooOften(wait time.Duration) error {
	seconds := int(wait/time.Second) + 1
	err := huma.NewError(http.StatusTooManyRequests, "too many tries: wait "+strconv.Itoa(seconds)+" seconds and try again")
	return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {strconv.Itoa(seconds)}})
}

// try counts a try to guess a password; done says whether it was none. The error answers 429.
func (a *Accounts) try(name, address string) (done func(guessed bool), err error) {
	now := a.o.Now()
	if wait := a.places.Begin(address, now); wait > 0 {
		return nil, tooOften(wait)
	}
	if wait := a.names.Begin(name, now); wait > 0 {
		a.places.Forget(address, false, now) // it was no try
		return nil, tooOften(wait)
	}
	return func(guessed bool) {
		if guessed {
			a.names.Forget(name, true, now)
			a.places.Forget(address, false, now)
		}
	}, nil
}

func (a *Accounts) signIn(ctx context.Context, in *struct {
	Agent  string `header:"User-Agent"`
	Cookie string `header:"Cookie"`
	Body   struct {
		Name     string `json:"name" maxLength:"200"`
		Password string `json:"password" maxLength:"1024"`
		Purpose  string `json:"purpose"`
	}
}) (*withCookie, error) {
	if err := grids.CheckPurpose(in.Body.Purpose); err != nil {
		return nil, a.faults.Huma(err)
	}
	address := ActorOf(ctx).Address
	account, err := a.checked(ctx, in.Body.Name, in.Body.Password, address)
	if err != nil {
		return nil, err
	}
	n := a.newSession(account.ID, in.Body.Purpose, address, in.Agent)
	out, err := a.begin(ctx, "sign-in", account, n, a.shown(in.Cookie))
	return out, a.faults.Huma(err)
}

// checked is the account of that name when the password is its own. The errors are huma's: 401, 403, 429, 503.
func (a *Accounts) checked(ctx context.Context, name, password, address string) (grids.Account, error) {
	tried, err := a.try(grids.FoldName(name), address)
	if err != nil {
		return grids.Account{}, err
	}
	account, stored, err := a.o.Store.AccountNamed(ctx, name)
	if err != nil && grids.KindOf(err) != grids.NotFound {
		return account, a.faults.Huma(err)
	}
	same, outdated, err := a.hasher.Check(ctx, password, stored)
	if err != nil {
		return account, a.faults.Huma(err)
	}
	if !same || account.Demo && !a.o.Demo {
		a.noteRefusal(ctx, account, address)
		return account, refused()
	}
	tried(true)
	if account.Disabled {
		return account, huma.Error403Forbidden("this account is disabled: the system administrator can enable it")
	}
	if outdated {
		a.rehash(ctx, account, password, stored)
	}
	return account, nil
}

// noteRefusal writes a wrong password into the log, and into the audit log when there is such an account: never what was typed, which
// may be a password in the wrong field. The throttle bounds how often.
func (a *Accounts) noteRefusal(ctx context.Context, account grids.Account, address string) {
	a.o.Log.Warn("a sign-in was refused", "account", account.ID, "address", address)
	if account.ID.IsZero() {
		return
	}
	by := grids.Serving
	by.Address = address
	if err := a.o.Store.Note(ctx, by, "sign-in-refused", grids.OnAccounts, map[string]any{"account": account.ID, "name": account.Name}); err != nil {
		a.o.Log.Error("a refused sign-in could not be written into the audit log", "err", err)
	}
}

// rehash stores the password with today's cost. Whoever signs in need not know when it fails.
func (a *Accounts) rehash(ctx context.Context, account grids.Account, password, stored string) {
	h, err := a.hasher.Hash(ctx, password)
	if err == nil {
		err = a.o.Store.Rehash(ctx, grids.Serving, account.ID, stored, h)
	}
	if err != nil {
		a.o.Log.Warn("a password could not be stored with the new cost", "account", account.ID, "err", err)
	}
}

// shown is the hash of the session's secret in a Cookie header, which a new session takes the place of; nil for none.
func (a *Accounts) shown(cookies string) *[sha256.Size]byte {
	s, ok := parseSecret(cookieOf(http.Header{"Cookie": {cookies}}, a.cookieName()))
	if !ok {
		return nil
	}
	h := sha256.Sum256(s[:])
	return &h
}

// newSession is a session that begins now.
func (a *Accounts) newSession(account grids.ID, purpose, address, agent string) grids.Session {
	now := a.o.Now().UTC()
	return grids.Session{ID: grids.NewID(), Account: account, BegunAt: now, UsedAt: now, EndsAt: now.Add(grids.SessionLife), Address: address, Agent: clean(agent), Purpose: purpose}
}

// clean is a browser's own name as text that can be stored: at most 200 bytes.
func clean(agent string) string {
	b := make([]byte, 0, min(len(agent), 200))
	for i := 0; i < len(agent) && len(b) < 200; i++ {
		if c := agent[i]; c >= ' ' && c < 0x7f {
			b = append(b, c)
		}
	}
	return string(b)
}

// begin stores a session with a new secret, in place of another one, and answers with its cookie.
func (a *Accounts) begin(ctx context.Context, action string, account grids.Account, n grids.Session, replaces *[sha256.Size]byte) (*withCookie, error) {
	s := newSecret()
	c := credential{grids.BySession, sha256.Sum256(s[:])}
	v, err := a.visit(grids.Known{Account: account, Session: n}, c, n.Address, a.o.Now())
	if err != nil {
		return nil, err
	}
	by := v.actor
	by.Grants, by.Limits, by.Behind = account.GrantsAt(a.o.Now()), nil, ""
	if err := a.o.Store.BeginSession(ctx, by, action, n, c.hash, replaces); err != nil {
		return nil, err
	}
	return &withCookie{a.cookie(s), a.me(v)}, nil
}

// SignInIdentity begins a session for somebody whom another provider knows, and sets its cookie on w; its purpose is daily work until
// another is chosen. The errors are Forbidden, with a sentence whom to ask, for one who is linked to no account or whose account is
// disabled.
func (a *Accounts) SignInIdentity(ctx context.Context, w http.ResponseWriter, r *http.Request, i grids.Identity) error {
	account, err := a.o.Store.AccountByIdentity(ctx, i)
	if grids.KindOf(err) == grids.NotFound && err != nil && i.Name != "" {
		if account, _, err = a.o.Store.AccountNamed(ctx, i.Name); err == nil && !account.Disabled && !account.Demo {
			err = a.o.Store.LinkIdentity(ctx, grids.Serving, account.ID, i)
		}
	}
	switch {
	case grids.KindOf(err) == grids.NotFound && err != nil:
		return grids.Errorf(grids.Forbidden, "%s", err)
	case err != nil:
		return err
	case account.Disabled || account.Demo:
		return grids.Errorf(grids.Forbidden, "this account is disabled: the system administrator can enable it")
	}
	n := a.newSession(account.ID, grids.Purposes()[0].ID, a.o.Address(r), r.UserAgent())
	out, err := a.begin(ctx, "sign-in", account, n, a.shown(r.Header.Get("Cookie")))
	if err == nil {
		http.SetCookie(w, &out.SetCookie)
	}
	return err
}
