package postgis

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wangge/grids"
)

// changeAccounts writes a change of who may do what. Its version tells every server that what it knows of sessions is old.
func (s *Store) changeAccounts(ctx context.Context, actor grids.Actor, action string, detail map[string]any, f func(tx pgx.Tx) (bool, error)) error {
	return s.write(ctx, &change{actor: actor, scope: whole, action: action, subject: grids.OnAccounts, detail: detail}, nil, f)
}

// some reports whether a statement did anything, as write wants to know it.
func some(tag pgconn.CommandTag, err error) (bool, error) { return tag.RowsAffected() > 0, err }

// grantsSQL is the grants of account a as JSON, the oldest first.
const grantsSQL = `coalesce((select jsonb_agg(jsonb_build_object('ID', g.grant_id, 'Role', g.role, 'Scope', jsonb_build_object('level', g.level, 'code', g.code),
		'From', g.valid_from, 'Until', g.valid_until) order by g.grant_id)
	from grant_of g where g.district_id = a.district_id and g.account_id = a.account_id), '[]')`

// accountColumns are those of account a that scanAccount reads.
const accountColumns = `a.account_id, a.name, a.display, a.disabled, a.must_change, a.demo, ` + grantsSQL

// accountInto is where the accountColumns go; grants is JSON for the account's own.
func accountInto(a *grids.Account, grants *[]byte) []any {
	return []any{&a.ID, &a.Name, &a.Display, &a.Disabled, &a.MustChange, &a.Demo, grants}
}

func noAccount(id grids.ID) error {
	return grids.Errorf(grids.NotFound, "there is no account with the id %s", id)
}

// Accounts lists the accounts by name.
func (s *Store) Accounts(ctx context.Context) (list []grids.Account, err error) {
	defer wrap(&err, "read the accounts")
	rows, err := s.pool.Query(ctx, `select `+accountColumns+`, (select max(used_at) from session n where n.district_id = a.district_id and n.account_id = a.account_id)
		from account a where a.district_id = $1 order by a.folded`, s.district)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a grids.Account, err error) {
		var grants []byte
		var seen *time.Time
		if err = row.Scan(append(accountInto(&a, &grants), &seen)...); err == nil {
			a.LastSeen = instant(seen)
			err = json.Unmarshal(grants, &a.Grants)
		}
		return a, err
	})
}

// instant is the zero Time for null.
func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// orNull is null for the zero Time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Account reads an account. The error is NotFound.
func (s *Store) Account(ctx context.Context, id grids.ID) (a grids.Account, err error) {
	defer wrap(&err, "read the account")
	a, _, err = s.account(ctx, `a.account_id = $2`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = noAccount(id)
	}
	return a, err
}

// AccountNamed reads an account by its name, whatever the case, and the hash of its password ("" for none). The error is NotFound.
func (s *Store) AccountNamed(ctx context.Context, name string) (a grids.Account, password string, err error) {
	defer wrap(&err, "read the account")
	if err = (grids.Account{Name: name}).Check(); err == nil { // a text that is no name may be none that can be asked for
		a, password, err = s.account(ctx, `a.folded = $2`, grids.FoldName(name))
	}
	if errors.Is(err, pgx.ErrNoRows) || grids.KindOf(err) == grids.Invalid {
		err = grids.Errorf(grids.NotFound, "there is no account named %.64q", name)
	}
	return a, password, err
}

// AccountByIdentity reads the account that another provider's identity was linked to. The error is NotFound.
func (s *Store) AccountByIdentity(ctx context.Context, i grids.Identity) (a grids.Account, err error) {
	defer wrap(&err, "read the account")
	a, _, err = s.account(ctx, `a.account_id = (select account_id from identity where district_id = $1 and issuer = $2 and subject = $3)`, i.Issuer, i.Subject)
	if errors.Is(err, pgx.ErrNoRows) {
		err = grids.Errorf(grids.NotFound, "nobody here is linked to this identity: the system administrator links it to an account")
	}
	return a, err
}

func (s *Store) account(ctx context.Context, where string, args ...any) (a grids.Account, password string, err error) {
	var grants []byte
	err = s.pool.QueryRow(ctx, `select `+accountColumns+`, coalesce(a.password, '') from account a where a.district_id = $1 and `+where,
		append([]any{s.district}, args...)...).Scan(append(accountInto(&a, &grants), &password)...)
	if err != nil {
		return a, "", err
	}
	err = json.Unmarshal(grants, &a.Grants)
	return a, password, err
}

// AddAccount stores an account with its grants. password is a hash; "" when it signs in elsewhere only. The error is Conflict when
// the name is taken, Invalid when it or a grant cannot be.
func (s *Store) AddAccount(ctx context.Context, actor grids.Actor, a grids.Account, password string) (err error) {
	defer wrap(&err, "add the account")
	if err := a.Check(); err != nil {
		return err
	}
	detail := map[string]any{"account": a.ID, "name": a.Name, "demo": a.Demo, "grants": grantList(a.Grants)}
	return s.changeAccounts(ctx, actor, "add-account", detail, func(tx pgx.Tx) (bool, error) {
		added, err := some(tx.Exec(ctx, `insert into account (district_id, account_id, name, folded, display, password, disabled, must_change, demo)
			values ($1, $2, $3, $4, $5, nullif($6, ''), $7, $8, $9) on conflict do nothing`,
			s.district, a.ID, a.Name, grids.FoldName(a.Name), a.Display, password, a.Disabled, a.MustChange, a.Demo))
		if err == nil && !added {
			err = grids.Errorf(grids.Conflict, "there is an account with the name %s already: take another name", a.Name)
		}
		for i := 0; err == nil && i < len(a.Grants); i++ {
			_, err = s.addGrant(ctx, tx, a.ID, a.Grants[i])
		}
		return true, err
	})
}

func grantList(list []grids.Grant) []map[string]any {
	out := []map[string]any{}
	for _, g := range list {
		out = append(out, grantDetail(g))
	}
	return out
}

func grantDetail(g grids.Grant) map[string]any {
	return map[string]any{"grant": g.ID, "role": g.Role, "level": g.Scope.Level, "code": g.Scope.Code, "from": g.From, "until": orNull(g.Until)}
}

func (s *Store) addGrant(ctx context.Context, tx pgx.Tx, account grids.ID, g grids.Grant) (bool, error) {
	if err := g.Check(); err != nil {
		return false, err
	}
	if g.Scope.Level == grids.LevelDistrict {
		g.Scope.Code = ""
	}
	return some(tx.Exec(ctx, `insert into grant_of (district_id, account_id, grant_id, role, level, code, valid_from, valid_until) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict do nothing`, s.district, account, g.ID, g.Role, g.Scope.Level, g.Scope.Code, g.From, orNull(g.Until)))
}

// of adds whose account it is to the detail of a change, and locks the account. The error is NotFound.
func (s *Store) of(ctx context.Context, tx pgx.Tx, id grids.ID, detail map[string]any) error {
	var name string
	err := tx.QueryRow(ctx, `select name from account where district_id = $1 and account_id = $2 for update`, s.district, id).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return noAccount(id)
	}
	detail["account"], detail["name"] = id, name
	return err
}

// AddGrant gives an account a role in an area; the same grant twice is one. Errors: Invalid, NotFound.
func (s *Store) AddGrant(ctx context.Context, actor grids.Actor, account grids.ID, g grids.Grant) (err error) {
	defer wrap(&err, "give the role")
	detail := grantDetail(g)
	return s.changeAccounts(ctx, actor, "grant", detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		return s.addGrant(ctx, tx, account, g)
	})
}

// Revoke takes a grant away. Errors: NotFound; Conflict when nobody would be left who can give it again.
func (s *Store) Revoke(ctx context.Context, actor grids.Actor, account, grant grids.ID) (err error) {
	defer wrap(&err, "take the role away")
	detail := map[string]any{"grant": grant}
	return s.changeAccounts(ctx, actor, "revoke", detail, func(tx pgx.Tx) (bool, error) {
		was, err := s.lockAdministrators(ctx, tx)
		if err != nil {
			return false, err
		}
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		g := grids.Grant{ID: grant}
		err = tx.QueryRow(ctx, `delete from grant_of where district_id = $1 and account_id = $2 and grant_id = $3 returning role, level, code, valid_from`,
			s.district, account, grant).Scan(&g.Role, &g.Scope.Level, &g.Scope.Code, &g.From)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, grids.Errorf(grids.NotFound, "the account has no grant with the id %s", grant)
		}
		if err != nil {
			return false, err
		}
		detail["role"], detail["level"], detail["code"] = g.Role, g.Scope.Level, g.Scope.Code
		return true, s.stillAdministered(ctx, tx, was)
	})
}

// administrators is SQL for the accounts of district $1 that can manage accounts, whoever is disabled or not.
const administrators = `account a where a.district_id = $1 and exists (select from grant_of g where g.district_id = a.district_id and g.account_id = a.account_id
	and g.role = '` + string(grids.SystemAdmin) + `' and g.valid_from <= now() and g.valid_until is null)`

// lockAdministrators keeps two changes from taking the last two administrators away at once, and reports whether there is one.
func (s *Store) lockAdministrators(ctx context.Context, tx pgx.Tx) (there bool, err error) {
	if _, err := tx.Exec(ctx, `select from `+administrators+` order by account_id for update`, s.district); err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, administered, s.district).Scan(&there)
	return there, err
}

const administered = `select exists (select from ` + administrators + ` and not a.disabled)`

// stillAdministered refuses a change after which nobody could manage accounts for good, when there was somebody. The error is Conflict.
func (s *Store) stillAdministered(ctx context.Context, tx pgx.Tx, was bool) error {
	var left bool
	err := tx.QueryRow(ctx, administered, s.district).Scan(&left)
	if err == nil && was && !left {
		err = grids.Errorf(grids.Conflict, "this is the last system administrator: give somebody else the role %s without an end first", grids.SystemAdmin)
	}
	return err
}

// SetDisabled lets an account in no more, and ends its sessions; or lets it in again. Errors: NotFound; Conflict for the last
// administrator.
func (s *Store) SetDisabled(ctx context.Context, actor grids.Actor, account grids.ID, disabled bool) (err error) {
	defer wrap(&err, "change the account")
	action := "enable-account"
	if disabled {
		action = "disable-account"
	}
	detail := map[string]any{}
	return s.changeAccounts(ctx, actor, action, detail, func(tx pgx.Tx) (bool, error) {
		was, err := s.lockAdministrators(ctx, tx)
		if err != nil {
			return false, err
		}
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		changed, err := some(tx.Exec(ctx, `update account set disabled = $3 where district_id = $1 and account_id = $2 and disabled <> $3`, s.district, account, disabled))
		if err != nil || !changed || !disabled {
			return changed, err
		}
		if _, err := s.endSessions(ctx, tx, account); err != nil {
			return false, err
		}
		return true, s.stillAdministered(ctx, tx, was)
	})
}

// SetPassword stores the hash of a new password and ends all sessions of the account. mustChange says that somebody else knows it.
// The error is NotFound.
func (s *Store) SetPassword(ctx context.Context, actor grids.Actor, account grids.ID, hash string, mustChange bool) (err error) {
	defer wrap(&err, "set the password")
	action := "change-password"
	if mustChange {
		action = "reset-password"
	}
	detail := map[string]any{}
	return s.changeAccounts(ctx, actor, action, detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		if _, err := s.endSessions(ctx, tx, account); err != nil {
			return false, err
		}
		return some(tx.Exec(ctx, `update account set password = $3, must_change = $4 where district_id = $1 and account_id = $2`, s.district, account, hash, mustChange))
	})
}

// Rehash stores another hash of the same password, unless the password was changed meanwhile.
func (s *Store) Rehash(ctx context.Context, actor grids.Actor, account grids.ID, was, hash string) (err error) {
	defer wrap(&err, "store the password")
	return s.changeAccounts(ctx, actor, "rehash-password", map[string]any{"account": account}, func(tx pgx.Tx) (bool, error) {
		return some(tx.Exec(ctx, `update account set password = $4 where district_id = $1 and account_id = $2 and password = $3`, s.district, account, was, hash))
	})
}

// LinkIdentity lets an identity of another provider sign in as an account. Errors: Invalid, NotFound; Conflict when it is linked to
// another account.
func (s *Store) LinkIdentity(ctx context.Context, actor grids.Actor, account grids.ID, i grids.Identity) (err error) {
	defer wrap(&err, "link the identity")
	if err := i.Check(); err != nil {
		return err
	}
	detail := map[string]any{"issuer": i.Issuer, "subject": i.Subject}
	return s.changeAccounts(ctx, actor, "link-identity", detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		linked, err := some(tx.Exec(ctx, `insert into identity (district_id, issuer, subject, account_id) values ($1, $2, $3, $4) on conflict do nothing`, s.district, i.Issuer, i.Subject, account))
		if err != nil || linked {
			return linked, err
		}
		var to grids.ID
		err = tx.QueryRow(ctx, `select account_id from identity where district_id = $1 and issuer = $2 and subject = $3`, s.district, i.Issuer, i.Subject).Scan(&to)
		if err == nil && to != account {
			err = grids.Errorf(grids.Conflict, "the identity is linked to another account")
		}
		return false, err
	})
}

// BeginSession stores a session by the SHA-256 of its secret, in place of another one (nil for none), and forgets the account's
// sessions that are over. The error is NotFound.
func (s *Store) BeginSession(ctx context.Context, actor grids.Actor, action string, n grids.Session, hash [32]byte, replaces *[32]byte) (err error) {
	defer wrap(&err, "begin the session")
	detail := map[string]any{"session": n.ID}
	if n.View.Role != "" {
		detail["as"] = n.View
	}
	return s.changeAccounts(ctx, actor, action, detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, n.Account, detail); err != nil {
			return false, err
		}
		var old []byte
		if replaces != nil {
			old = replaces[:]
		}
		_, err := tx.Exec(ctx, `delete from session where district_id = $1 and account_id = $2 and (secret_hash = $3 or ends_at < now() or used_at < $4)`,
			s.district, n.Account, old, n.BegunAt.Add(-grids.SessionIdle))
		if err != nil {
			return false, err
		}
		return some(tx.Exec(ctx, `insert into session (district_id, secret_hash, session_id, account_id, begun_at, used_at, ends_at, address, agent, purpose, view_role, view_level, view_code)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			s.district, hash[:], n.ID, n.Account, n.BegunAt, n.UsedAt, n.EndsAt, n.Address, n.Agent, n.Purpose, n.View.Role, n.View.Scope.Level, n.View.Scope.Code))
	})
}

const noSession = "you have no session with the id %s: it may have ended"

// SetPurpose changes what a session is for. The error is NotFound.
func (s *Store) SetPurpose(ctx context.Context, actor grids.Actor, account, session grids.ID, purpose string) (err error) {
	defer wrap(&err, "set the purpose")
	if err := grids.CheckPurpose(purpose); err != nil {
		return err
	}
	detail := map[string]any{"account": account, "session": session, "purpose": purpose}
	return s.changeAccounts(ctx, actor, "set-purpose", detail, func(tx pgx.Tx) (bool, error) {
		changed, err := some(tx.Exec(ctx, `update session set purpose = $4 where district_id = $1 and account_id = $2 and session_id = $3`, s.district, account, session, purpose))
		if err == nil && !changed {
			err = grids.Errorf(grids.NotFound, noSession, session)
		}
		return changed, err
	})
}

// EndSession ends a session of an account. The error is NotFound.
func (s *Store) EndSession(ctx context.Context, actor grids.Actor, action string, account, session grids.ID) (err error) {
	defer wrap(&err, "end the session")
	return s.changeAccounts(ctx, actor, action, map[string]any{"account": account, "session": session}, func(tx pgx.Tx) (bool, error) {
		ended, err := some(tx.Exec(ctx, `delete from session where district_id = $1 and account_id = $2 and session_id = $3`, s.district, account, session))
		if err == nil && !ended {
			err = grids.Errorf(grids.NotFound, noSession, session)
		}
		return ended, err
	})
}

// EndSessions signs an account out everywhere. The error is NotFound.
func (s *Store) EndSessions(ctx context.Context, actor grids.Actor, account grids.ID) (err error) {
	defer wrap(&err, "end the sessions")
	detail := map[string]any{}
	return s.changeAccounts(ctx, actor, "sign-out-everywhere", detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, account, detail); err != nil {
			return false, err
		}
		return s.endSessions(ctx, tx, account)
	})
}

func (s *Store) endSessions(ctx context.Context, tx pgx.Tx, account grids.ID) (bool, error) {
	return some(tx.Exec(ctx, `delete from session where district_id = $1 and account_id = $2`, s.district, account))
}

// sessionColumns are those of session n that sessionInto takes.
const sessionColumns = `n.session_id, n.account_id, n.begun_at, n.used_at, n.ends_at, n.address, n.agent, n.purpose, n.view_role, n.view_level, n.view_code`

func sessionInto(n *grids.Session) []any {
	return []any{&n.ID, &n.Account, &n.BegunAt, &n.UsedAt, &n.EndsAt, &n.Address, &n.Agent, &n.Purpose, &n.View.Role, &n.View.Scope.Level, &n.View.Scope.Code}
}

// Sessions lists the sessions of an account, the newest first, those that are over too as long as they are stored.
func (s *Store) Sessions(ctx context.Context, account grids.ID) (list []grids.Session, err error) {
	defer wrap(&err, "read the sessions")
	return listOf(ctx, s, `select `+sessionColumns+` from session n where n.district_id = $1 and n.account_id = $2 order by n.begun_at desc, n.session_id`, account, sessionInto)
}

// listOf reads what an account has.
func listOf[T any](ctx context.Context, s *Store, sql string, account grids.ID, into func(*T) []any) ([]T, error) {
	rows, err := s.pool.Query(ctx, sql, s.district, account)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (n T, err error) {
		err = row.Scan(into(&n)...)
		return n, err
	})
}

// tokenColumns are those of token n that tokenInto takes.
const tokenColumns = `n.token_id, n.account_id, n.name, n.rights, n.level, n.code, n.purpose, n.made_at, n.expires_at, coalesce(n.used_at, '0001-01-01 00:00:00Z')` // #nosec G101 -- names of columns

func tokenInto(n *grids.Token) []any {
	return []any{&n.ID, &n.Account, &n.Name, &n.Rights, &n.Scope.Level, &n.Scope.Code, &n.Purpose, &n.MadeAt, &n.ExpiresAt, &n.UsedAt}
}

// Tokens lists the tokens of an account, the newest first.
func (s *Store) Tokens(ctx context.Context, account grids.ID) (list []grids.Token, err error) {
	defer wrap(&err, "read the tokens")
	return listOf(ctx, s, `select `+tokenColumns+` from token n where n.district_id = $1 and n.account_id = $2 order by n.made_at desc, n.token_id`, account, tokenInto)
}

// AddToken stores a token by the SHA-256 of its secret. Whether its owner may make it was checked. The error is NotFound.
func (s *Store) AddToken(ctx context.Context, actor grids.Actor, n grids.Token, hash [32]byte) (err error) {
	defer wrap(&err, "make the token")
	detail := map[string]any{"token": n.ID, "token_name": n.Name, "rights": n.Rights, "level": n.Scope.Level, "code": n.Scope.Code, "purpose": n.Purpose, "expires": n.ExpiresAt}
	return s.changeAccounts(ctx, actor, "make-token", detail, func(tx pgx.Tx) (bool, error) {
		if err := s.of(ctx, tx, n.Account, detail); err != nil {
			return false, err
		}
		return some(tx.Exec(ctx, `insert into token (district_id, secret_hash, token_id, account_id, name, rights, level, code, purpose, made_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, s.district, hash[:], n.ID, n.Account, n.Name, n.Rights, n.Scope.Level, n.Scope.Code, n.Purpose, n.MadeAt, n.ExpiresAt))
	})
}

// RevokeToken ends a token of an account. The error is NotFound.
func (s *Store) RevokeToken(ctx context.Context, actor grids.Actor, account, token grids.ID) (err error) {
	defer wrap(&err, "revoke the token")
	return s.changeAccounts(ctx, actor, "revoke-token", map[string]any{"account": account, "token": token}, func(tx pgx.Tx) (bool, error) {
		ended, err := some(tx.Exec(ctx, `delete from token where district_id = $1 and account_id = $2 and token_id = $3`, s.district, account, token))
		if err == nil && !ended {
			err = grids.Errorf(grids.NotFound, "you have no token with the id %s", token)
		}
		return ended, err
	})
}

// knownSQL reads what hangs on the secret hash $2 of a table, with the stamp of the same moment.
func knownSQL(table, columns string) string {
	return `select g.generation, coalesce(d.version, 0), ` + accountColumns + `, ` + columns + `
		from ` + table + ` n join account a using (district_id, account_id) cross join (select ` + generation + ` as generation from generation) g
		left join district_version d on d.district_id = n.district_id and d.subject = '` + string(grids.OnAccounts) + `'
		where n.district_id = $1 and n.secret_hash = $2`
}

// BySession reads whose session has the secret with this SHA-256, whether it is over or not. The error is NotFound.
func (s *Store) BySession(ctx context.Context, hash [32]byte) (k grids.Known, err error) {
	defer wrap(&err, "read the session")
	err = s.known(ctx, &k, knownSQL("session", sessionColumns), hash, sessionInto(&k.Session))
	return k, err
}

// ByToken reads whose token has the secret with this SHA-256, whether it has expired or not. The error is NotFound.
func (s *Store) ByToken(ctx context.Context, hash [32]byte) (k grids.Known, err error) {
	defer wrap(&err, "read the token")
	err = s.known(ctx, &k, knownSQL("token", tokenColumns), hash, tokenInto(&k.Token))
	return k, err
}

func (s *Store) known(ctx context.Context, k *grids.Known, sql string, hash [32]byte, into []any) error {
	var grants []byte
	all := append([]any{&k.At.Generation, &k.At.Version}, accountInto(&k.Account, &grants)...)
	err := s.pool.QueryRow(ctx, sql, s.district, hash[:]).Scan(append(all, into...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return grids.Errorf(grids.NotFound, "nobody is signed in with this secret")
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(grants, &k.Account.Grants)
}

// Used notes when a session or a token was last used. It is no change that anybody has to hear of: no version grows, and a secret
// that is not stored any more is none.
func (s *Store) Used(ctx context.Context, way grids.Way, hash [32]byte, at time.Time) (err error) {
	defer wrap(&err, "note the use")
	sql := `update session set used_at = $3 where district_id = $1 and secret_hash = $2 and used_at < $3`
	if way == grids.ByToken {
		sql = `update token set used_at = $3 where district_id = $1 and secret_hash = $2 and (used_at is null or used_at < $3)`
	}
	_, err = s.pool.Exec(ctx, sql, s.district, hash[:], at)
	return err
}
