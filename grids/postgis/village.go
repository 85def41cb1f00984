package postgis

import (
	"context"
	"iter"
	"time"

	"wangge/grids"
)

var statusTable = table{"village_status", grids.OnVillages, []string{"district_id", "status_id", "village_code", "status", "valid_from", "valid_to", "synthetic", "batch_id"}}

// ImportVillageStatuses stores statuses, idempotent by id.
func (s *Store) ImportVillageStatuses(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.VillageStatus], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, statusTable, b, rows, func(v grids.VillageStatus, out []any) ([]any, error) {
		var to *time.Time
		if v.ValidTo != 0 {
			d := v.ValidTo.Date()
			to = &d
		}
		return append(out, int32(s.district), [16]byte(v.ID), v.VillageCode, string(v.Status), v.ValidFrom.Date(), to, v.Synthetic, [16]byte(b.ID)), nil
	}, check, nil)
}
