package tiles

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/planar"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// oracle is a PostGIS that holds the demo grids projected, as a tile server in the database would.
func oracle(t testing.TB, table grids.Table) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	if _, err := db.Exec(t.Context(), `create table unit (id bigint, geom geometry, code text, name text, area float8, synthetic boolean)`); err != nil {
		t.Fatal(err)
	}
	for _, f := range table.Features {
		if _, err := db.Exec(t.Context(), `insert into unit values ($1, ST_Transform(ST_GeomFromWKB($2, 4326), 3857), $3, $4, $5, $6)`,
			append([]any{f.ID, wkb.MustMarshal(f.Geometry)}, f.Values...)...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), `create index on unit using gist (geom); analyze unit`); err != nil {
		t.Fatal(err)
	}
	return db
}

// asMVT is the tile of ST_AsMVT with our extent and buffer.
const asMVT = `select x, y, (select ST_AsMVT(q, 'grids', 4096, 'geom', 'id') from (
    select id, code, name, area, synthetic, ST_AsMVTGeom(geom, ST_TileEnvelope($1, x, y), 4096, 128, true) as geom
    from unit where geom && ST_TileEnvelope($1, x, y, margin => 128.0 / 4096) order by id) q)
  from unnest($2::int[], $3::int[]) t (x, y)`

// Every tile over the district has the features of ST_AsMVT's, with equal attributes and an area that is equal within half a unit
// along the outline, or within 0.9 when our outlines are simplified by two units (ST_AsMVT's are by one): two units would
// be the worst. What ST_AsMVT leaves out is at most a unit along the outline, or a unit that is drawn for what is smaller.
func TestGridTilesAgreeWithPostGIS(t *testing.T) {
	table := demoTable(t, "grids")
	db := oracle(t, table)
	layer, _ := Find("grids")
	for partition, within := range map[bool]float64{false: 0.5, true: 0.9} {
		layer.Partition = partition
		s, err := NewSnapshot(layer, table, Stamp{})
		if err != nil {
			t.Fatal(err)
		}
		compareWithPostGIS(t, db, s, within)
	}
}

func compareWithPostGIS(t *testing.T, db *pgx.Conn, s *Snapshot, within float64) {
	t.Helper()
	compared := 0
	for z := 6; z <= 14; z++ {
		var xs, ys []int32
		for _, m := range tilesOver(chongming, z) {
			xs, ys = append(xs, int32(m.X)), append(ys, int32(m.Y))
		}
		rows, err := db.Query(t.Context(), asMVT, z, xs, ys)
		if err != nil {
			t.Fatal(err)
		}
		var x, y int
		var theirs []byte
		if _, err := pgx.ForEachRow(rows, []any{&x, &y, &theirs}, func() error {
			m := maptile.New(uint32(x), uint32(y), maptile.Zoom(z))
			compared += compareTiles(t, m, decoded(t, cutTile(s, z, x, y)), decoded(t, theirs), within)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if compared < 5000 {
		t.Errorf("only %d features were compared", compared)
	}
}

// compareTiles reports where a tile differs from the oracle's, and counts the features of both.
func compareTiles(t *testing.T, m maptile.Tile, ours, theirs map[uint64]*geojson.Feature, within float64) (both int) {
	for id, f := range ours {
		g, ok := theirs[id]
		if !ok {
			if area := planar.Area(f.Geometry); area > length(f.Geometry)+1 {
				t.Errorf("tile %v: feature %d with area %v is not in ST_AsMVT's", m, id, area)
			}
			continue
		}
		both++
		a, b := planar.Area(f.Geometry), planar.Area(g.Geometry)
		if d := math.Abs(a - b); d > within*length(g.Geometry)+2 {
			t.Errorf("tile %v, feature %d: area %v, ST_AsMVT has %v, outline %v", m, id, a, b, length(g.Geometry))
		}
		if !maps.Equal(f.Properties, g.Properties) {
			t.Errorf("tile %v, feature %d: attributes %v, ST_AsMVT has %v", m, id, f.Properties, g.Properties)
		}
	}
	for id, g := range theirs {
		if _, ok := ours[id]; !ok && planar.Area(g.Geometry) > length(g.Geometry) {
			t.Errorf("tile %v: feature %d of ST_AsMVT with area %v is missing", m, id, planar.Area(g.Geometry))
		}
	}
	return both
}

// length is the length of all rings.
func length(g orb.Geometry) (sum float64) {
	for _, p := range polygonsOf(g) {
		for _, r := range p {
			sum += planar.Length(orb.LineString(r))
		}
	}
	return sum
}

// judge collects polygons and has PostGIS say which are invalid.
type judge struct {
	what []string
	wkb  [][]byte
}

func (j *judge) add(what string, g orb.Geometry) {
	if len(polygonsOf(g)) > 0 {
		j.what, j.wkb = append(j.what, what), append(j.wkb, wkb.MustMarshal(g))
	}
}

func (j *judge) verdict(t *testing.T, atLeast int) {
	t.Helper()
	if len(j.wkb) < atLeast {
		t.Errorf("only %d polygons to judge, want %d", len(j.wkb), atLeast)
	}
	db, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }()
	rows, err := db.Query(t.Context(), `select n, ST_IsValidReason(ST_GeomFromWKB(g)) from unnest($1::bytea[]) with ordinality t (g, n)
	  where not ST_IsValid(ST_GeomFromWKB(g)) order by n limit 20`, j.wkb)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var reason string
	if _, err := pgx.ForEachRow(rows, []any{&n, &reason}, func() error {
		t.Errorf("%s: %s", j.what[n-1], reason)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Every tile of every demo layer keeps the rules of the format, and every polygon in it is valid by OGC's.
func TestEveryTileIsValid(t *testing.T) {
	var j judge
	for _, layer := range []string{"land", "district", "towns", "villages", "grids", "findings", "labels"} {
		s := demoSnapshot(t, layer)
		for z := MinZoom; z <= 15; z++ {
			for n, m := range tilesOver(chongming, z) {
				if z > 12 && n%5 != 0 {
					continue
				}
				what := fmt.Sprintf("%s %d/%d/%d", layer, z, m.X, m.Y)
				judgeTile(t, &j, what, cutTile(s, z, int(m.X), int(m.Y)))
			}
		}
	}
	j.verdict(t, 10000)
}

// judgeTile checks the rules at once and leaves the polygons to the judge.
func judgeTile(t *testing.T, j *judge, what string, tile []byte) {
	t.Helper()
	if err := rules(tile); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := tidy(tile); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for id, f := range decoded(t, tile) {
		j.add(fmt.Sprintf("%s feature %d", what, id), f.Geometry)
	}
}

// At every zoom the simplified outlines of a partition fit together as the true ones do: an edge of one is a neighbour's the other
// way round, but along the border of the whole.
func TestAPartitionStaysOneWhenItIsSimplified(t *testing.T) {
	for _, layer := range []string{"grids", "villages", "towns"} {
		s := demoSnapshot(t, layer)
		alone, edges := s.unmatched(MaxZoom + 1)
		border := map[[2]uint32]bool{}
		for e := range alone {
			border[e[0]], border[e[1]] = true, true
		}
		if len(alone) > edges/3 {
			t.Fatalf("%s: %d of %d edges have no other side: the demo is no partition", layer, len(alone), edges)
		}
		before := edges
		for z := MaxZoom; z >= 0; z-- {
			alone, edges := s.unmatched(z)
			for e := range alone {
				if !border[e[0]] || !border[e[1]] {
					t.Errorf("%s, zoom %d: nothing lies on the other side of the edge %v", layer, z, e)
				}
			}
			if edges > before || z == 8 && edges > 4*before/5 {
				t.Errorf("%s: %d edges at zoom %d, %d before", layer, edges, z, before)
			}
			before = edges
		}
	}
}

// unmatched is the edges drawn at zoom z that no outline has the other way round, and how many edges there are.
func (s *Snapshot) unmatched(z int) (alone map[[2][2]uint32]int, edges int) {
	alone = map[[2][2]uint32]int{}
	add := func(a, b [2]uint32) {
		if a == b {
			return
		}
		edges++
		if back := [2][2]uint32{b, a}; alone[back] > 0 {
			if alone[back]--; alone[back] == 0 {
				delete(alone, back)
			}
			return
		}
		alone[[2][2]uint32{a, b}]++
	}
	s.root().each(func(l *leaf) {
		at := uint32(0)
		for _, r := range l.rings {
			var ring [][2]uint32
			for i := at; i < r.end; i++ {
				if l.ranks == nil || int(l.ranks[i]) <= z || z > MaxZoom {
					ring = append(ring, l.xy[i])
				}
			}
			for i, p := range ring {
				add(p, ring[(i+1)%len(ring)])
			}
			at = r.end
		}
	})
	return alone, edges
}

// In the tiles, too, the grids neither overlap nor leave a gap between them: by PostGIS, what they cover together is the sum of their areas
// and has no hole.
func TestTheTilesOfAPartitionHaveNoGaps(t *testing.T) {
	s := demoSnapshot(t, "grids")
	db, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }()
	for _, z := range []int{6, 8, 10, 12, 14} {
		for _, m := range tilesOver(orb.Bound{Min: orb.Point{121.4, 31.6}, Max: orb.Point{121.5, 31.7}}, z) {
			var outlines [][]byte
			for _, f := range decoded(t, cutTile(s, z, int(m.X), int(m.Y))) {
				outlines = append(outlines, wkb.MustMarshal(f.Geometry))
			}
			var sum, whole, holes float64
			if err := db.QueryRow(t.Context(), `with u as (select ST_Union(ST_GeomFromWKB(g)) as whole, sum(ST_Area(ST_GeomFromWKB(g))) as sum from unnest($1::bytea[]) g)
			  select sum, ST_Area(whole), (select coalesce(sum(ST_Area(ST_MakePolygon(ST_ExteriorRing(geom)))), 0) from ST_Dump(whole)) - ST_Area(whole) from u`,
				outlines).Scan(&sum, &whole, &holes); err != nil {
				t.Fatal(err)
			}
			if sum-whole > 1 || holes > 1 {
				t.Errorf("tile %v: %d grids cover %v units, %v of them twice, and %v are a gap between them", m, len(outlines), whole, sum-whole, holes)
			}
		}
	}
}
