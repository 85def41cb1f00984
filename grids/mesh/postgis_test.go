package mesh

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/uber/h3-go/v4"

	"wangge/geoserver/localpg/pgtest"
)

// connect opens a database of the test's own.
func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// query reads rows of one value.
func query[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// binary writes geometries for PostGIS.
func binary[G orb.Geometry](t *testing.T, in []G) [][]byte {
	t.Helper()
	out := make([][]byte, len(in))
	for i, g := range in {
		var err error
		if out[i], err = wkb.Marshal(g); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func shapes(zones []Zone) []orb.MultiPolygon {
	out := make([]orb.MultiPolygon, len(zones))
	for i, z := range zones {
		out[i] = z.Geometry
	}
	return out
}

// PostGIS takes edges as geodesics, we as straight in lon/lat: cut into short pieces they become one.
func TestAreaAgreesWithPostGIS(t *testing.T) {
	conn := connect(t)
	for _, edges := range []struct {
		sql       string
		tolerance float64
	}{
		{`g`, 2e-5},
		{`ST_Segmentize(g, 0.0005)`, 1e-7},
	} {
		for _, file := range []string{"grids", "units", "towns", "district", "plots"} {
			zones := demo(t, file+"_synthetic.geojson")
			areas := query[float64](t, conn, `
				SELECT ST_Area(`+edges.sql+`::geography)
				FROM (SELECT ST_GeomFromWKB(w, 4326) AS g, i FROM unnest($1::bytea[]) WITH ORDINALITY AS z(w, i)) AS z ORDER BY i`,
				binary(t, shapes(zones)))
			for i, want := range areas {
				if got := AreaM2(zones[i].Geometry); math.Abs(got-want) > edges.tolerance*want+.001 { // PostGIS itself rounds at 1e-4 m²
					t.Errorf("%s %s, %s: %.3f m², PostGIS %.3f", file, zones[i].Code, edges.sql, got, want)
				}
			}
		}
	}
}

// probes are points of all kinds about the zones: anywhere, on corners, one last bit beside them, on or beside edges.
func probes(zones []Zone, anywhere int) []orb.Point {
	var out []orb.Point
	box := zones[0].Geometry.Bound()
	for _, z := range zones {
		box = box.Union(z.Geometry.Bound())
		for _, p := range z.Geometry {
			for i, v := range p[0] {
				w := p[0][max(i-1, 0)]
				out = append(out, v, orb.Point{beside(v[0], 1), v[1]}, orb.Point{v[0], beside(v[1], -1)},
					orb.Point{(v[0] + w[0]) / 2, (v[1] + w[1]) / 2})
			}
		}
	}
	random := rand.New(rand.NewPCG(310151, 15))
	for range anywhere {
		out = append(out, orb.Point{
			box.Left() + random.Float64()*(box.Right()-box.Left()),
			box.Bottom() + random.Float64()*(box.Top()-box.Bottom()),
		})
	}
	return out
}

func TestCoveringAgreesWithPostGIS(t *testing.T) {
	conn := connect(t)
	for name, zones := range map[string][]Zone{"counties": counties(t, c22), "grids": demo(t, "grids_synthetic.geojson")} {
		if _, err := conn.Exec(t.Context(), `
			CREATE TABLE `+name+` AS SELECT i::int - 1 AS i, ST_GeomFromWKB(w, 4326) AS g
			FROM unnest($1::bytea[]) WITH ORDINALITY AS z(w, i)`, binary(t, shapes(zones))); err != nil {
			t.Fatal(err)
		}
		points := probes(zones, 20000)
		xs, ys := make([]float64, len(points)), make([]float64, len(points))
		for i, p := range points {
			xs[i], ys[i] = p[0], p[1]
		}
		answers := query[[]int32](t, conn, `
			SELECT array_remove(array_agg(z.i ORDER BY z.i), NULL)
			FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY AS p(x, y, n)
			LEFT JOIN `+name+` AS z ON ST_Covers(z.g, ST_SetSRID(ST_MakePoint(p.x, p.y), 4326))
			GROUP BY n ORDER BY n`, xs, ys)
		l := NewLocator(zones)
		owned := 0
		for i, p := range points {
			var got []int32
			for _, z := range l.Covering(p) {
				got = append(got, int32(z))
			}
			slices.Sort(got)
			if !slices.Equal(got, answers[i]) {
				t.Errorf("%s: (%v, %v) is covered by %v, PostGIS says %v", name, p[0], p[1], got, answers[i])
			}
			owned += min(1, len(got))
		}
		if owned < len(points)/4 {
			t.Errorf("%s: only %d of %d points lie in a zone: the test says little", name, owned, len(points))
		}
	}
}

// The cells of a grid and the share of each that it holds, against ST_Intersection in the plane of lon/lat.
func TestCoverAgreesWithPostGIS(t *testing.T) {
	conn := connect(t)
	zones := demo(t, "grids_synthetic.geojson")
	for at, res := range []int{7, 8, 9, 10} {
		zone := zones[at*80]
		got, err := Cover(zone.Geometry, res)
		if err != nil {
			t.Fatal(err)
		}
		disk := map[Cell]bool{} // the cells about the grid, with a ring to spare
		for _, o := range got {
			around, err := h3.GridDisk(h3.Cell(o.Cell), 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cells(around) {
				disk[c] = true
			}
		}
		near := slices.Sorted(maps.Keys(disk))
		outlines := make([]orb.Polygon, len(near))
		for i, c := range near {
			outlines[i] = orb.Polygon{c.Boundary()}
		}
		shares := query[float64](t, conn, `
			SELECT ST_Area(ST_Intersection(c, g)) / ST_Area(c)
			FROM (SELECT ST_GeomFromWKB(w) AS c, i FROM unnest($1::bytea[]) WITH ORDINALITY AS z(w, i)) AS cell, ST_GeomFromWKB($2) AS g
			ORDER BY i`, binary(t, outlines), binary(t, []orb.MultiPolygon{zone.Geometry})[0])
		mine := map[Cell]float64{}
		for _, o := range got {
			mine[o.Cell] = o.AreaM2 / o.Cell.AreaM2()
		}
		for i, c := range near {
			if math.Abs(mine[c]-shares[i]) > 1e-4 { // a degree² is not the same area at either end of a cell
				t.Errorf("%s at %d: %.6f of %v, PostGIS %.6f", zone.Code, res, mine[c], c, shares[i])
			}
		}
	}
}
