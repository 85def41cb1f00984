package disclosure

import (
	"encoding/json"
	"math"
	"testing"

	"wangge/grids"
)

func TestCount(t *testing.T) {
	bands := RuleOf(grids.ClassField, 3)
	band := func(n, to float64) Value { return Value{State: IsBand, N: n, To: to} }
	for _, tt := range []struct {
		rule  Rule
		n     int
		count Value
		est   Value // of n − 0.4
	}{
		{Rule{K: 3}, 0, Zero(), Suppressed()},
		{Rule{K: 3}, 1, Suppressed(), Suppressed()},
		{Rule{K: 3}, 2, Suppressed(), Suppressed()},
		{Rule{K: 3}, 3, Number(3), Number(3)},
		{Rule{K: 1}, 1, Number(1), Number(1)},
		{Rule{K: 3}, -1, NoData(), NoData()},
		{Rule{}, 1000, Suppressed(), Suppressed()}, // the zero rule shows no positive count
		{Rule{K: -5}, 3, Suppressed(), Suppressed()},
		{bands, 4, Suppressed(), Suppressed()},
		{bands, 5, band(5, 9), band(5, 9)},
		{bands, 9, band(5, 9), band(5, 9)},
		{bands, 10, band(10, 19), band(10, 19)},
		{bands, 5000, band(5000, 0), band(5000, 0)},
		{RuleOf(grids.ClassBands, 3), 9, Suppressed(), Suppressed()},
		{RuleOf(grids.ClassCommand, 3), 7, Number(7), Number(7)},
		{RuleOf(grids.ClassCommand, 12), 11, Suppressed(), Suppressed()},
		{RuleOf(grids.ClassField, 12), 15, band(12, 19), band(12, 19)},
		{RuleOf(grids.ClassGround, 3), 15, Suppressed(), Suppressed()},
	} {
		if got := tt.rule.Count(tt.n); got != tt.count {
			t.Errorf("%+v: Count(%d) = %v, want %v", tt.rule, tt.n, got, tt.count)
		}
		if got := tt.rule.Estimate(float64(tt.n) - .4); tt.n > 0 && got != tt.est {
			t.Errorf("%+v: Estimate(%v) = %v, want %v", tt.rule, float64(tt.n)-.4, got, tt.est)
		}
	}
	for x, want := range map[float64]Value{0: Suppressed(), .3: Suppressed(), 2.5: Number(3), math.Inf(1): NoData(), -1: NoData()} {
		if got := (Rule{K: 3}).Estimate(x); got != want {
			t.Errorf("Estimate(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestDensity(t *testing.T) {
	for _, tt := range []struct {
		v      Value
		areaM2 float64
		want   Value
	}{
		{Number(4), 5e5, Number(8)}, {Value{State: IsBand, N: 5, To: 9}, 2e6, Number(2.5)}, {Zero(), 1e6, Zero()},
		{Suppressed(), 0, Suppressed()}, {NotLooked(), 1, NotLooked()}, {Number(5), 0, NoData()}, {Number(5), -1, NoData()},
		{Number(5), math.NaN(), NoData()}, {Number(5), math.Inf(1), NoData()},
	} {
		if got := Density(tt.v, tt.areaM2); got != tt.want {
			t.Errorf("Density(%v, %v) = %v, want %v", tt.v, tt.areaM2, got, tt.want)
		}
	}
}

func TestValueOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		v     Value
		json  string
		n     float64
		known bool
	}{
		{Number(2.5), `{"state":"number","n":2.5}`, 2.5, true},
		{Number(0), `{"state":"zero"}`, 0, true},
		{Zero(), `{"state":"zero"}`, 0, true},
		{Value{State: IsBand, N: 5, To: 9}, `{"state":"band","n":5,"to":9}`, 5, true},
		{Value{State: IsBand, N: 5000}, `{"state":"band","n":5000}`, 5000, true},
		{Suppressed(), `{"state":"suppressed"}`, 0, false},
		{NoData(), `{"state":"nodata"}`, 0, false},
		{NotLooked(), `{"state":"notlooked"}`, 0, false},
		{Number(math.NaN()), `{"state":"nodata"}`, 0, false},
		{Number(math.Inf(-1)), `{"state":"nodata"}`, 0, false},
	} {
		if got, err := json.Marshal(tt.v); err != nil || string(got) != tt.json {
			t.Errorf("%v is written as %s, %v; want %s", tt.v, got, err, tt.json)
		}
		if n, known := tt.v.Known(); n != tt.n || known != tt.known {
			t.Errorf("%v.Known() = %v, %v", tt.v, n, known)
		}
	}
}
