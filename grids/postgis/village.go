package postgis

import (
	"context"
	"iter"

	"wangge/grids"
)

var statusTable = table{"village_status", grids.OnVillages, tellsNothing, true, []string{"district_id", "status_id", "village_code", "status", "valid_from", "valid_to", "synthetic", "batch_id"}, nil}

// ImportVillageStatuses stores statuses, idempotent by id.
func (s *Store) ImportVillageStatuses(ctx context.Context, actor grids.Actor, b *grids.Batch, rows func() iter.Seq[grids.VillageStatus], check func() error) (grids.Stored, error) {
	return importRows(ctx, s, actor, statusTable, b, rows, func(v grids.VillageStatus, r *copyRow) error {
		r.int4(int32(s.district))
		r.uuid(v.ID)
		r.text(v.VillageCode)
		r.text(string(v.Status))
		r.date(v.ValidFrom)
		if v.ValidTo == 0 {
			r.null()
		} else {
			r.date(v.ValidTo)
		}
		r.bool(v.Synthetic)
		r.uuid(b.ID)
		return nil
	}, check, nil)
}
