package weights

import (
	"context"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// FuzzBuild makes weights of any spec over any shapes: an error that says so, or a matrix of finite weights with sums that are finite.
func FuzzBuild(f *testing.F) {
	square := []byte{0, 0, 8, 0, 8, 8, 0, 8}
	f.Add([]byte(`{"kind":"queen"}`), square)
	f.Add([]byte(`{"kind":"rook","snap_m":0,"order":2,"style":"S"}`), append(square, 255, 8, 0, 16, 0, 16, 8, 8, 8))
	f.Add([]byte(`{"kind":"knn","k":1,"isolates":"link","style":"U"}`), []byte{1, 1, 255, 2, 2, 255, 1, 1})
	f.Add([]byte(`{"kind":"band","band_m":3,"self":true,"style":"C"}`), []byte{250, 1, 251, 252, 253, 254})
	f.Add([]byte(`{"kind":"inverse","band_m":1e9,"power":10,"floor_m":0.001}`), []byte{1, 1, 5, 1, 1, 5, 255, 1, 1, 5, 1, 1, 5})
	f.Add([]byte(`{"kind":"rook","bridges":[["0","1"]],"isolates":"refuse"}`), append(square, 255, 40, 40, 49, 40, 44, 45, 254, 41, 41, 43, 42, 42, 43))
	special := map[byte]float64{250: math.NaN(), 251: math.Inf(1), 252: 1e300, 253: 1e9, 249: 5e-324, 248: -1e-9}
	f.Fuzz(func(t *testing.T, spec, shape []byte) {
		s, err := Parse(spec)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatalf("%v is not Invalid", err)
			}
			return
		}
		for _, u := range unitsOf(shape, special) {
			checkBuild(t, s, u)
		}
	})
}

// unitsOf reads pairs of bytes as corners, 255 beginning a unit and 254 a ring: once as polygons, once as their corners.
func unitsOf(shape []byte, special map[byte]float64) []Units {
	polygons := []orb.MultiPolygon{{{nil}}}
	var points []orb.Point
	number := func(b byte) float64 {
		if v, ok := special[b]; ok {
			return v
		}
		return float64(b)
	}
	for i := 0; i+1 < len(shape) && len(points) < 60; i++ {
		last := polygons[len(polygons)-1]
		switch shape[i] {
		case 255:
			polygons = append(polygons, orb.MultiPolygon{{nil}})
		case 254:
			last[0] = append(last[0], nil)
		default:
			p := orb.Point{number(shape[i]), number(shape[i+1])}
			last[0][len(last[0])-1] = append(last[0][len(last[0])-1], p)
			points = append(points, p)
			i++
		}
	}
	return []Units{{Polygons: polygons}, {Centroids: points}, {Polygons: polygons, Centroids: points}}
}

func checkBuild(t *testing.T, s Spec, u Units) {
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	b, err := Build(ctx, s, u)
	if err != nil {
		if k := grids.KindOf(err); k != grids.Invalid && k != grids.TooLarge {
			t.Fatalf("%v is of kind %v", err, k)
		}
		return
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	for i := range b.Matrix.N() {
		_, w := b.Matrix.Row(i)
		for _, x := range w {
			if !finite(x) || x < 0 {
				t.Fatalf("%+v: unit %d has the weight %v", s, i, x)
			}
		}
	}
	if !finite(b.Sums.S0) || !finite(b.Sums.S1) || !finite(b.Sums.S2) {
		t.Fatalf("%+v: sums %+v", s, b.Sums)
	}
	again, err := Build(ctx, s, u)
	if err != nil || again.Matrix.Hash() != b.Matrix.Hash() {
		t.Fatalf("%+v: another hash the second time, %v", s, err)
	}
}

// FuzzNew makes matrices of any links.
func FuzzNew(f *testing.F) {
	f.Add(uint8(3), []byte{0, 1, 0, 0, 0, 0, 0, 0, 240, 63})
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		rows := make([][]Link, n)
		for len(data) >= 10 && n > 0 {
			i := int(data[0]) % int(n)
			rows[i] = append(rows[i], Link{int(int8(data[1])), math.Float64frombits(binary.LittleEndian.Uint64(data[2:]))})
			data = data[10:]
		}
		m, err := New(rows)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatalf("%v is not Invalid", err)
			}
			return
		}
		for _, style := range []Style{B, W, C, U, S, "x"} {
			styled, err := m.Styled(style)
			if err != nil {
				continue
			}
			s := styled.Sums()
			if math.IsNaN(s.S0+s.S1+s.S2) || math.IsInf(s.S0+s.S1+s.S2, 0) {
				t.Fatalf("style %s: %+v", style, s)
			}
		}
	})
}

// hexagons is a honeycomb of n × n cells with corners that agree to the last bit.
func hexagons(n int, sideM float64) Units {
	var u Units
	x, y := func(i int) float64 { return 350_000 + float64(i)*sideM*math.Sqrt(3)/2 }, func(i int) float64 { return 3_500_000 + float64(i)*sideM/2 }
	for row := range n {
		for col := range n {
			cx, cy := 2*col+row%2+1, 3*row+2
			var r orb.Ring
			for _, c := range [][2]int{{0, -2}, {1, -1}, {1, 1}, {0, 2}, {-1, 1}, {-1, -1}, {0, -2}} {
				r = append(r, orb.Point{x(cx + c[0]), y(cy + c[1])})
			}
			u.Polygons = append(u.Polygons, orb.MultiPolygon{{r}})
		}
	}
	return u
}

func TestHoneycomb(t *testing.T) {
	const n = 20
	u := hexagons(n, 200)
	queen, rook := built(t, with(Queen, nil), u), built(t, with(Rook, nil), u)
	if want := 2 * (n*(n-1) + (n-1)*(2*n-1)); queen.Links != want || rook.Matrix.Hash() != queen.Matrix.Hash() {
		t.Errorf("queen %d links, rook %d, want %d", queen.Links, rook.Links, want)
	}
	near := built(t, with(Band, func(s *Spec) { s.BandM = 200 * math.Sqrt(3) }), u)
	if near.Matrix.Hash() != queen.Matrix.Hash() {
		t.Errorf("%d centroids are one step apart, want %d", near.Links, queen.Links)
	}
}

func benchmark(b *testing.B, s Spec, u Units) {
	for b.Loop() {
		if _, err := Build(context.Background(), s, u); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueen351(b *testing.B) { benchmark(b, Default(Queen), Units{Polygons: chongming(b)}) }
func BenchmarkRook351(b *testing.B)  { benchmark(b, Default(Rook), Units{Polygons: chongming(b)}) }
func BenchmarkQueenHexagons20000(b *testing.B) {
	benchmark(b, Default(Queen), hexagons(142, 200))
}
func BenchmarkRookHexagons20000(b *testing.B) { benchmark(b, Default(Rook), hexagons(142, 200)) }
func BenchmarkKNNHexagons20000(b *testing.B)  { benchmark(b, Default(KNN), hexagons(142, 200)) }
func BenchmarkInverseHexagons20000(b *testing.B) {
	benchmark(b, with(Inverse, func(s *Spec) { s.BandM = 1000 }), hexagons(142, 200))
}
func BenchmarkOrder3Hexagons20000(b *testing.B) {
	benchmark(b, with(Queen, func(s *Spec) { s.Order, s.Cumulative = 3, true }), hexagons(142, 200))
}
