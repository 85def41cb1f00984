package rates

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"wangge/grids"
	"wangge/grids/risk/weights"
)

// FuzzRates feeds every method numbers of all kinds: it may refuse, but it never panics and never tells NaN or infinity.
func FuzzRates(f *testing.F) {
	bytes := func(x ...float64) []byte {
		out := []byte{}
		for _, v := range x {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
		}
		return out
	}
	f.Add(bytes(), uint16(0))
	f.Add(bytes(1, 2), uint16(1))
	f.Add(bytes(1, 10, 2, 20, 0, 30, 5, 40), uint16(7))
	f.Add(bytes(1, 10, 2, 20, 3, 30, 4, 40, 5, 50), uint16(0xffff))
	f.Add(bytes(0, 10, 0, 20, 0, 30, 0, 40), uint16(31))
	f.Add(bytes(0, 10, 1, 1e15, 0, 1, 1e9, 1e9), uint16(129))
	f.Add(bytes(math.NaN(), 1, 2, math.Inf(1)), uint16(2))
	f.Add(bytes(1e-300, 1e-9, 1e15, 1e15, 1, 1e-9, 3, 1), uint16(77))
	f.Add(bytes(1, 1, 0, 1, 1, 1, 0, 1, 1, 1), uint16(77))
	f.Add(bytes(0, 1e-320, 3, 1e-320, 1e9, 1e9), uint16(5))
	f.Fuzz(func(t *testing.T, raw []byte, links uint16) {
		var cases, population []float64
		for ; len(raw) >= 16 && len(cases) < 12; raw = raw[16:] {
			cases = append(cases, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
			population = append(population, math.Float64frombits(binary.LittleEndian.Uint64(raw[8:])))
		}
		n := len(cases)
		rows := make([][]weights.Link, n)
		for i := range rows {
			for j := range rows {
				if i != j && links>>((i*7+j*3)%16)&1 == 1 {
					rows[i] = append(rows[i], weights.Link{To: j, Weight: float64(1 + j%2)})
				}
			}
		}
		w, err := weights.New(rows)
		if err != nil {
			t.Fatal(err)
		}
		strata := func(x []float64) [][]float64 {
			out := make([][]float64, n)
			for i := range out {
				out[i] = []float64{x[i], x[n-1-i]}
			}
			return out
		}
		check := func(r any, err error) {
			t.Helper()
			if err != nil {
				if grids.KindOf(err) != grids.Invalid {
					t.Fatal(err)
				}
				return
			}
			finite(t, reflect.ValueOf(r))
		}
		c, err := Crude(cases, population, CrudeOptions{Per: 1e5})
		check(c, err)
		r, err := SMR(cases, population, RatioOptions{})
		check(r, err)
		fn, err := FunnelLimits(cases, population, FunnelOptions{})
		check(fn, err)
		p, err := ProbabilityMap(cases, population)
		check(p, err)
		s, err := Standardise(strata(cases), strata(population), IndirectOptions{})
		check(s, err)
		for _, family := range []Family{Poisson, Binomial} {
			g, err := Global(cases, population, GlobalOptions{Family: family, Clamp: links&1 == 1})
			check(g, err)
		}
		for _, form := range []Deviations{FromOwnMean, FromTheirMeans} {
			l, err := Local(cases, population, w, LocalOptions{Deviations: form})
			check(l, err)
		}
		for _, v := range []Variance{ClampBetween, ClampUnit} {
			m, err := EBMoran(t.Context(), cases, population, w, MoranOptions{StandardOptions: StandardOptions{v}, Permutations: 9, KeepMean: links&2 == 2})
			check(m, err)
		}
	})
}

// finite fails for a NaN or an infinity anywhere in v.
func finite(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Float64:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			t.Fatalf("a figure is %v", x)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			finite(t, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			finite(t, v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			finite(t, v.MapIndex(k))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			finite(t, v.Field(i))
		}
	}
}
