package weights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/grids/risk/stat"
)

// line is points on a line at the places given.
func line(at ...float64) Units {
	var u Units
	for _, x := range at {
		u.Centroids = append(u.Centroids, orb.Point{x, 7})
	}
	return u
}

func TestDistances(t *testing.T) {
	u := line(0, 100, 200, 400)
	for _, tt := range []struct {
		spec Spec
		want string
	}{
		{with(Band, func(s *Spec) { s.BandM = 100 }), "0-1 1-0 1-2 2-1"},
		{with(Band, func(s *Spec) { s.BandM = 99.9 }), ""},
		{with(Band, func(s *Spec) { s.BandM, s.LowerM = 200, 100 }), "0-2 2-0 2-3 3-2"},
		{with(Band, func(s *Spec) { s.BandM, s.Isolates = 100, LinkNearest }), "0-1 1-0 1-2 2-1 2-3 3-2"},
		{with(Band, func(s *Spec) { s.BandM, s.Bridges = 100, [][2]string{{"3", "0"}, {"1", "0"}} }), "0-1 0-3 1-0 1-2 2-1 3-0"},
		{with(Band, func(s *Spec) { s.BandM, s.Self = 100, true }), "0-0 0-1 1-0 1-1 1-2 2-1 2-2 3-3"},
		{with(Band, func(s *Spec) { s.BandM, s.Order = 100, 2 }), "0-2 2-0"},
		{with(Band, func(s *Spec) { s.BandM, s.Order, s.Cumulative = 100, 2, true }), "0-1 0-2 1-0 1-2 2-0 2-1"},
		{with(Band, func(s *Spec) { s.BandM, s.Order, s.Isolates = 100, 3, LinkNearest }), "0-3 3-0"},
		{with(Band, func(s *Spec) { s.BandM, s.Order, s.Bridges = 100, 3, [][2]string{{"2", "3"}} }), "0-3 3-0"},
		{with(KNN, func(s *Spec) { s.K = 1 }), "0-1 1-0 2-1 3-2"}, // ties to the lower index
		{with(KNN, func(s *Spec) { s.K = 2 }), "0-1 0-2 1-0 1-2 2-0 2-1 3-1 3-2"},
		{with(KNN, func(s *Spec) { s.K, s.Order = 1, 2 }), "2-0 3-1"},
		{with(KNN, func(s *Spec) { s.K = 3 }), "0-1 0-2 0-3 1-0 1-2 1-3 2-0 2-1 2-3 3-0 3-1 3-2"},
	} {
		if got := strings.Join(edges(built(t, tt.spec, u).Matrix), " "); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.spec, got, tt.want)
		}
	}
}

func TestInverseDistances(t *testing.T) {
	u := line(0, 0, 2, 6)
	b := built(t, with(Inverse, func(s *Spec) { s.BandM, s.Power, s.FloorM, s.Self = 5, 2, .5, true }), u)
	for _, tt := range []struct {
		i, j int
		want float64
	}{{0, 1, 4}, {0, 0, 4}, {1, 2, .25}, {2, 3, 1. / 16}, {3, 3, 4}, {0, 3, 0}} {
		if got, _ := b.Matrix.At(tt.i, tt.j); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("weight of %d to %d is %v, want %v", tt.i, tt.j, got, tt.want)
		}
	}
	_, err := Build(t.Context(), with(Inverse, func(s *Spec) { s.BandM, s.FloorM = 5, 0 }), u)
	refused(t, "two units in one place without a floor", err, "floor_m")
}

// TestTiesOfARegularGrid: the four sides of a square are equally long wherever the grid lies, though not to the last bit.
func TestTiesOfARegularGrid(t *testing.T) {
	var u Units
	for i := range 100 {
		u.Centroids = append(u.Centroids, orb.Point{351234.1 + 133.3*float64(i%10), 3500000.7 + 133.3*float64(i/10)})
	}
	m := built(t, with(KNN, func(s *Spec) { s.K = 2 }), u).Matrix
	for i := range 100 {
		want := make([]int32, 0, 4)
		for _, j := range []int{i - 10, i - 1, i + 1, i + 10} {
			if j >= 0 && j < 100 && (j/10 == i/10 || j%10 == i%10) {
				want = append(want, int32(j))
			}
		}
		if got, _ := m.Row(i); !slices.Equal(got, want[:2]) {
			t.Errorf("unit %d has %v, want %v", i, got, want[:2])
		}
	}
	band := built(t, with(Band, func(s *Spec) { s.BandM = 133.3 }), u)
	if lower := built(t, with(Band, func(s *Spec) { s.BandM, s.LowerM = 140, 133.3 }), u); band.Links != 360 || lower.Links != 0 {
		t.Errorf("%d links of just a side, want 360; %d longer than a side, want 0", band.Links, lower.Links)
	}
}

// TestDistancesAgainstAllPairs compares with a look at all pairs.
func TestDistancesAgainstAllPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		var u Units
		for range n {
			u.Centroids = append(u.Centroids, orb.Point{float64(rapid.IntRange(0, 12).Draw(t, "x")), float64(rapid.IntRange(0, 30).Draw(t, "y"))})
		}
		k := rapid.IntRange(1, n-1).Draw(t, "k")
		most, above := float64(rapid.IntRange(3, 9).Draw(t, "most")), float64(rapid.IntRange(0, 2).Draw(t, "above"))
		near := build(t, with(KNN, func(s *Spec) { s.K = k }), u).Matrix
		band := build(t, with(Band, func(s *Spec) { s.BandM, s.LowerM = most, above }), u).Matrix
		for i := range n {
			var others []int
			var inBand []int32
			for j := range n {
				square := square(u.Centroids[i][0]-u.Centroids[j][0], u.Centroids[i][1]-u.Centroids[j][1]) // an integer
				if j != i {
					others = append(others, j)
				}
				if j != i && square <= most*most && (above == 0 || square > above*above) {
					inBand = append(inBand, int32(j))
				}
			}
			slices.SortStableFunc(others, func(a, b int) int {
				d := func(j int) float64 {
					return square(u.Centroids[i][0]-u.Centroids[j][0], u.Centroids[i][1]-u.Centroids[j][1])
				}
				return int(d(a) - d(b))
			})
			others = others[:k]
			slices.Sort(others)
			if got, _ := near.Row(i); fmt.Sprint(got) != fmt.Sprint(others) {
				t.Fatalf("unit %d: nearest %v, want %v", i, got, others)
			}
			if got, _ := band.Row(i); !slices.Equal(got, inBand) {
				t.Fatalf("unit %d: band %v, want %v", i, got, inBand)
			}
		}
	})
}

// build is built for property tests.
func build(t *rapid.T, s Spec, u Units) *Built {
	b, err := Build(context.Background(), s, u)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return b
}

// TestOrders compares orders with powers of the matrix of links.
func TestOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 15).Draw(t, "n")
		var u Units
		for range n {
			u.Centroids = append(u.Centroids, orb.Point{rapid.Float64Range(0, 9).Draw(t, "x"), rapid.Float64Range(0, 9).Draw(t, "y")})
		}
		k, order := rapid.IntRange(1, 2).Draw(t, "k"), rapid.IntRange(2, 5).Draw(t, "order")
		one := build(t, with(KNN, func(s *Spec) { s.K = k }), u).Matrix
		exact := build(t, with(KNN, func(s *Spec) { s.K, s.Order = k, order }), u).Matrix
		within := build(t, with(KNN, func(s *Spec) { s.K, s.Order, s.Cumulative = k, order, true }), u).Matrix
		for i := range n {
			reach := map[int]int{i: 0} // by how many steps
			for step := 1; step <= order; step++ {
				for j, s := range reach {
					if s == step-1 {
						to, _ := one.Row(j)
						for _, l := range to {
							if _, known := reach[int(l)]; !known {
								reach[int(l)] = step
							}
						}
					}
				}
			}
			for j := range n {
				steps, known := reach[j]
				_, e := exact.At(i, j)
				_, w := within.At(i, j)
				if e != (known && steps == order) || w != (known && steps > 0) {
					t.Fatalf("%d to %d in %d steps (%v): exactly %v, within %v", i, j, steps, known, e, w)
				}
			}
		}
	})
}

func TestIsolates(t *testing.T) {
	u := Units{Keys: []string{"a", "b", "islet"}, Polygons: []orb.MultiPolygon{box(0, 0, 10, 10), box(10, 0, 20, 10), box(100, 0, 110, 10)}}
	b := built(t, with(Queen, nil), u)
	if !slices.Equal(b.Isolates, []int{2}) || b.Meta.Used != 2 || b.Meta.Dropped[stat.Isolate] != 1 || b.Linked != nil {
		t.Errorf("kept: isolates %v, meta %+v", b.Isolates, b.Meta)
	}
	for _, style := range []Style{C, S} { // scaled to the units that have neighbours
		if got := built(t, with(Queen, func(s *Spec) { s.Style = style }), u).Sums.S0; math.Abs(got-2) > 1e-14 {
			t.Errorf("style %s sums to %v, want 2", style, got)
		}
	}
	b = built(t, with(Queen, func(s *Spec) { s.Isolates = LinkNearest }), u)
	if got := strings.Join(edges(b.Matrix), " "); got != "0-1 1-0 1-2 2-1" || !reflect.DeepEqual(b.Linked, [][2]int{{2, 1}}) || b.Isolates != nil {
		t.Errorf("linked: %v, %v", got, b.Linked)
	}
	_, err := Build(t.Context(), with(Queen, func(s *Spec) { s.Isolates = Refuse }), u)
	refused(t, "an isolate under refuse", err, "islet")
	bridged := with(Queen, func(s *Spec) { s.Isolates, s.Bridges = Refuse, [][2]string{{"islet", "a"}} })
	if got := strings.Join(edges(built(t, bridged, u).Matrix), " "); got != "0-1 0-2 1-0 2-0" {
		t.Errorf("bridged: %v", got)
	}
	bridged.Order = 2
	_, err = Build(t.Context(), bridged, u)
	refused(t, "a unit without neighbours of second order", err, "(a)")
	u.Keys[2], u.Polygons[2] = "c", box(20, 0, 30, 10)
	self := built(t, with(Queen, func(s *Spec) { s.Self = true }), u)
	if self.Links != 4 || self.Matrix.Links() != 7 || self.Isolates != nil || !self.Symmetric {
		t.Errorf("with self: %+v", self)
	}
}

func TestRings(t *testing.T) {
	center, err := mesh.At(orb.Point{121.5, 31.62}, 9)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := center.Disk(3)
	if err != nil {
		t.Fatal(err)
	}
	u := Units{Cells: cells}
	for k, want := range map[int]int{1: 6, 2: 18, 3: 36} {
		b := built(t, with(Ring, func(s *Spec) { s.K = k }), u)
		to, _ := b.Matrix.Row(slices.Index(cells, center))
		if len(to) != want || !b.Symmetric {
			t.Errorf("%d steps: %d neighbours, want %d", k, len(to), want)
		}
		if k > 1 {
			orders := built(t, with(Ring, func(s *Spec) { s.Order, s.Cumulative = k, true }), u)
			if orders.Matrix.Hash() != b.Matrix.Hash() {
				t.Errorf("orders up to %d of one step are not %d steps", k, k)
			}
		}
	}
}

// TestSums computes the constants from the whole matrix.
func TestSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "n")
		rows, whole := make([][]Link, n), make([][]float64, n)
		for i := range n {
			whole[i] = make([]float64, n)
			for _, j := range rapid.Permutation(seq(n)).Draw(t, "order") {
				if rapid.Bool().Draw(t, "link") {
					whole[i][j] = rapid.Float64Range(-3, 9).Draw(t, "w")
					rows[i] = append(rows[i], Link{j, whole[i][j]})
				}
			}
		}
		m, err := New(rows)
		if err != nil {
			t.Fatal(err)
		}
		var want Sums
		symmetric := true
		for i := range n {
			both := 0.0
			for j := range n {
				want.S0 += whole[i][j]
				want.S1 += (whole[i][j] + whole[j][i]) * (whole[i][j] + whole[j][i]) / 2
				both += whole[i][j] + whole[j][i]
				symmetric = symmetric && whole[i][j] == whole[j][i]
			}
			want.S2 += both * both
		}
		got := m.Sums()
		if math.Abs(got.S0-want.S0) > 1e-12 || math.Abs(got.S1-want.S1) > 1e-10 || math.Abs(got.S2-want.S2) > 1e-9 {
			t.Fatalf("sums %+v, want %+v", got, want)
		}
		if links, weights := m.Symmetric(); weights && !symmetric || weights && !links {
			t.Fatalf("symmetric: links %v, weights %v, want %v", links, weights, symmetric)
		}
	})
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestStyles holds every style to what it promises.
func TestStyles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "n")
		rows := make([][]Link, n)
		with := 0
		for i := range n {
			for j := range n {
				if rapid.Bool().Draw(t, "link") {
					rows[i] = append(rows[i], Link{j, rapid.Float64Range(.1, 9).Draw(t, "w")})
				}
			}
			if len(rows[i]) > 0 {
				with++
			}
		}
		m, err := New(rows)
		if err != nil || with == 0 {
			return
		}
		total := map[Style]float64{B: m.Sums().S0, W: float64(with), C: float64(with), U: 1, S: float64(with)}
		for style, want := range total {
			styled, err := m.Styled(style)
			if err != nil {
				t.Fatal(err)
			}
			if got := styled.Sums().S0; math.Abs(got/want-1) > 1e-12 {
				t.Fatalf("style %s sums to %v, want %v", style, got, want)
			}
			squares := 0.0 // of the first row that has any: equal in all rows of S
			for i := range n {
				_, w := styled.Row(i)
				if style == W && len(w) > 0 && math.Abs(sumOf(w)-1) > 1e-12 {
					t.Fatalf("row %d of style W sums to %v", i, sumOf(w))
				}
				if style == S && len(w) > 0 {
					if squares == 0 {
						squares = rootOfSquares(w)
					}
					if math.Abs(rootOfSquares(w)/squares-1) > 1e-12 {
						t.Fatalf("row %d of style S has the root %v, the first %v", i, rootOfSquares(w), squares)
					}
				}
			}
		}
	})
}

func TestHashes(t *testing.T) {
	u := Units{Keys: []string{"ab", "c"}, Polygons: []orb.MultiPolygon{box(0, 0, 9, 9), box(9, 0, 20, 9)}}
	seen := map[string]string{}
	for name, change := range map[string]func(*Units){
		"as it is": func(*Units) {}, "keys": func(u *Units) { u.Keys = []string{"a", "bc"} }, "no keys": func(u *Units) { u.Keys = nil },
		"a corner":  func(u *Units) { u.Polygons = []orb.MultiPolygon{box(0, 0, 1, 1), box(1, 0, 2, 1.5)} },
		"parts":     func(u *Units) { u.Polygons = []orb.MultiPolygon{{box(0, 0, 1, 1)[0], box(1, 0, 2, 1)[0]}, {}} },
		"centroids": func(u *Units) { u.Centroids = []orb.Point{{0, 0}, {1, 0}} }, "cells": func(u *Units) { u.Cells = []mesh.Cell{1, 2} },
	} {
		v := u
		change(&v)
		if other, twice := seen[v.Hash()]; twice || len(v.Hash()) != 16 {
			t.Errorf("%s and %s have the hash %s", name, other, v.Hash())
		}
		seen[v.Hash()] = name
	}
	b := built(t, Default(Queen), u)
	if b.Meta.Weights != b.Matrix.Hash() || b.Meta.Params["units"] != u.Hash() || !reflect.DeepEqual(b.Meta.Params["spec"], Default(Queen)) {
		t.Errorf("meta %+v", b.Meta)
	}
	if built(t, Default(Rook), u).Matrix.Hash() != b.Matrix.Hash() {
		t.Error("equal matrices have different hashes")
	}
	if built(t, with(Queen, func(s *Spec) { s.Style = U }), u).Matrix.Hash() == b.Matrix.Hash() {
		t.Error("other weights have the same hash")
	}
}

func TestSpecIsJSON(t *testing.T) {
	for _, s := range []Spec{Default(Queen), Default(KNN), with(Inverse, func(s *Spec) { s.BandM, s.Bridges = 10, [][2]string{{"a", "b"}} })} {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(data); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	if s, err := Parse([]byte(`{"kind":"rook","snap_m":0}`)); err != nil || s.SnapM != 0 || s.Order != 1 || s.Style != W {
		t.Errorf("a rook without a snap: %+v, %v", s, err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"kind":"queen","k":3}`, `{"kind":"queen","colour":3}`, `{"kind":"band"}`, `{"kind":"queen","order":"2"}`} {
		_, err := Parse([]byte(bad))
		refused(t, bad, err, "")
	}
}

// refused holds err to being Invalid and naming something.
func refused(t testing.TB, what string, err error, names string) {
	t.Helper()
	if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), names) {
		t.Errorf("%s: %v; want an Invalid error with %q", what, err, names)
	}
}

func TestBadSpecs(t *testing.T) {
	nan := math.NaN()
	for names, s := range map[string]Spec{
		"kind": {}, "style": {Kind: Queen}, "isolates": {Kind: Queen, Style: B}, "order is 0": {Kind: Queen, Style: B, Isolates: Keep},
		"order is 101":      with(Queen, func(s *Spec) { s.Order = 101 }),
		"order is 2":        with(Inverse, func(s *Spec) { s.BandM, s.Order = 1, 2 }),
		"cumulative":        with(Queen, func(s *Spec) { s.Cumulative = true }),
		"k is 0":            with(KNN, func(s *Spec) { s.K = 0 }),
		"k is -1":           with(KNN, func(s *Spec) { s.K = -1 }),
		"k is 51":           with(Ring, func(s *Spec) { s.K = 51 }),
		"k is 3":            with(Rook, func(s *Spec) { s.K = 3 }),
		"band_m is 0":       with(Band, nil),
		"band_m is NaN":     with(Band, func(s *Spec) { s.BandM = nan }),
		"band_m is +Inf":    with(Band, func(s *Spec) { s.BandM = math.Inf(1) }),
		"lower_m is -1":     with(Band, func(s *Spec) { s.BandM, s.LowerM = 5, -1 }),
		"lower_m 5 is not":  with(Band, func(s *Spec) { s.BandM, s.LowerM = 5, 5 }),
		"power is 0":        with(Inverse, func(s *Spec) { s.BandM, s.Power = 5, 0 }),
		"power is 11":       with(Inverse, func(s *Spec) { s.BandM, s.Power = 5, 11 }),
		"floor_m is NaN":    with(Inverse, func(s *Spec) { s.BandM, s.FloorM = 5, nan }),
		"need a floor_m":    with(Inverse, func(s *Spec) { s.BandM, s.FloorM, s.Self = 5, 0, true }),
		"snap_m is -1":      with(Queen, func(s *Spec) { s.SnapM = -1 }),
		"snap_m is 1001":    with(Queen, func(s *Spec) { s.SnapM = 1001 }),
		"snap_m is 1, and":  with(KNN, func(s *Spec) { s.SnapM = 1 }),
		"bridge 0":          with(Queen, func(s *Spec) { s.Bridges = [][2]string{{"a", "a"}} }),
		"snap_m is NaN":     with(Rook, func(s *Spec) { s.SnapM = nan }),
		"power is NaN, and": with(Queen, func(s *Spec) { s.Power = nan }),
	} {
		refused(t, fmt.Sprintf("%+v", s), s.Check(), names)
		_, err := Build(t.Context(), s, Units{Polygons: []orb.MultiPolygon{box(0, 0, 1, 1), box(1, 0, 2, 1)}})
		refused(t, fmt.Sprintf("%+v", s), err, names)
	}
}

func TestBadUnits(t *testing.T) {
	nan, square := math.NaN(), box(0, 0, 1, 1)
	cell, err := mesh.At(orb.Point{121.5, 31.6}, 9)
	if err != nil {
		t.Fatal(err)
	}
	flat := outline(orb.Point{0, 0}, orb.Point{1, 1}, orb.Point{2, 2})
	for names, tt := range map[string]struct {
		s Spec
		u Units
	}{
		"no units":          {Default(Queen), Units{}},
		"2 keys":            {Default(Queen), Units{Keys: []string{"a", "b"}, Polygons: []orb.MultiPolygon{square, square, square}}},
		"same key":          {Default(Queen), Units{Keys: []string{"a", "a"}, Polygons: []orb.MultiPolygon{square, square}}},
		"give the units po": {Default(Queen), line(1, 2)},
		"give the units ce": {Default(Ring), line(1, 2)},
		"centroids or poly": {Default(KNN), Units{Cells: []mesh.Cell{cell}}},
		"no area":           {with(KNN, func(s *Spec) { s.K = 1 }), Units{Polygons: []orb.MultiPolygon{square, flat}}},
		"no polygon":        {Default(Queen), Units{Polygons: []orb.MultiPolygon{square, nil}}},
		"no place":          {Default(Queen), Units{Polygons: []orb.MultiPolygon{square, box(0, 0, nan, 1)}}},
		"the centroid":      {Default(KNN), line(1, math.Inf(1))},
		"[1e+300 7]":        {Default(KNN), line(1, 1e300)},
		"three different":   {Default(Queen), Units{Polygons: []orb.MultiPolygon{square, outline(orb.Point{1, 1}, orb.Point{2, 2}, orb.Point{1, 1})}}},
		"ring 2":            {Default(Queen), Units{Polygons: []orb.MultiPolygon{{{square[0][0], {}}}}}},
		"at least 5 units":  {Default(KNN), line(1, 2, 3, 4)},
		"names the unit":    {with(Queen, func(s *Spec) { s.Bridges = [][2]string{{"0", "7"}} }), Units{Polygons: []orb.MultiPolygon{square}}},
		"one unit alone":    {with(Queen, func(s *Spec) { s.Isolates = LinkNearest }), Units{Polygons: []orb.MultiPolygon{square}}},
		"sum to 0":          {with(Queen, func(s *Spec) { s.Style = C }), Units{Polygons: []orb.MultiPolygon{square}}},
		"not an H3 cell":    {Default(Ring), Units{Cells: []mesh.Cell{cell, 5}}},
		"same cell":         {Default(Ring), Units{Cells: []mesh.Cell{cell, cell}}},
		"resolutions":       {Default(Ring), Units{Cells: []mesh.Cell{cell, cell.Parent(8)}}},
	} {
		_, err := Build(t.Context(), tt.s, tt.u)
		refused(t, names, err, names)
	}
	_, err = ReachM([]orb.Point{{1, 1}})
	refused(t, "the reach of one point", err, "2 units")
	_, err = ReachM([]orb.Point{{1, 1}, {nan, 1}})
	refused(t, "the reach of no number", err, "no place")
	for names, rows := range map[string][][]Link{
		"neighbour 2": {{{2, 1}}, nil}, "neighbour -1": {{{-1, 1}}, nil}, "twice": {{{1, 1}, {1, 2}}, nil},
		"not a number": {{{1, nan}}, nil}, "beyond": {{{1, 1e101}}, nil},
	} {
		_, err := New(rows)
		refused(t, names, err, names)
	}
	m, err := New([][]Link{{{1, -1}}, {{0, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Styled(W)
	refused(t, "a negative weight", err, "0 and more")
	_, err = m.Styled("X")
	refused(t, "a style", err, "0 and more")
	if c, ok := Centroid(orb.MultiPolygon{{{{nan, 1}, {2, 2}, {3, 1}}}}); ok || c != (orb.Point{}) {
		t.Errorf("a centroid of what is no number: %v", c)
	}
	if c, ok := Centroid(nil); ok || c != (orb.Point{}) {
		t.Errorf("a centroid of nothing: %v", c)
	}
}

func TestCentroid(t *testing.T) {
	holed := orb.MultiPolygon{{box(0, 0, 4, 4)[0][0], box(2, 0, 4, 4)[0][0]}, {box(10, 0, 12, 4)[0][0]}} // 8 m² about (1,2) and 8 about (11,2)
	for _, turned := range []bool{false, true} {
		if c, ok := Centroid(holed); !ok || math.Abs(c[0]-6) > 1e-12 || math.Abs(c[1]-2) > 1e-12 {
			t.Errorf("centroid %v, turned %v; want 6, 2", c, turned)
		}
		slices.Reverse(holed[0][1])
		slices.Reverse(holed[1][0])
	}
}

func TestLimits(t *testing.T) {
	crowd := Units{Centroids: make([]orb.Point, 6000)}
	if _, err := Build(t.Context(), with(KNN, func(s *Spec) { s.K = 5999 }), crowd); err == nil || grids.KindOf(err) != grids.TooLarge {
		t.Errorf("5999 neighbours of 6000 units: %v", err)
	}
	if err := goOn(t.Context(), maxLinks+1); err == nil || grids.KindOf(err) != grids.TooLarge {
		t.Errorf("a link too many: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	cell, err := mesh.At(orb.Point{121.5, 31.6}, 9)
	if err != nil {
		t.Fatal(err)
	}
	u := Units{Polygons: []orb.MultiPolygon{box(0, 0, 1, 1)}, Cells: []mesh.Cell{cell}}
	for _, k := range []Kind{Queen, Rook, Ring} {
		if _, err := Build(ended, Default(k), u); !errors.Is(err, context.Canceled) {
			t.Errorf("%s went on after its end: %v", k, err)
		}
	}
	for _, s := range []Spec{with(KNN, func(s *Spec) { s.K = 1 }), with(Band, func(s *Spec) { s.BandM = 1 })} {
		if _, err := Build(ended, s, line(1, 2)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s went on after its end: %v", s.Kind, err)
		}
	}
}
