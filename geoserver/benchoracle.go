package main

import (
	"context"
	"time"

	"github.com/paulmach/orb"

	"wangge/geoserver/bench"
	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/grids/postgis"
	"wangge/tiles"
)

// openOracle opens the oracle of a layer over the territory. The error is NotFound when the layer has none.
func openOracle(ctx context.Context, db *database, layer string, over grids.Territory) (tileOracle, error) {
	if layer == tiles.Heat {
		return openHeatOracle(ctx, db, over)
	}
	sql, ok := tiles.SQL(layer)
	if !ok {
		return nil, grids.Errorf(grids.NotFound, "ST_AsMVT was not measured for %s: the layer is not read by SQL", layer)
	}
	o, err := db.AsMVT(ctx, layer, sql, grids.DayOf(time.Now()))
	if err != nil {
		return nil, err
	}
	return o, nil
}

// heatOracle counts casework by the hexagons of the zoom, in SQL.
type heatOracle struct{ *postgis.HeatOracle }

// Tile implements tileOracle.
func (o heatOracle) Tile(ctx context.Context, z, x, y int) ([]byte, error) {
	return o.HeatOracle.Tile(ctx, z, x, y, tiles.HeatResolution(z))
}

// openHeatOracle gives the database the hexagons of every zoom of the walk.
func openHeatOracle(ctx context.Context, db *database, over grids.Territory) (tileOracle, error) {
	hexagons := map[int64]orb.Polygon{}
	for res := tiles.HeatResolution(bench.FirstZoom); res <= tiles.HeatResolution(bench.LastZoom); res++ {
		cells, err := mesh.Cover(over.District.Geometry, res)
		if err != nil {
			return nil, err
		}
		for _, c := range cells {
			hexagons[int64(c.Cell)] = orb.Polygon{c.Cell.Boundary()}
		}
	}
	o, err := db.HeatOracle(ctx, hexagons)
	if err != nil {
		return nil, err
	}
	return heatOracle{o}, nil
}
