package mesh

import (
	"math/big"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"
)

// orientRational is the oracle: the determinant in rational numbers.
func orientRational(a, b, c orb.Point) int {
	sub := func(u, v float64) *big.Rat { return new(big.Rat).Sub(rat(u), rat(v)) }
	left := new(big.Rat).Mul(sub(a[0], c[0]), sub(b[1], c[1]))
	right := new(big.Rat).Mul(sub(a[1], c[1]), sub(b[0], c[0]))
	return left.Cmp(right)
}

// promised is v, or 0 for what is smaller than orient is exact for.
func promised(v float64) float64 {
	if v > -0x1p-400 && v < 0x1p-400 {
		return 0
	}
	return v
}

func TestOrientNearlyOnTheLine(t *testing.T) {
	coordinate := rapid.Map(rapid.Float64Range(-180, 180), promised)
	rapid.Check(t, func(t *rapid.T) {
		a := orb.Point{coordinate.Draw(t, "ax"), coordinate.Draw(t, "ay")}
		b := orb.Point{coordinate.Draw(t, "bx"), coordinate.Draw(t, "by")}
		s := rapid.SampledFrom([]float64{0, .25, .5, 1. / 3, .7, 1, 2}).Draw(t, "along")
		c := orb.Point{
			promised(beside(a[0]+s*(b[0]-a[0]), rapid.IntRange(-2, 2).Draw(t, "dx"))),
			promised(beside(a[1]+s*(b[1]-a[1]), rapid.IntRange(-2, 2).Draw(t, "dy"))),
		}
		want := orientRational(a, b, c)
		if got := orient(a, b, c); got != want {
			t.Fatalf("orient(%v, %v, %v) = %d, want %d", a, b, c, got, want)
		}
		if got := orientExact(a, b, c); got != want {
			t.Fatalf("orientExact(%v, %v, %v) = %d, want %d", a, b, c, got, want)
		}
	})
}

// The filter alone is wrong here: the three points lie on one line up to the last bits.
func TestOrientNeedsTheExactSum(t *testing.T) {
	a, b := orb.Point{12, 12}, orb.Point{24, 24}
	wrong := 0
	for i := range 64 {
		for j := range 64 {
			c := orb.Point{beside(.5, i), beside(.5, j)}
			naive := sign((a[0]-c[0])*(b[1]-c[1]) - (a[1]-c[1])*(b[0]-c[0]))
			want := orientRational(a, b, c)
			if naive != want {
				wrong++
			}
			if got := orient(a, b, c); got != want {
				t.Fatalf("orient(%v, %v, %v) = %d, want %d", a, b, c, got, want)
			}
		}
	}
	if wrong == 0 {
		t.Error("plain floating point got all right: the case tests nothing")
	}
}
