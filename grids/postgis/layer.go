package postgis

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wangge/grids"
)

// Read looks at the store once: the versions first, then all that plan asks for when it knows them, in one transaction
// that sees one moment, so that what was read is exactly what the versions name. Errors: NotFound when there is no
// territory; Unavailable.
func (s *Store) Read(ctx context.Context, plan func(grids.Versions) grids.Query) (c grids.Content, err error) {
	defer wrap(&err, "read the store")
	c.Tables = map[string]grids.Table{}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if c.Versions, err = s.versions(ctx, tx); err != nil {
			return err
		}
		q := plan(c.Versions)
		if q.Territory {
			if c.Territory, err = s.territory(ctx, tx, grids.DrugControl); err != nil {
				return err
			}
			if c.GridOf, err = s.gridOfVillage(ctx, tx); err != nil {
				return err
			}
		}
		if q.Cases {
			if c.Cases, err = s.caseColumns(ctx, tx); err != nil {
				return err
			}
		}
		if q.Counts {
			if c.Counts, err = s.placeCounts(ctx, tx, q.Window); err != nil {
				return err
			}
		}
		for _, l := range q.Layers {
			t, err := s.layer(ctx, tx, l.SQL, q.Today)
			if err != nil {
				return grids.Hide(grids.KindOf(err), fmt.Errorf("layer %s: %w", l.Name, err), "the layer %s could not be read", l.Name)
			}
			c.Tables[l.Name] = t
		}
		return nil
	})
	return c, err
}

func (s *Store) layer(ctx context.Context, tx pgx.Tx, sql string, today grids.Day) (grids.Table, error) {
	var t grids.Table
	rows, err := tx.Query(ctx, sql, pgx.NamedArgs{"district": s.district, "today": today.Date()})
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for i, f := range rows.FieldDescriptions() {
		if i >= 2 {
			t.Columns = append(t.Columns, f.Name)
		}
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return t, err
		}
		f := grids.Feature{Values: values[2:]}
		id, isID := values[0].(int64)
		b, isGeom := values[1].([]byte)
		if !isID || !isGeom {
			return t, grids.Errorf(grids.Internal, "row %d of a layer has no fid or no geometry", len(t.Features)+1)
		}
		f.ID = uint64(id)
		if f.Geometry, err = decode(b); err != nil {
			return t, err
		}
		for i, v := range f.Values {
			if f.Values[i], err = plain(v); err != nil {
				return t, err
			}
		}
		t.Features = append(t.Features, f)
	}
	return t, rows.Err()
}

// plain brings a driver's value to one of the types a layer may hold.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, int64, float64:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case pgtype.Numeric:
		f, err := v.Float64Value()
		return f.Float64, err
	}
	return nil, grids.Errorf(grids.Internal, "a layer's attribute has the type %T: cast it to text, bigint, float8 or boolean in the SQL", v)
}
