package tiles

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
	"wangge/grids/mesh"
)

// rounds is some 200 tiles over the district, z8 to z15, the same number of each zoom.
func rounds(layers ...string) (out []Request) {
	for z := 8; z <= 15; z++ {
		all := tilesOver(orb.Bound{Min: orb.Point{121.2, 31.4}, Max: orb.Point{121.9, 31.8}}, z)
		for i := range 25 {
			m := all[i*len(all)/25]
			out = append(out, Request{Layers: layers, Z: z, X: int(m.X), Y: int(m.Y)})
		}
	}
	return out
}

// One cold tile of the 351 grids, z8 to z15, cut, and cut and compressed.
func BenchmarkGridTileCold(b *testing.B) {
	s := NewSet(1 << 20)
	s.Publish(Change{Snapshots: []*Snapshot{demoSnapshot(b, "grids")}})
	benchmarkCold(b, s, rounds("grids"))
}

// One cold tile of hexagons out of a cube of 1 000 000 events, z8 to z15, cut, and cut and compressed; what is released is there.
func BenchmarkHeatTileCold(b *testing.B) {
	s := NewSet(1 << 20)
	s.Publish(Change{Cube: NewCube(someGroups(b, 1_000_000), numbers, Stamp{})})
	benchmarkCold(b, s, rounds("heat"))
}

func benchmarkCold(b *testing.B, s *Set, requests []Request) {
	for name, pack := range map[string]bool{"raw": false, "gzip": true} {
		b.Run(name, func(b *testing.B) {
			bytes := 0
			for _, r := range requests { // what is made once for all tiles of a zoom
				if _, err := s.Render(b.Context(), r, pack); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			i, start := 0, cpuTime(b)
			for b.Loop() {
				n, err := s.Render(context.Background(), requests[i%len(requests)], pack)
				if err != nil {
					b.Fatal(err)
				}
				bytes += n
				i++
			}
			b.ReportMetric(float64(bytes)/float64(i), "bytes/tile")
			b.ReportMetric(float64((cpuTime(b)-start).Microseconds())/float64(i), "cpu-µs/tile")
		})
	}
}

// One cold tile of 351 grids, and the same tile when the layer holds ten times as many, elsewhere: the ratio is 1 when a tile costs what
// is in it.
func BenchmarkTileGrowth(b *testing.B) {
	table := demoTable(b, "grids")
	small, n := snapshotOf(b, "grids", table), len(table.Features)
	for copies := 1; copies < 10; copies++ {
		for _, f := range table.Features[:n] {
			g := orb.Clone(f.Geometry)
			for _, p := range polygonsOf(g) {
				for _, r := range p {
					for i := range r {
						r[i][0] += float64(copies) * 1.5 // degrees: the district is 0.85 wide
					}
				}
			}
			f.ID, f.Geometry = uint64(copies*n)+f.ID, g
			table.Features = append(table.Features, f)
		}
	}
	large := snapshotOf(b, "grids", table)
	for _, z := range []int{9, 12, 15} {
		b.Run(fmt.Sprint("z", z), func(b *testing.B) {
			r := over(z)
			var took [2]time.Duration
			var e encoder
			var out []byte
			for b.Loop() {
				for i, s := range [...]*Snapshot{small, large} {
					start := time.Now()
					for range 20 {
						out = e.appendLayer(out[:0], s, r.Z, r.X, r.Y)
					}
					took[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N)/20, "ns/tile-1x")
			b.ReportMetric(float64(took[1].Nanoseconds())/float64(b.N)/20, "ns/tile-10x")
			b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
		})
	}
}

// cpuTime is the time the process has had on a processor: on a busy machine the honest figure.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// One tile that is kept.
func BenchmarkTileCached(b *testing.B) {
	s := loadedSet(b)
	r := over(9, "grids", "heat", "findings")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Tile(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// The same hexagons of one tile in the same run, by this encoder and by orb's. Ours has drawn them at this zoom before, as a server has
// after the first tile, and takes the commands over; orb's projects, clips and encodes geometry and attributes each time.
func BenchmarkEncodeHexagons(b *testing.B) {
	m := maptile.At(orb.Point{121.5, 31.6}, 10)
	layer, _ := Find("cells")
	table := hexagonTable(b, m)
	snapshot, err := NewSnapshot(layer, table, Stamp{})
	if err != nil {
		b.Fatal(err)
	}
	perHexagon := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*float64(len(table.Features))/b.Elapsed().Seconds(), "hexagons/s")
	}
	b.Run("ours", func(b *testing.B) {
		var e encoder
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			out = e.appendLayer(out[:0], snapshot, 10, int(m.X), int(m.Y))
		}
		perHexagon(b)
	})
	b.Run("orb", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fc := geojson.NewFeatureCollection()
			for _, f := range table.Features {
				feature := geojson.NewFeature(orb.Clone(f.Geometry)) // projecting changes it in place
				feature.ID = float64(f.ID)
				for i, c := range table.Columns {
					feature.Properties[c] = f.Values[i]
				}
				fc.Append(feature)
			}
			l := mvt.NewLayer("cells", fc)
			l.Version = 2
			l.ProjectToTile(m)
			l.Clip(mvt.MapboxGLDefaultExtentBound)
			if _, err := mvt.Marshal(mvt.Layers{l}); err != nil {
				b.Fatal(err)
			}
		}
		perHexagon(b)
	})
}

// hexagonTable is the hexagons of resolution 9 in a tile, with the attributes of the heat layer.
func hexagonTable(b *testing.B, m maptile.Tile) grids.Table {
	b.Helper()
	table := grids.Table{Columns: heatColumns[:]}
	seen := map[mesh.Cell]bool{}
	bound := m.Bound()
	for lon := bound.Min[0]; lon < bound.Max[0]; lon += 0.001 {
		for lat := bound.Min[1]; lat < bound.Max[1]; lat += 0.001 {
			c, err := mesh.At(orb.Point{lon, lat}, 9)
			if err != nil {
				b.Fatal(err)
			}
			if !seen[c] {
				seen[c] = true
				n := int64(len(seen)%90 + 3)
				table.Features = append(table.Features, grids.Feature{ID: hexagonID(c), Geometry: orb.Polygon{c.Boundary()},
					Values: []any{c.String(), int64(9), n, nil, significant(float64(n)/0.0794, 3), 0.0794}})
			}
		}
	}
	return table
}

// Loading the demo grids.
func BenchmarkSnapshot(b *testing.B) {
	table := demoTable(b, "grids")
	b.ReportAllocs()
	var s *Snapshot
	for b.Loop() {
		s = snapshotOf(b, "grids", table)
	}
	b.ReportMetric(float64(s.Bytes())/1024, "KiB-kept")
}

// Loading the cube of the groups by which so many events are told, with a sheet that nobody asked for before, and its months.
func BenchmarkCube(b *testing.B) {
	for _, n := range []int{1_000_000, 5_000_000} {
		groups := someGroups(b, n)
		b.Run(fmt.Sprintf("load/%d", n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var cube *Cube
			for b.Loop() {
				cube = NewCube(groups, numbers, Stamp{})
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
			b.ReportMetric(float64(len(groups)), "groups")
			runtime.KeepAlive(cube)
		})
		cube := NewCube(groups, numbers, Stamp{})
		for _, res := range []int{7, 8} {
			b.Run(fmt.Sprintf("sheet/%d/r%d", n, res), func(b *testing.B) {
				var s *Snapshot
				for b.Loop() {
					cube.releases, cube.sheets = newRecent[releaseKey, []Bucket](1), newRecent[releaseKey, *sheet](1)
					var err error
					if s, err = cube.Sheet(context.Background(), Filter{Period: grids.Period{From: month(b, "2023-01")}}, res); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(s.Features()), "hexagons")
			})
		}
		b.Run(fmt.Sprintf("step/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				next, _ := cube.With(groups, []mesh.Cell{groups[i%len(groups)].Cell}, Stamp{})
				if _, err := next.Hexagons(context.Background(), finestHeat); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("spans/%d", n), func(b *testing.B) {
			for b.Loop() {
				cube.Spans(Filter{Kinds: []grids.CaseKind{grids.TipOff}})
			}
		})
	}
}
