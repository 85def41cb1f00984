package postgis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/grids"
)

// MVTOracle makes the tiles of one layer in PostGIS, with ST_AsMVT over ST_AsMVTGeom (extent 4096, buffer 128, clipped): what
// our own tiles are held against. It gives PostGIS the best case: the rows stand in a temporary table of a connection of its
// own, in EPSG:3857, indexed and analysed, and nothing is compiled just in time. What it holds is of the moment when it
// was made. Not safe for concurrent use.
type MVTOracle struct {
	conn *pgx.Conn
	tile string // SQL of the tile $1/$2/$3
}

// AsMVT makes the oracle of a layer: its SQL is that of a [grids.LayerQuery]. Attributes are all columns but fid, geom,
// minzoom and those whose name begins with an underscore. The caller closes it. Errors: Unavailable; Internal when the
// SQL fails.
func (s *Store) AsMVT(ctx context.Context, layer, sql string, today grids.Day) (o *MVTOracle, err error) {
	defer wrap(&err, "make the layer "+layer+" with PostGIS")
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	o = &MVTOracle{conn: conn}
	args := pgx.NamedArgs{"district": s.district, "today": today.Date(), "ids": []grids.ID(nil)}
	if err := s.filling(ctx, conn, func() error { return o.fill(ctx, layer, sql, args) }); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// connect opens a connection of its own, set up as the best case for one that answers tiles out of temporary tables.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	config := s.pool.Config().ConnConfig
	config.RuntimeParams["temp_buffers"] = "256MB"
	config.RuntimeParams["jit"] = "off"
	return pgx.ConnectConfig(ctx, config)
}

// filling runs fill in a transaction on conn that sees the whole district.
func (s *Store) filling(ctx context.Context, conn *pgx.Conn, fill func() error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		s.queueScope(b, whole)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		return fill()
	})
}

// fill puts the layer's rows into the table "feature" and composes the SQL of a tile.
func (o *MVTOracle) fill(ctx context.Context, layer, sql string, args pgx.NamedArgs) error {
	sql = strings.TrimSuffix(strings.TrimSpace(sql), ";")
	// create table takes no parameters: the simple protocol writes them into the text, quoted
	_, err := o.conn.Exec(ctx, `create temporary table feature as select l.*, ST_Transform(l.geom, 3857) as _3857 from (`+sql+`
		) l`, pgx.QueryExecModeSimpleProtocol, args)
	if err != nil {
		return err
	}
	if _, err := o.conn.Exec(ctx, `create index on feature using gist (_3857); analyze feature`); err != nil {
		return err
	}
	rows, err := o.conn.Query(ctx, `select * from feature limit 0`)
	if err != nil {
		return err
	}
	columns := []string{"fid"}
	for _, f := range rows.FieldDescriptions() {
		if !slices.Contains([]string{"fid", "geom", "minzoom"}, f.Name) && !strings.HasPrefix(f.Name, "_") {
			columns = append(columns, pgx.Identifier{f.Name}.Sanitize())
		}
	}
	rows.Close()
	o.tile = fmt.Sprintf(`select coalesce(ST_AsMVT(q, %s, 4096, 'shape', 'fid'), '')
		from (select %s, ST_AsMVTGeom(_3857, ST_TileEnvelope($1, $2, $3), 4096, 128, true) as shape
			from feature where _3857 && ST_TileEnvelope($1, $2, $3, margin => 128.0 / 4096)) q where shape is not null`,
		literal(layer), strings.Join(columns, ", "))
	return rows.Err()
}

// literal is text as an SQL literal.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// Tile is the Mapbox vector tile z/x/y, not compressed; empty when nothing is in it. Features come in no particular
// order; those that are too small to see at this zoom are left out by ST_AsMVTGeom.
func (o *MVTOracle) Tile(ctx context.Context, z, x, y int) (tile []byte, err error) {
	defer wrap(&err, "make a tile with PostGIS")
	err = o.conn.QueryRow(ctx, o.tile, z, x, y).Scan(&tile)
	return tile, err
}

// BackendPID is the process id of the PostgreSQL backend that makes the tiles, for measuring its CPU.
func (o *MVTOracle) BackendPID() int { return int(o.conn.PgConn().PID()) }

// Close ends the connection, and with it all that the oracle holds.
func (o *MVTOracle) Close() error { return o.conn.Close(context.Background()) }

// HeatOracle makes tiles of casework by H3 cell in PostGIS, counting the events for every tile anew: what a tile server over
// SQL has to do when a filter may change at any time. Set up as [MVTOracle] is. Not safe for concurrent use.
type HeatOracle struct {
	conn   *pgx.Conn
	margin map[int]float64 // by resolution: how far from a tile the events of its cells can lie, m in EPSG:3857
}

// hexagonEdge is by how much the fine cells of an H3 cell may stick out of it, and rounding with them, as a share of
// the size of the cell.
const hexagonEdge = 1.25

// HeatOracle makes the oracle from the hexagons that may be shown, by H3 index and of any resolutions up to 12, in
// EPSG:4326. Events without a point and events in other cells are not shown. The caller closes it. Errors: Unavailable;
// Invalid when a hexagon cannot be stored.
func (s *Store) HeatOracle(ctx context.Context, hexagons map[int64]orb.Polygon) (o *HeatOracle, err error) {
	defer wrap(&err, "make the heat map with PostGIS")
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	o = &HeatOracle{conn: conn, margin: map[int]float64{}}
	fill := func() error { return o.fill(ctx, s.district, hexagons) }
	if err := errors.Join(registerGeometry(ctx, conn), s.filling(ctx, conn, fill)); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// fill makes the tables "hexagon" and "event".
func (o *HeatOracle) fill(ctx context.Context, district grids.DistrictID, hexagons map[int64]orb.Polygon) error {
	if _, err := o.conn.Exec(ctx, `create temporary table given (h3 bigint, geom geometry)`); err != nil {
		return err
	}
	cells := make([]int64, 0, len(hexagons))
	for h3 := range hexagons {
		cells = append(cells, h3)
	}
	slices.Sort(cells)
	_, err := o.conn.CopyFrom(ctx, pgx.Identifier{"given"}, []string{"h3", "geom"}, pgx.CopyFromSlice(len(cells), func(i int) ([]any, error) {
		geom, err := encode(hexagons[cells[i]])
		return []any{cells[i], geom}, err
	}))
	if err != nil {
		return err
	}
	_, err = o.conn.Exec(ctx, `create temporary table hexagon as
			select h3, (h3 >> 52 & 15)::int as res, ST_Transform(geom, 3857) as geom from given;
		create unique index on hexagon (h3);
		create index on hexagon using gist (geom);
		create temporary table event as
			select h3_12, ST_Transform(geom, 3857) as geom from casework_event where district_id = `+fmt.Sprint(district)+` and geom is not null;
		create index on event using gist (geom);
		analyze hexagon;
		analyze event`)
	if err != nil {
		return err
	}
	rows, err := o.conn.Query(ctx, `select res, max(greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom))) from hexagon group by res`)
	if err != nil {
		return err
	}
	var res int
	var size float64
	_, err = pgx.ForEachRow(rows, []any{&res, &size}, func() error { o.margin[res] = hexagonEdge * size; return nil })
	return err
}

// heatSQL is the tile $1/$2/$3 of resolution $4, with events up to $5 metres around it. The parent of an H3 index (bits 52
// to 55 its resolution, below them a digit of 3 bits a resolution) has the coarser resolution in its place and all finer
// digits 7. A hexagon is cut with the tile's buffer, so its events are looked for around that.
const heatSQL = `with counted as (
		select (h3_12 & ~(15::bigint << 52)) | ($4::bigint << 52) | ((1::bigint << 3 * (15 - $4::int)) - 1) as h3, count(*) as cases
		from event where geom && ST_Expand(ST_TileEnvelope($1, $2, $3, margin => 128.0 / 4096), $5) group by 1)
	select coalesce(ST_AsMVT(q, 'cells', 4096, 'shape', 'id'), '')
	from (select h.h3 as id, c.cases, ST_AsMVTGeom(h.geom, ST_TileEnvelope($1, $2, $3), 4096, 128, true) as shape
		from counted c join hexagon h using (h3) where h.geom && ST_TileEnvelope($1, $2, $3, margin => 128.0 / 4096)) q
	where shape is not null`

// Tile is the Mapbox vector tile z/x/y with one layer "cells": the hexagons of the H3 resolution that hold events, their
// index as the feature's id, and the attribute cases. Not compressed; empty when nothing is in it. Features come in no
// particular order. The error is NotFound when no hexagon of the resolution was given.
func (o *HeatOracle) Tile(ctx context.Context, z, x, y, res int) (tile []byte, err error) {
	defer wrap(&err, "make a heat tile with PostGIS")
	margin, known := o.margin[res]
	if !known {
		return nil, grids.Errorf(grids.NotFound, "there are no hexagons of the resolution %d", res)
	}
	err = o.conn.QueryRow(ctx, heatSQL, z, x, y, res, math.Ceil(margin)).Scan(&tile)
	return tile, err
}

// BackendPID is the process id of the PostgreSQL backend that makes the tiles, for measuring its CPU.
func (o *HeatOracle) BackendPID() int { return int(o.conn.PgConn().PID()) }

// Close ends the connection, and with it all that the oracle holds.
func (o *HeatOracle) Close() error { return o.conn.Close(context.Background()) }
