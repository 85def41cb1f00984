package trend

import (
	"context"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// UnitTrend is the trend of the values of one unit.
type UnitTrend struct {
	Test
	Slope stat.Value `json:"slope"` // Sen's, in units of the values a period; Missing when it was not asked for
}

// UnitTrends is the trend of every unit of a cube.
type UnitTrends struct {
	Meta  stat.Meta   `json:"meta"`
	Units []UnitTrend `json:"units"`
}

// Trends tests the values of every unit for a monotone trend as [MannKendall] does, and with withSlope gives the slope of [SenSlope], which
// takes about ten times as long. Used of Meta counts units. The error is Invalid: a cube that is not whole, fewer than three periods, with
// slopes more than SenMax; or the context's when it ended.
func Trends(ctx context.Context, c Cube, withSlope bool) (*UnitTrends, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	pairs := 0
	switch {
	case c.Periods < minimum:
		return nil, grids.Errorf(grids.Invalid, "the cube has %d periods: a trend needs at least %d, and ten for a good normal p", c.Periods, minimum)
	case withSlope && c.Periods > SenMax:
		return nil, grids.Errorf(grids.Invalid, "the cube has %d periods: Sen's slope takes at most %d, sum them to longer ones", c.Periods, SenMax)
	case withSlope:
		pairs = c.Periods * (c.Periods - 1) / 2
	}
	u := &UnitTrends{Meta: meta("mann-kendall", "Mann 1945; Kendall 1975; Sen 1968", c.Units, nil), Units: make([]UnitTrend, c.Units)}
	u.Meta.Params["continuity"], u.Meta.Params["alternative"], u.Meta.Params["slope"] = true, "two-sided", withSlope
	var r ranker
	buffer := make([]float64, pairs)
	for i := range u.Units {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x := c.Values[i*c.Periods : (i+1)*c.Periods]
		u.Units[i] = UnitTrend{r.test(x), stat.None(stat.Missing)}
		if withSlope {
			evenSlopes(buffer, x)
			u.Units[i].Slope = stat.Of(median(buffer))
		}
	}
	return u, nil
}
