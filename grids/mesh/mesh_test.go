package mesh

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/uber/h3-go/v4"
	"pgregory.net/rapid"

	"wangge/grids"
)

const c21 = "c21_h3_nc"

func TestAtAndParentAgreeWithTheReference(t *testing.T) {
	for _, row := range table(t, c21, "expected_latlng_to_cell.csv") {
		res, _ := strconv.Atoi(row[2])
		c, err := At(orb.Point{number(t, row[1]), number(t, row[0])}, res)
		if err != nil || c.String() != row[3] {
			t.Fatalf("At(%s, %s; %d) = %v, %v, want %s", row[1], row[0], res, c, err, row[3])
		}
		if c.Resolution() != res {
			t.Fatalf("%v has resolution %d, want %d", c, c.Resolution(), res)
		}
		if parent := c.Parent(res - 2); row[4] != "" && parent.String() != row[4] {
			t.Fatalf("%v.Parent(%d) = %v, want %s", c, res-2, parent, row[4])
		}
		if back := cell(t, row[3]); back != c {
			t.Fatalf("ParseCell(%s) = %v", row[3], back)
		}
	}
}

func TestBoundaryAgreesWithTheReference(t *testing.T) {
	for _, row := range table(t, c21, "expected_boundary_area.csv") {
		c := cell(t, row[0])
		ring := c.Boundary()
		corners := strings.Split(row[3], ";")
		if len(ring) != len(corners)+1 || ring[0] != ring[len(ring)-1] {
			t.Fatalf("%v has %d points, want %d and the first again", c, len(ring), len(corners))
		}
		for i, corner := range corners {
			lat, lng, _ := strings.Cut(corner, " ")
			if math.Abs(ring[i][0]-number(t, lng)) > 1e-12 || math.Abs(ring[i][1]-number(t, lat)) > 1e-12 {
				t.Errorf("%v: corner %d is %v, want %s", c, i, ring[i], corner)
			}
		}
		if box := ring.Bound(); box.Right()-box.Left() < 180 && ring.Orientation() != orb.CCW {
			t.Errorf("%v: the boundary turns clockwise", c)
		}
	}
}

// The reference takes latitudes as on a sphere of the authalic radius, we as on the ellipsoid: for a small cell the
// two differ by the ratio of the squared radii of curvature.
func TestCellAreaAgreesWithTheReference(t *testing.T) {
	const authalicM = 6371007.180918475
	for _, row := range table(t, c21, "expected_boundary_area.csv") {
		c := cell(t, row[0])
		sphere, err := h3.CellAreaKm2(h3.Cell(c))
		if err != nil || math.Abs(sphere/number(t, row[1])-1) > 1e-9 {
			t.Errorf("the library's area of %v is %.15g km², want %s", c, sphere, row[1])
		}
		if c.Resolution() < coarsestCover {
			continue // too large for one radius of curvature
		}
		s := math.Sin(c.Center()[1] * math.Pi / 180)
		curvature := halfAxisM * halfAxisM * (1 - e2) / math.Pow(1-e2*s*s, 2)
		want := sphere * 1e6 * curvature / (authalicM * authalicM)
		if got := c.AreaM2(); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("%v: %.6f m², want %.6f", c, got, want)
		}
	}
}

// joined writes cells as the reference does: sorted as text, one separator between.
func joined(in []Cell, separator string) string {
	out := make([]string, len(in))
	for i, c := range in {
		out[i] = c.String()
	}
	slices.Sort(out)
	return strings.Join(out, separator)
}

// fill lists the cells of all polygons of a county in one mode of the library, each once.
func fill(t *testing.T, g orb.MultiPolygon, res int, mode string) []Cell {
	t.Helper()
	modes := map[string]h3.ContainmentMode{"center": h3.ContainmentCenter, "full": h3.ContainmentFull}
	var all []Cell
	for _, p := range g {
		if mode == "overlapping" {
			found, err := overlapping(p, res)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, found...)
			continue
		}
		shape := h3.GeoPolygon{GeoLoop: loop(p[0])}
		for _, hole := range p[1:] {
			shape.Holes = append(shape.Holes, loop(hole))
		}
		found, err := h3.PolygonToCellsExperimental(shape, res, modes[mode])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cells(found)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestPolygonFillAgreesWithTheReference(t *testing.T) {
	county := map[string]orb.MultiPolygon{}
	for _, z := range counties(t, c21) {
		county[z.Code] = z.Geometry
	}
	for _, row := range table(t, c21, "expected_polygon_to_cells_counts.csv") {
		res, _ := strconv.Atoi(row[1])
		got := fill(t, county[row[0]], res, row[2])
		sum := sha256.Sum256([]byte(joined(got, "\n")))
		if strconv.Itoa(len(got)) != row[3] || hex.EncodeToString(sum[:]) != row[4] {
			t.Errorf("%s at %d, %s: %d cells, want %s; or others of that number", row[0], res, row[2], len(got), row[3])
		}
	}
	for _, row := range table(t, c21, "expected_polygon_to_cells_lists.csv") {
		res, _ := strconv.Atoi(row[1])
		if got := joined(fill(t, county[row[0]], res, row[2]), " "); got != row[3] {
			t.Errorf("%s at %d, %s: %s, want %s", row[0], res, row[2], got, row[3])
		}
	}
	for _, row := range table(t, c21, "expected_compact.csv") {
		res, _ := strconv.Atoi(row[1])
		full := fill(t, county[row[0]], res, "full")
		theirs := make([]h3.Cell, len(full))
		for i, c := range full {
			theirs[i] = h3.Cell(c)
		}
		compact, err := h3.CompactCells(theirs)
		if err != nil || strconv.Itoa(len(full)) != row[2] || joined(cells(compact), " ") != row[4] {
			t.Errorf("%s at %d: compacted %d cells to %d (%v), want %s to %s", row[0], res, len(full), len(compact), err, row[2], row[3])
		}
	}
}

func TestGridDiskAgreesWithTheReference(t *testing.T) {
	for _, row := range table(t, c21, "expected_grid_disk.csv") {
		k, _ := strconv.Atoi(row[1])
		disk, err := cell(t, row[0]).Disk(k)
		if err != nil || joined(disk, " ") != row[3] {
			t.Errorf("disk of %s, %d: %v, want %s", row[0], k, err, row[3])
		}
	}
}

func TestDiskRefuses(t *testing.T) {
	c := cell(t, "8a309c99a2d7fff")
	for _, tt := range []struct {
		c Cell
		k int
	}{{c, -1}, {c, maxDisk + 1}, {0, 1}, {-1, 1}, {c + 1, 1}} {
		if disk, err := tt.c.Disk(tt.k); err == nil || grids.KindOf(err) != grids.Invalid || disk != nil {
			t.Errorf("disk of %v, %d: %d cells, %v; want an Invalid error", tt.c, tt.k, len(disk), err)
		}
	}
	if disk, err := c.Disk(0); err != nil || len(disk) != 1 || disk[0] != c {
		t.Errorf("a disk of no steps is %v, %v; want the cell itself", disk, err)
	}
	if disk, err := c.Disk(maxDisk); err != nil || len(disk) != 3*maxDisk*(maxDisk+1)+1 {
		t.Errorf("the largest disk has %d cells, %v", len(disk), err)
	}
}

func TestAtRefuses(t *testing.T) {
	for _, tt := range []struct {
		p   orb.Point
		res int
	}{
		{orb.Point{121.5, 31.6}, -1},
		{orb.Point{121.5, 31.6}, 16},
		{orb.Point{181, 31.6}, 9},
		{orb.Point{31.6, 121.5}, 9}, // swapped
		{orb.Point{math.NaN(), 31.6}, 9},
		{orb.Point{121.5, math.Inf(1)}, 9},
	} {
		if c, err := At(tt.p, tt.res); grids.KindOf(err) != grids.Invalid || err == nil || c != 0 {
			t.Errorf("At(%v, %d) = %v, %v; want an Invalid error", tt.p, tt.res, c, err)
		}
	}
	for _, s := range []string{"", "0", "8a309c99a2d7ff", "zz", "8a309c99a2d7fff0", "ffffffffffffffff"} {
		if c, err := ParseCell(s); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("ParseCell(%q) = %v, %v; want an Invalid error", s, c, err)
		}
	}
}

func TestFamily(t *testing.T) {
	c, err := At(orb.Point{121.5, 31.62}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if c.Parent(9) != 0 || c.Parent(-1) != 0 || c.Parent(8) != c {
		t.Error("a parent must be at or above the cell")
	}
	for down, want := range []int{1, 7, 49, 343} {
		kids := c.Children(8 + down)
		if len(kids) != want || !slices.IsSorted(kids) {
			t.Fatalf("%d children %d down, want %d in order", len(kids), down, want)
		}
		for _, kid := range kids {
			if kid.Parent(8) != c {
				t.Fatalf("%v is not the parent of its child %v", c, kid)
			}
		}
	}
	if c.Children(7) != nil || c.Children(15) != nil || Cell(0).Boundary() != nil || Cell(0).AreaM2() != 0 {
		t.Error("nonsense must give nothing")
	}
	if got, _ := At(c.Center(), 8); got != c {
		t.Errorf("the centre of %v lies in %v", c, got)
	}
}

// Against the parents, for cells near each other, above each other and on other sides of the Earth.
func TestSharedAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spread := rapid.SampledFrom([]float64{0, .0001, .01, 1, 30}).Draw(t, "spread")
		draw := func() Cell {
			p := orb.Point{121.5 + spread*rapid.Float64Range(-1, 1).Draw(t, "lon"), 31.6 + spread*rapid.Float64Range(-1, 1).Draw(t, "lat")}
			c, err := At(p, rapid.IntRange(0, 15).Draw(t, "res"))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c, d := draw(), draw()
		want := min(c.Resolution(), d.Resolution())
		for want >= 0 && c.Parent(want) != d.Parent(want) {
			want--
		}
		if got := c.Shared(d); got != want || d.Shared(c) != want {
			t.Fatalf("%v and %v share %d and %d, want %d", c, d, got, d.Shared(c), want)
		}
		order := cmp.Compare(c, d) // of cells of one resolution
		switch res := min(c.Resolution(), d.Resolution()); {
		case c.Parent(res) != d.Parent(res):
			order = cmp.Compare(c.Parent(res), d.Parent(res))
		case c != d:
			order = cmp.Compare(d.Resolution(), c.Resolution())
		}
		if got := DescendantsFirst(c, d); got != order {
			t.Fatalf("%v and %v compare as %d, want %d", c, d, got, order)
		}
	})
}

func TestRollUpKeepsTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := map[Cell]float64{}
		for range rapid.IntRange(0, 40).Draw(t, "cells") {
			p := orb.Point{rapid.Float64Range(121.2, 121.3).Draw(t, "lon"), rapid.Float64Range(31.6, 31.7).Draw(t, "lat")}
			c, err := At(p, rapid.IntRange(6, 11).Draw(t, "res"))
			if err != nil {
				t.Fatal(err)
			}
			counts[c] += rapid.Float64Range(0, 100).Draw(t, "n")
		}
		up := RollUp(counts, 8)
		want := map[Cell]float64{}
		for c, n := range counts {
			for c.Resolution() > 8 {
				c = c.Parent(c.Resolution() - 1)
			}
			want[c] += n
		}
		for c, n := range want {
			if math.Abs(up[c]-n) > 1e-9 {
				t.Fatalf("%v holds %v, want %v", c, up[c], n)
			}
		}
		if len(up) != len(want) {
			t.Fatalf("%d cells, want %d", len(up), len(want))
		}
		if again := RollUp(maps.Clone(counts), 8); !maps.Equal(up, again) {
			t.Fatal("the sums depend on the order of the map")
		}
	})
}
