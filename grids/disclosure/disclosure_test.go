package disclosure

import (
	"encoding/json"
	"math"
	"testing"
)

func TestCountAndDensity(t *testing.T) {
	for _, tt := range []struct {
		k, n    int
		areaM2  float64
		count   Value
		density Value
	}{
		{3, 0, 1e6, Zero(), Zero()},
		{3, 1, 1e6, Suppressed(), Suppressed()},
		{3, 2, 1e6, Suppressed(), Suppressed()},
		{3, 3, 1e6, Number(3), Number(3)},
		{3, 4, 5e5, Number(4), Number(8)},
		{1, 1, 2e6, Number(1), Number(.5)},
		{3, -1, 1e6, NoData(), NoData()},
		{3, 5, 0, Number(5), NoData()},
		{3, 5, -1, Number(5), NoData()},
		{3, 5, math.NaN(), Number(5), NoData()},
		{3, 5, math.Inf(1), Number(5), NoData()},
		{3, 0, 0, Zero(), NoData()},
		{3, 2, 0, Suppressed(), Suppressed()},
		{0, 1000, 1e6, Suppressed(), Suppressed()}, // the zero policy shows no positive count
		{0, 0, 1e6, Zero(), Zero()},
		{-5, 3, 1e6, Suppressed(), Suppressed()},
	} {
		p := Policy{K: tt.k}
		if got := p.Count(tt.n); got != tt.count {
			t.Errorf("k=%d: Count(%d) = %v, want %v", tt.k, tt.n, got, tt.count)
		}
		if got := p.Density(tt.n, tt.areaM2); got != tt.density {
			t.Errorf("k=%d: Density(%d, %v) = %v, want %v", tt.k, tt.n, tt.areaM2, got, tt.density)
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
