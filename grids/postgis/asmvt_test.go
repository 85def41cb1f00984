package postgis

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
	"wangge/grids/mesh"
)

// decoded is the one layer of a tile, nil when the tile is empty.
func decoded(t *testing.T, tile []byte, err error, name string) *mvt.Layer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := mvt.Unmarshal(tile)
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) == 0 {
		return nil
	}
	if len(layers) != 1 || layers[0].Name != name || layers[0].Extent != 4096 {
		t.Fatalf("layers %+v", layers)
	}
	return layers[0]
}

func tileAt(p orb.Point, z int) (x, y int) {
	at := maptile.At(p, maptile.Zoom(z))
	return int(at.X), int(at.Y)
}

func TestAsMVT(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	o, err := s.AsMVT(t.Context(), "grid's", `select right(code, 1)::bigint as fid, geom, name, code as "Code", 8 as minzoom, 1 as _own, @today::date::text as today
		from grid where district_id = @district and @ids::uuid[] is null order by code;`, grids.DayFrom(2026, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	x, y := tileAt(orb.Point{121.405, 31.605}, 14)
	tile, err := o.Tile(t.Context(), 14, x, y)
	l := decoded(t, tile, err, "grid's")
	if l == nil {
		t.Fatal("nothing in the tile")
	}
	one := slices.IndexFunc(l.Features, func(f *geojson.Feature) bool { return f.ID == float64(1) })
	if one < 0 {
		t.Fatalf("grid 1 is not in %v", l.Features)
	}
	if got, want := l.Features[one].Properties, map[string]any{"name": "网格", "Code": "310151101W01", "today": "2026-02-03"}; !reflect.DeepEqual(map[string]any(got), want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	for _, f := range l.Features {
		if b := f.Geometry.Bound(); b.Min[0] < -128 || b.Min[1] < -128 || b.Max[0] > 4224 || b.Max[1] > 4224 {
			t.Errorf("grid %v reaches to %v", f.ID, b)
		}
	}
	if tile, err := o.Tile(t.Context(), 14, 0, 0); err != nil || len(tile) != 0 {
		t.Errorf("a tile far away: %d bytes, %v", len(tile), err)
	}
	if n := count(t, s, `select count(*) from pg_stat_activity where pid = $1`, o.BackendPID()); n != 1 {
		t.Errorf("%d backends have the oracle's pid", n)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.AsMVT(t.Context(), "bad", "select nothing", 0); grids.KindOf(err) != grids.Internal {
		t.Errorf("a layer that is none: %v", err)
	}
}

// Every hexagon of every tile says how many events it holds, also when it is cut by the tile; none is missing.
func TestHeatOracle(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	r := rand.New(rand.NewPCG(1, 2))
	var events []grids.CaseEvent
	want := map[int]map[float64]int{8: {}, 9: {}} // by resolution and cell, as orb reads an id
	hexagons := map[int64]orb.Polygon{}
	for n := range byte(250) {
		p := orb.Point{121.4 + .02*r.Float64(), 31.6 + .02*r.Float64()}
		e := event(n, &p, "")
		cell, err := mesh.At(p, 12)
		if err != nil {
			t.Fatal(err)
		}
		e.Cell = int64(cell)
		events = append(events, e)
		for res, counts := range want {
			parent := cell.Parent(res)
			hexagons[int64(parent)] = orb.Polygon{parent.Boundary()}
			counts[float64(uint64(parent))]++
		}
	}
	nowhere := event(251, nil, "v")
	nowhere.Cell = 0
	if _, err := s.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(append(events, nowhere)...), fine); err != nil {
		t.Fatal(err)
	}
	o, err := s.HeatOracle(t.Context(), hexagons)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for res, cells := range want {
		for z := 11; z <= 15; z++ {
			seen := map[float64]bool{}
			west, north := tileAt(orb.Point{121.39, 31.63}, z)
			east, south := tileAt(orb.Point{121.43, 31.59}, z)
			for x := west; x <= east; x++ {
				for y := north; y <= south; y++ {
					tile, err := o.Tile(t.Context(), z, x, y, res)
					l := decoded(t, tile, err, "cells")
					if l == nil {
						continue
					}
					for _, f := range l.Features {
						id, _ := f.ID.(float64)
						seen[id] = true
						if got := f.Properties.MustInt("cases", -1); got != cells[id] || cells[id] == 0 {
							t.Fatalf("tile %d/%d/%d: cell %x of resolution %d has %d cases, want %d", z, x, y, uint64(id), res, got, cells[id])
						}
					}
				}
			}
			if len(seen) != len(cells) {
				t.Errorf("z%d shows %d cells of resolution %d, want %d", z, len(seen), res, len(cells))
			}
		}
	}
	if _, err := o.Tile(t.Context(), 11, 0, 0, 5); grids.KindOf(err) != grids.NotFound {
		t.Errorf("a resolution without hexagons: %v", err)
	}
	if o.BackendPID() == 0 {
		t.Error("no pid")
	}
}
