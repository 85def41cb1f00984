// Package accounts is who asks: passwords, sessions and tokens on the way in, the right that each route needs, and the routes
// by which people look after their own sign-in and administrators after everybody's.
//
// A secret (of a session's cookie, or of a token) is 256 random bits; only its SHA-256 is stored. What the store says of one is kept
// in memory with the stamp of the accounts that it was read at, and is good as long as no newer one was seen, so that a request costs
// no query and a right that was taken away is gone at the next one.
package accounts

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"wangge/geoserver/accounts/password"
	"wangge/geoserver/gate"
	"wangge/grids"
)

// Store keeps accounts, sessions and tokens, and the audit log. Its errors are *grids.Error.
type Store interface {
	Accounts(ctx context.Context) ([]grids.Account, error)
	Account(ctx context.Context, id grids.ID) (grids.Account, error)
	AccountNamed(ctx context.Context, name string) (a grids.Account, password string, err error)
	AccountByIdentity(ctx context.Context, i grids.Identity) (grids.Account, error)
	AddAccount(ctx context.Context, actor grids.Actor, a grids.Account, password string) error
	AddGrant(ctx context.Context, actor grids.Actor, account grids.ID, g grids.Grant) error
	Revoke(ctx context.Context, actor grids.Actor, account, grant grids.ID) error
	SetDisabled(ctx context.Context, actor grids.Actor, account grids.ID, disabled bool) error
	SetPassword(ctx context.Context, actor grids.Actor, account grids.ID, hash string, mustChange bool) error
	LinkIdentity(ctx context.Context, actor grids.Actor, account grids.ID, i grids.Identity) error
	Rehash(ctx context.Context, actor grids.Actor, account grids.ID, was, hash string) error

	BySession(ctx context.Context, hash [32]byte) (grids.Known, error)
	BeginSession(ctx context.Context, actor grids.Actor, action string, n grids.Session, hash [32]byte, replaces *[32]byte) error
	SetPurpose(ctx context.Context, actor grids.Actor, account, session grids.ID, purpose string) error
	Sessions(ctx context.Context, account grids.ID) ([]grids.Session, error)
	EndSession(ctx context.Context, actor grids.Actor, action string, account, session grids.ID) error
	EndSessions(ctx context.Context, actor grids.Actor, account grids.ID) error

	ByToken(ctx context.Context, hash [32]byte) (grids.Known, error)
	AddToken(ctx context.Context, actor grids.Actor, n grids.Token, hash [32]byte) error
	Tokens(ctx context.Context, account grids.ID) ([]grids.Token, error)
	RevokeToken(ctx context.Context, actor grids.Actor, account, token grids.ID) error
	Used(ctx context.Context, way grids.Way, hash [32]byte, at time.Time) error

	Audit(ctx context.Context, actor grids.Actor, q grids.AuditQuery) ([]grids.AuditRow, error)
	Note(ctx context.Context, actor grids.Actor, action string, subject grids.Subject, detail any) error
}

// Memory is what the server knows of the store without asking it.
type Memory interface {
	// Stamp is that of the accounts as of the last look at the store that succeeded, the zero Stamp when none did. current is false
	// when one failed since.
	Stamp() (at grids.Stamp, current bool)
	// Look looks at the store.
	Look(ctx context.Context) error
	// Area is the name of a scope's unit and where it lies; false when there is no such unit.
	Area(grids.Scope) (name string, at grids.Place, ok bool)
	// K is the smallest count of casework that a class is shown.
	K(grids.Class) int
}

// Options are what [New] needs. All fields are required but those that say what nil means.
type Options struct {
	Store     Store
	Memory    Memory
	Address   func(*http.Request) string // of the client's machine
	Providers []Provider                 // of sign-ins elsewhere; nil for none
	Secure    bool                       // clients come by TLS: the cookie is never sent without
	Demo      bool                       // the accounts of the demo may sign in: nobody but this machine can reach the server
	Now       func() time.Time           // time.Now when nil
	Log       *slog.Logger
}

const (
	cached       = 8192            // credentials in memory
	askAgain     = time.Second     // after the store did not answer
	patience     = 2 * time.Second // for the store, when what is in memory may be old
	nameFree     = 5               // failures without a wait
	addressFree  = 20              // many people may come by one address
	longestName  = time.Minute     // the longest wait of a name: its owner must get in
	longestPlace = 5 * time.Minute
	throttled    = 16384 // names and addresses whose failures are kept
)

// Accounts knows who asks. Safe for concurrent use.
type Accounts struct {
	o       Options
	faults  gate.Faults
	hasher  *password.Hasher
	names   *password.Throttle
	places  *password.Throttle
	visits  *otter.Cache[credential, *visit]
	away    atomic.Int64 // when the store did not answer, as Unix nanoseconds
	signIns atomic.Pointer[signInPage]
	lent    atomic.Pointer[visit]
	hourly  sync.Map // hourlyKey → true: rows of the audit log that this hour has
}

// New makes the accounts of a server.
func New(o Options) *Accounts {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Accounts{o: o, faults: gate.Faults{Log: o.Log}, hasher: password.NewHasher(),
		names: password.NewThrottle(nameFree, longestName, throttled), places: password.NewThrottle(addressFree, longestPlace, throttled),
		visits: otter.Must(&otter.Options[credential, *visit]{MaximumSize: cached})}
}

// Lend makes a token for an actor that is stored nowhere and good until the process ends or lends another: for a program that asks its
// own server.
func (a *Accounts) Lend(actor grids.Actor) (token string) {
	s := newSecret()
	actor.Way = grids.ByToken
	a.lent.Store(&visit{actor: actor, by: credential{grids.ByToken, sha256.Sum256(s[:])}, used: new(atomic.Int64)})
	return tokenPrefix + s.String()
}

type actorKey struct{}

// With is a context in which actor asks.
func With(ctx context.Context, actor grids.Actor) context.Context {
	return withVisit(ctx, &visit{actor: actor})
}

func withVisit(ctx context.Context, v *visit) context.Context {
	return context.WithValue(ctx, actorKey{}, v)
}

// ActorOf is who asks; the zero Actor, who may do nothing, when nobody is signed in.
func ActorOf(ctx context.Context) grids.Actor { return visitOf(ctx).actor }

var nobody visit // never written

// visitOf is what is known of who asks.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(actorKey{}).(*visit); ok {
		return v
	}
	return &nobody
}
