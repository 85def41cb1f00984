package postgis

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// auditSQL adds a link to the chain of district $1. The head's row is locked until the transaction ends, so that links are dense
// and in order whoever writes at the same moment; the hash is of what is stored. A district without a head gets a null, which the
// table refuses: nothing is stored without its audit row.
const auditSQL = `with head as (
		update audit_head h set seq = h.seq + 1, prev = h.hash, hash = audit_hash(h.hash, $1::int, h.seq + 1, $2::uuid, c.at, $3::text, $4::text, $5::text, $6::text,
			$7::text, $8::text, $9::text, $10::text, $11::jsonb)
		from (select clock_timestamp() as at) c where h.district_id = $1 returning h.seq, h.prev, h.hash, c.at)
	insert into audit (district_id, seq, audit_id, at, actor, role, way, action, subject, purpose, behind, address, detail, prev, hash)
	select $1, seq, $2, at, $3, $4, $5, $6, $7, $8, $9, $10, $11, prev, hash from (select) one left join head on true`

// queueAudit queues the audit row of something that an actor did or saw. The error is of the detail, or Internal for an action that is none.
func (s *Store) queueAudit(b *pgx.Batch, a grids.Actor, action string, subject grids.Subject, detail any) error {
	if !slices.Contains(grids.AuditActions[:], action) {
		return grids.Errorf(grids.Internal, "%q is no action of the audit log", action)
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	b.Queue(auditSQL, s.district, grids.NewID(), a.Name, a.RoleNames(), string(a.Way), action, string(subject), a.Purpose, a.Behind, a.Address, text)
	return nil
}

// Note writes an audit row of something that changed nothing: that an actor looked at exact places, or took data away. detail is
// kept as JSON and must not hold places itself. When Note returns nil, the row is on the disk.
func (s *Store) Note(ctx context.Context, actor grids.Actor, action string, subject grids.Subject, detail any) (err error) {
	defer wrap(&err, "note it in the audit log")
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	s.queueScope(b, scope{})
	if err := s.queueAudit(b, actor, action, subject, detail); err != nil {
		return err
	}
	b.Queue("commit")
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	results := conn.SendBatch(ctx, b)
	defer rollback(ctx, conn, results.Tx())
	return results.Close()
}

const (
	auditColumns = `seq, audit_id, at, actor, role, way, action, subject, purpose, behind, address, detail::text, hash`

	defaultAuditRows, maxAuditRows = 100, 1000
)

func scanAudit(row pgx.CollectableRow, more ...any) (r grids.AuditRow, err error) {
	var detail string
	err = row.Scan(append([]any{&r.Seq, &r.ID, &r.At, &r.Actor, &r.Role, &r.Way, &r.Action, &r.Subject, &r.Purpose, &r.Behind, &r.Address, &detail, &r.Hash}, more...)...)
	r.Detail = json.RawMessage(detail)
	return r, err
}

// Audit reads the audit log, the newest row first. The error is Forbidden for an actor without the right to read it.
func (s *Store) Audit(ctx context.Context, actor grids.Actor, q grids.AuditQuery) (list []grids.AuditRow, err error) {
	defer wrap(&err, "read the audit log")
	sc, err := scopeInAll(actor, grids.ReadAudit)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultAuditRows
	}
	err = s.view(ctx, sc, func(b *pgx.Batch) {
		b.Queue(`select `+auditColumns+` from audit where district_id = $1 and ($2 = 0 or seq < $2) and ($3::timestamptz is null or at >= $3)
			and ($4::timestamptz is null or at < $4) and ($5 = '' or actor = $5) and ($6 = '' or action = $6) and ($7 = '' or subject = $7)
			order by seq desc limit $8`, s.district, q.Before, orNull(q.From), orNull(q.To), q.Actor, q.Action, q.Subject, min(limit, maxAuditRows)).
			Query(func(rows pgx.Rows) (err error) {
				list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (grids.AuditRow, error) { return scanAudit(row) })
				return err
			})
	})
	return list, err
}

// auditScope is that of the server's own look along the chain.
var auditScope = scope{right: grids.ReadAudit, areas: allAreas}

// VerifyAudit walks along the whole audit log, computes every hash anew, and holds the log against heads that were kept. It sees
// one moment. Damage is no error: look at the verdict.
func (s *Store) VerifyAudit(ctx context.Context, heads ...grids.AuditHead) (v *grids.AuditVerdict, err error) {
	defer wrap(&err, "verify the audit log")
	v = grids.NewAuditVerdict(s.district, heads)
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		var head grids.AuditHead
		s.queueScope(b, auditScope)
		b.Queue(`select seq, hash from audit_head where district_id = $1`, s.district).QueryRow(func(row pgx.Row) error { return row.Scan(&head.Seq, &head.Hash) })
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select `+auditColumns+`, prev from audit where district_id = $1 order by seq`, s.district)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var prev []byte
			r, err := scanAudit(rows, &prev)
			if err != nil {
				return err
			}
			v.Link(&r, prev)
		}
		v.End(head)
		return rows.Err()
	})
	return v, err
}

// headsEvery is how often the head of the audit log is kept.
const headsEvery = time.Hour

// KeepHeads appends where the audit log ends to the file at path: now, every hour, and when ctx ends; then it returns. What
// cannot be written is logged.
func (s *Store) KeepHeads(ctx context.Context, path string, log *slog.Logger) {
	keep := func(ctx context.Context) {
		if err := s.keepHead(ctx, path); err != nil {
			log.Error("the head of the audit log could not be kept", "file", path, "err", err)
		}
	}
	tick := time.NewTicker(headsEvery)
	defer tick.Stop()
	for keep(ctx); ; {
		select {
		case <-tick.C:
			keep(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			keep(last)
			return
		}
	}
}

// keepHead appends one head to a file, durably. A log without a row has none.
func (s *Store) keepHead(ctx context.Context, path string) (err error) {
	defer wrap(&err, "keep the head of the audit log")
	h := grids.AuditHead{District: s.district}
	err = s.pool.QueryRow(ctx, `select seq, hash, now() from audit_head where district_id = $1`, s.district).Scan(&h.Seq, &h.Hash, &h.At)
	if err != nil || h.Seq == 0 {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // #nosec G304 -- in the folder of --data
	if err == nil {
		_, err = f.WriteString(h.String() + "\n")
		if err == nil {
			err = f.Sync()
		}
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return grids.Hide(grids.Full, err, "the file %s cannot be written", path)
	}
	return nil
}
