package postgis

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"wangge/grids"
)

// privileges is what the two logins of the server may do with each table of the schema; "" is nothing. The login that answers
// requests (app) is bound by row-level security. The one that imports (load) is not where the owner may grant that, so it writes
// nothing but what imports write.
var privileges = map[string]struct{ app, load string }{
	"schema_version":   {"", ""},
	"login":            {"", ""},
	"generation":       {"select", "select"},
	"district":         {"select", "select, insert, update"},
	"town":             {"select", "select, insert, update, delete"},
	"village":          {"select", "select, insert, update, delete"},
	"grid_edition":     {"select", "select, insert, update"},
	"grid":             {"select", "select, insert"},
	"grid_village":     {"select", "select, insert, delete"},
	"casework_event":   {"select", "select, insert, update"},
	"village_status":   {"select", "select, insert, update"},
	"survey_result":    {"select", "select, insert, update"},
	"finding":          {"select, insert, update (state)", "select, insert, update"},
	"import_batch":     {"select", "select, insert"},
	"district_version": {"select, insert, update", "select, insert, update"}, // numbers only: every request compares them, so no policy stands before them
	"outbox":           {"select, insert", "insert"},
	"audit":            {"select, insert", "insert"},
	"audit_head":       {"select, update", "select, update"},
	"account":          {"select, insert, update", ""},
	"grant_of":         {"select, insert, delete", ""},
	"session":          {"select, insert, update, delete", ""},
	"token":            {"select, insert, update, delete", ""},
	"identity":         {"select, insert", ""},
	"casework_past":    {"select", "select, insert"},
	"analysis_run":     {"select, insert, update, delete", ""},
}

// login is a way into the database.
type login struct{ role, password string }

// as is the configuration of a pool that signs in by the login.
func (l login) as(config *pgxpool.Config) *pgxpool.Config {
	config = config.Copy()
	config.ConnConfig.User, config.ConnConfig.Password = l.role, l.password
	return config
}

// owner prepares a database on the connection of its owner. Only one process does so at a time.
type owner struct {
	conn *pgx.Conn
}

// ready makes what a district needs before its first write, and lets row-level security use the index of places where the owner may.
func (o owner) ready(ctx context.Context, district grids.DistrictID) error {
	_, err := o.conn.Exec(ctx, "insert into wangge.audit_head values ($1, 0, $2, $2) on conflict on constraint audit_head_pk do nothing", district, grids.AuditStart)
	if err != nil {
		return err
	}
	if _, err = o.conn.Exec(ctx, leakproof); notAllowed(err) {
		return nil // the check of the index says what to do, when there is something to look up
	}
	return err
}

// leakproof lets the planner use the index of places below the rules of rows: the operator && compares boxes alone and raises no error.
const leakproof = "alter function geometry_overlaps(geometry, geometry) leakproof"

// takePrivileges takes all privileges in the schema from a role and gives it those of the table again.
func (o owner) takePrivileges(ctx context.Context, role string, of func(app, load string) string) error {
	name := pgx.Identifier{role}.Sanitize()
	sql := "begin; revoke all on all tables in schema wangge from " + name + "; grant usage on schema wangge to " + name + ";"
	for _, table := range slices.Sorted(maps.Keys(privileges)) {
		if p := of(privileges[table].app, privileges[table].load); p != "" {
			sql += fmt.Sprintf("grant %s on wangge.%s to %s;", p, table, name)
		}
	}
	_, err := o.conn.Exec(ctx, sql+"commit")
	return err
}

// logins makes the two logins of the server, or finds them, with the privileges of the table. bypass says that the second one
// is not bound by row-level security. The names hold the database's oid, because roles are the cluster's: a copy of a database has
// logins of its own.
func (o owner) logins(ctx context.Context) (app, load login, bypass bool, err error) {
	var oid uint32
	if err = o.conn.QueryRow(ctx, "select oid from pg_database where datname = current_database()").Scan(&oid); err != nil {
		return app, load, false, err
	}
	if app, err = o.login(ctx, fmt.Sprintf("wangge_app_%d", oid)); err != nil {
		return app, load, false, err
	}
	if load, err = o.login(ctx, fmt.Sprintf("wangge_load_%d", oid)); err != nil {
		return app, load, false, err
	}
	if _, err = o.conn.Exec(ctx, "alter role "+load.role+" bypassrls"); err != nil && !notAllowed(err) {
		return app, load, false, err
	}
	if err = o.conn.QueryRow(ctx, "select rolbypassrls from pg_roles where rolname = $1", load.role).Scan(&bypass); err != nil {
		return app, load, false, err
	}
	err = errors.Join(o.checkBound(ctx, app.role), o.takePrivileges(ctx, app.role, func(app, _ string) string { return app }),
		o.takePrivileges(ctx, load.role, func(_, load string) string { return load }))
	if err == nil {
		_, err = o.conn.Exec(ctx, "grant execute on function wangge.take_stock to "+load.role)
	}
	return app, load, bypass, errors.Join(err, o.openQueue(ctx, app.role))
}

// byHand gives a login that was made by hand the privileges of both.
func (o owner) byHand(ctx context.Context, role string) error {
	either := func(app, load string) string {
		if app == "" || load == "" {
			return app + load
		}
		return app + ", " + load
	}
	if err := o.checkBound(ctx, role); err != nil {
		return err
	}
	if err := o.takePrivileges(ctx, role, either); err != nil {
		return err
	}
	_, err := o.conn.Exec(ctx, "grant execute on function wangge.take_stock to "+pgx.Identifier{role}.Sanitize())
	return errors.Join(err, o.openQueue(ctx, role))
}

// login makes a role that may sign in, or finds it. Its password is the one in the table, made once: another server on the
// same database reads the same.
func (o owner) login(ctx context.Context, role string) (l login, err error) {
	l.role = role
	err = o.conn.QueryRow(ctx, `with made as (insert into wangge.login values ($1, $2) on conflict on constraint login_pk do nothing returning password)
		select password from made union all select password from wangge.login where role = $1`, role, rand.Text()+rand.Text()).Scan(&l.password)
	if err != nil {
		return l, err
	}
	var there bool
	if err := o.conn.QueryRow(ctx, "select exists (select from pg_roles where rolname = $1)", role).Scan(&there); err != nil {
		return l, err
	}
	if !there {
		if _, err := o.conn.Exec(ctx, "create role "+role+" login"); err != nil {
			return l, o.mayNotMakeRoles(err)
		}
	}
	_, err = o.conn.Exec(ctx, "alter role "+role+" login password '"+verifier(l.password)+"'") // after a restore it may be another one
	return l, o.mayNotMakeRoles(err)
}

// mayNotMakeRoles says, of an error for want of privileges, what to do.
func (o owner) mayNotMakeRoles(err error) error {
	if err == nil || !notAllowed(err) {
		return err
	}
	user := pgx.Identifier{o.conn.Config().User}.Sanitize()
	return grids.Hide(grids.Invalid, err, `the database user %s may not make the logins that the server works with. Let somebody who may run once, as superuser of the database server, either

    ALTER ROLE %[1]s CREATEROLE;

and start again; or

    CREATE ROLE wangge_app LOGIN PASSWORD '…';

and start with --owner-url set to the address you gave now, and --database-url to the same with the user wangge_app`, user)
}

// notAllowed reports whether PostgreSQL refused something for want of privileges.
func notAllowed(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// verifier is what PostgreSQL keeps of a password for SCRAM-SHA-256 (RFC 5803): so the password itself is in no statement, and
// in no log of statements.
func verifier(password string) string {
	const rounds = 4096
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)                                                   // never fails
	salted, _ := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size) // fails for other lengths only
	of := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(of("Client Key"))
	b := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, b(salt), b(stored[:]), b(of("Server Key")))
}

// checkBound refuses a login that row-level security does not bind, or that could take it away. The error is Invalid.
func (o owner) checkBound(ctx context.Context, role string) error {
	var free bool
	err := o.conn.QueryRow(ctx, `select rolsuper or rolbypassrls or exists (select from pg_class c where relnamespace = 'wangge'::regnamespace and pg_has_role($1, c.relowner, 'member'))
		from pg_roles where rolname = $1`, role).Scan(&free)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return grids.Errorf(grids.Invalid, "the database has no user %s: make it, or correct --database-url", role)
	case err == nil && free:
		return grids.Errorf(grids.Invalid, "the database user %s is a superuser, has BYPASSRLS, or owns the server's tables, so the rules about who may see which rows do not bind it: make a plain login, give its address by --database-url, and the owner's by --owner-url", role)
	}
	return err
}

// manyRows is from how many rows on the planner should prefer the index of places to reading a table.
const manyRows = 10_000

// checkIndex warns when row-level security keeps the planner from the index of findings' places: then every look at a place reads the
// whole table. A table with few rows says nothing.
func (s *Store) checkIndex(ctx context.Context, log *slog.Logger) error {
	var rows float32
	if err := s.pool.QueryRow(ctx, "select reltuples from pg_class where oid = 'wangge.finding'::regclass").Scan(&rows); err != nil || rows < manyRows {
		return err
	}
	plan, err := s.placePlan(ctx, "finding", whole)
	if err == nil && !strings.Contains(plan, "finding_geom") {
		log.Warn("the database reads all findings to find those of a place: let a superuser run the statement once, in this database", "statement", leakproof)
	}
	return err
}

// placePlan runs a search of the rows around some row's place within a scope and returns how PostgreSQL did it; "" when there is no row.
func (s *Store) placePlan(ctx context.Context, table string, sc scope) (plan string, err error) {
	const around = 0.0005 // degrees
	table = pgx.Identifier{"wangge", table}.Sanitize()
	var box []float64
	err = s.view(ctx, sc, func(b *pgx.Batch) {
		b.Queue("select array[ST_XMin(geom) - $1, ST_YMin(geom) - $1, ST_XMin(geom) + $1, ST_YMin(geom) + $1] from "+table+" where geom is not null limit 1", around).
			Query(func(rows pgx.Rows) (err error) {
				_, err = pgx.ForEachRow(rows, []any{&box}, func() error { return nil })
				return err
			})
	})
	if err != nil || box == nil {
		return "", err
	}
	err = s.view(ctx, sc, func(b *pgx.Batch) {
		b.Queue("explain (analyze, costs off) select count(*) from "+table+" where district_id = $1 and geom && ST_MakeEnvelope($2, $3, $4, $5, 4326)",
			s.district, box[0], box[1], box[2], box[3]).Query(func(rows pgx.Rows) error {
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			plan = strings.Join(lines, "\n")
			return err
		})
	})
	return plan, err
}
