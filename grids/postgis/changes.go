package postgis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wangge/grids"
)

// change is what a write did, for the outbox and the audit row beside it.
type change struct {
	actor    grids.Actor
	scope    scope
	action   string          // a verb: import, mark, withdraw
	subject  grids.Subject   // what the audit row is about
	touches  []grids.Subject // whose versions grow; subject alone when empty
	detail   any             // JSON; never a place finer than the noun's id
	bounds   []float64       // west, south, east, north of the change; nil = anywhere
	ids      []grids.ID      // exactly what it touched, see grids.Change; nil = anything
	versions grids.Versions  // filled by write: the generation and the versions that the change made
}

// scope is for whom a transaction works. Row-level security lets it see and write nothing else.
type scope struct {
	right grids.Right
	areas string // all, or one area a line, as the policies read it
	plan  string // PostgreSQL's plan_cache_mode; "" is auto
}

// whole is the scope of the server's own work.
var whole = scope{areas: allAreas}

const allAreas = "all"

// scopeOf is where the actor has the right. The error is Forbidden when that is nowhere.
func scopeOf(actor grids.Actor, right grids.Right) (scope, error) {
	list := actor.Scopes(right)
	if len(list) == 0 {
		return scope{}, grids.Errorf(grids.Forbidden, "this account has no role with the right %q: ask the system administrator for one", right)
	}
	return scope{right: right, areas: areasOf(list)}, nil
}

// scopeInAll is the scope of a right that is given for the whole district only. The error is Forbidden.
func scopeInAll(actor grids.Actor, right grids.Right) (scope, error) {
	sc, err := scopeOf(actor, right)
	if err == nil && sc.areas != allAreas {
		err = grids.Errorf(grids.Forbidden, "this account has the right %q in a part of the district only: ask the system administrator for it in the whole", right)
	}
	return sc, err
}

// areasOf is areas as the policies read them. A code with a line break, which could be read as another area, is left out.
func areasOf(list []grids.Scope) string {
	var lines []string
	for _, s := range list {
		switch {
		case s.Level == grids.LevelDistrict:
			return allAreas
		case s.Code != "" && !strings.Contains(s.Code, "\n"):
			lines = append(lines, string(s.Level)+":"+s.Code)
		}
	}
	return strings.Join(lines, "\n")
}

// queueScope queues what SET LOCAL would do, as one statement with parameters: its plan is kept.
func (s *Store) queueScope(b *pgx.Batch, sc scope) {
	b.Queue(`select set_config('wangge.district', $1, true), set_config('wangge.areas', $2, true), set_config('wangge.right', $3, true), set_config('plan_cache_mode', $4, true)`,
		strconv.Itoa(int(s.district)), sc.areas, string(sc.right), cmp.Or(sc.plan, "auto"))
}

// view reads what queue queues within a scope, in one round trip.
func (s *Store) view(ctx context.Context, sc scope, queue func(*pgx.Batch)) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{AccessMode: pgx.ReadOnly})
	s.queueScope(b, sc)
	queue(b)
	b.Queue("commit")
	results := conn.SendBatch(ctx, b)
	tx := results.Tx()
	defer rollback(ctx, conn, tx)
	return results.Close()
}

// rollback ends a transaction that was not committed within a batch.
func rollback(ctx context.Context, conn *pgxpool.Conn, tx pgx.Tx) {
	if conn.Conn().PgConn().TxStatus() != 'I' {
		_ = tx.Rollback(ctx)
	}
}

// write runs f in a transaction and ends that with the versions, the outbox rows and the audit row of the change. A
// change that f reports as nothing (false) leaves no trace. What first queues travels with the begin; it may be nil.
func (s *Store) write(ctx context.Context, c *change, first func(*pgx.Batch), f func(tx pgx.Tx) (changed bool, err error)) error {
	pool := s.pool
	if c.scope.right == grids.Import {
		pool = s.load
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	s.queueScope(b, c.scope)
	if first != nil {
		first(b)
	}
	results := conn.SendBatch(ctx, b)
	tx := results.Tx()
	defer rollback(ctx, conn, tx)
	if err := results.Close(); err != nil {
		return err
	}
	if changed, err := f(tx); err != nil || !changed {
		return err
	}
	return s.record(ctx, tx, c)
}

// record writes audit, versions and outbox of a change and commits, all in one round trip: whoever waits for a version row
// waits for nothing but the disk. The version rows are locked in a fixed order, so that two writers never wait for each
// other crosswise, and their numbers are dense.
func (s *Store) record(ctx context.Context, tx pgx.Tx, c *change) error {
	touches := c.touches
	if len(touches) == 0 {
		touches = []grids.Subject{c.subject}
	}
	made := grids.Versions{Of: map[grids.Subject]int64{}}
	b := new(pgx.Batch)
	if err := s.queueAudit(b, c.actor, c.action, c.subject, c.detail); err != nil {
		return err
	}
	for _, sub := range slices.Sorted(slices.Values(touches)) {
		b.Queue(stepSQL, s.district, sub, c.bounds, c.ids).QueryRow(func(row pgx.Row) error {
			var v int64
			err := row.Scan(&made.Generation, &v)
			made.Of[sub] = v
			return err
		})
	}
	b.Queue("commit")
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	c.versions = made
	return nil
}

// stepSQL counts the version of subject $2 on and tells the outbox; it returns generation and version.
const stepSQL = `with d as (insert into district_version as d (district_id, subject, version) values ($1, $2, 1)
		on conflict on constraint district_version_pk do update set version = d.version + 1 returning district_id, subject, version),
	told as (insert into outbox (district_id, subject, version, bounds, ids) select district_id, subject, version, $3, $4 from d)
	select ` + generation + `, version from generation, d`

// generation is SQL for the name of the line of history that the versions count along: 16 hexadecimal digits. It becomes
// another one in a copy or a restored dump (another cluster or database) and on a new timeline (a promotion, a restore to
// a point in time), where versions may repeat. The column id may be changed by hand to say the same.
const generation = `left(md5(concat_ws(' ', id, (select system_identifier from pg_control_system()),
	(select oid from pg_database where datname = current_database()),
	case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end)), 16)`

// versionsSQL reads the versions of district $1.
const versionsSQL = `select g.generation, coalesce(d.subject, ''), coalesce(d.version, 0)
	from (select ` + generation + ` as generation from generation) g left join district_version d on d.district_id = $1`

// Versions reads the current versions in one statement.
func (s *Store) Versions(ctx context.Context) (v grids.Versions, err error) {
	defer wrap(&err, "read the versions")
	return s.versions(ctx, s.pool)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) versions(ctx context.Context, q querier) (grids.Versions, error) {
	rows, err := q.Query(ctx, versionsSQL, s.district)
	if err != nil {
		return grids.Versions{}, err
	}
	return scanVersions(rows)
}

func scanVersions(rows pgx.Rows) (grids.Versions, error) {
	v := grids.Versions{Of: map[grids.Subject]int64{}}
	var subject grids.Subject
	var version int64
	_, err := pgx.ForEachRow(rows, []any{&v.Generation, &subject, &version}, func() error {
		if subject != "" {
			v.Of[subject] = version
		}
		return nil
	})
	return v, err
}

// maxChanges is how many steps of a subject are told one by one; a reader further behind has to read everything anyway.
const maxChanges = 4096

// stepsSQL reads the outbox rows of district $1 after the versions $3 of the subjects $2, at most $4 a subject.
const stepsSQL = `select s.subject, o.version, o.ids from unnest($2::text[], $3::bigint[]) s (subject, version),
	lateral (select o.version, o.ids from outbox o where o.district_id = $1 and o.subject = s.subject and o.version > s.version
		order by o.version limit $4) o order by o.version`

// queueSteps queues the reading of what the outbox says of the time since.
func (s *Store) queueSteps(b *pgx.Batch, since grids.Versions, steps *[]grids.Change) {
	subjects, versions := make([]string, len(grids.Subjects)), make([]int64, len(grids.Subjects))
	for i, sub := range grids.Subjects {
		subjects[i], versions[i] = string(sub), since.Of[sub]
	}
	b.Queue(stepsSQL, s.district, subjects, versions, maxChanges+1).Query(func(rows pgx.Rows) (err error) {
		*steps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[grids.Change])
		return err
	})
}

// changesBetween is the way from since to now, by subject and version; nil when there is none, because since is of another
// generation or of none. A subject whose steps are not all there, or too many, gets one change that may be anything.
func changesBetween(since, now grids.Versions, steps []grids.Change) []grids.Change {
	if since.Generation != now.Generation {
		return nil
	}
	of := map[grids.Subject][]grids.Change{}
	for _, c := range steps {
		of[c.Subject] = append(of[c.Subject], c)
	}
	all := []grids.Change{}
	for _, sub := range grids.Subjects {
		list, missed := of[sub], now.Of[sub]-since.Of[sub]
		if missed == 0 && len(list) == 0 {
			continue
		}
		// the primary key makes them distinct, so as many as were missed, up to now, are dense
		if int64(len(list)) != missed || missed > maxChanges || list[len(list)-1].Version != now.Of[sub] {
			list = []grids.Change{{Subject: sub, Version: now.Of[sub]}}
		}
		all = append(all, list...)
	}
	return all
}
