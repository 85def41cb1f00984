package postgis

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// change is what a write did, for the outbox and the audit row beside it.
type change struct {
	actor    grids.Actor
	action   string          // a verb: import, mark, withdraw
	subject  grids.Subject   // what the audit row is about
	touches  []grids.Subject // whose versions grow; subject alone when empty
	detail   any             // JSON; never a place finer than the noun's id
	bounds   []float64       // west, south, east, north of the change; nil = anywhere
	ids      []grids.ID      // exactly what it touched, see grids.Change; nil = anything
	versions grids.Versions  // filled by write: the generation and the versions that the change made
}

// write runs f in a transaction and ends that with the versions, the outbox rows and the audit row of the change. A
// change that f reports as nothing (false) leaves no trace. What first queues travels with the begin; it may be nil.
func (s *Store) write(ctx context.Context, c *change, first func(*pgx.Batch), f func(tx pgx.Tx) (changed bool, err error)) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	if first != nil {
		first(b)
	}
	results := conn.SendBatch(ctx, b)
	tx := results.Tx()
	defer func() {
		if conn.Conn().PgConn().TxStatus() != 'I' { // not when record has committed
			_ = tx.Rollback(ctx)
		}
	}()
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
	detail, err := json.Marshal(c.detail)
	if err != nil {
		return err
	}
	touches := c.touches
	if len(touches) == 0 {
		touches = []grids.Subject{c.subject}
	}
	made := grids.Versions{Of: map[grids.Subject]int64{}}
	b := new(pgx.Batch)
	b.Queue(`select ` + generation + ` from generation`).QueryRow(func(row pgx.Row) error { return row.Scan(&made.Generation) })
	b.Queue(`insert into audit (district_id, audit_id, actor, role, action, subject, detail) values ($1, $2, $3, $4, $5, $6, $7)`,
		s.district, grids.NewID(), c.actor.Name, c.actor.RoleNames(), c.action, c.subject, detail)
	for _, sub := range slices.Sorted(slices.Values(touches)) {
		b.Queue(`insert into district_version as d (district_id, subject, version) values ($1, $2, 1)
			on conflict on constraint district_version_pk do update set version = d.version + 1`, s.district, sub)
		b.Queue(`insert into outbox (district_id, subject, version, bounds, ids) select district_id, subject, version, $3, $4
			from district_version where district_id = $1 and subject = $2 returning version`, s.district, sub, c.bounds, c.ids).
			QueryRow(func(row pgx.Row) error {
				var v int64
				err := row.Scan(&v)
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
