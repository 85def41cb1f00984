package scan

import (
	"context"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// EarthRadiusM is the radius of the sphere of great-circle distances, in metres: the mean radius of the Earth.
const EarthRadiusM = 6371009.0

// maxBytes is the memory that the circles and the counts in them may take.
const maxBytes = 1 << 30

// farthest is the largest coordinate in metres that is taken for one.
const farthest = 1e8

// Places are the locations, and the circles drawn over them.
type Places struct {
	Points      []orb.Point // of the locations: x, y in metres of one projected CRS; with GreatCircle lon, lat in degrees
	Centres     []orb.Point // of the circles, in the same coordinates; nil: the locations
	GreatCircle bool        // distances are great circles on a sphere of EarthRadiusM
	Population  []float64   // by location, for MaxShare; nil: what is expected, or cases and controls, or cases, as the model has it
	MaxShare    float64     // largest share of the population in a circle, above 0 and at most 1; 0 is 0.5
	MaxRadiusM  float64     // largest radius in metres; 0 is no limit
}

// centres is how many centres there are.
func (p Places) centres() int {
	if p.Centres == nil {
		return len(p.Points)
	}
	return len(p.Centres)
}

// checked is the places with their defaults. The error is Invalid.
func (p Places) checked() (Places, error) {
	if p.MaxShare == 0 {
		p.MaxShare = 0.5
	}
	switch {
	case len(p.Points) < 2:
		return p, grids.Errorf(grids.Invalid, "%d locations are too few for circles: take at least 2", len(p.Points))
	case len(p.Points) > math.MaxInt32 || len(p.Centres) > math.MaxInt32:
		return p, grids.Errorf(grids.TooLarge, "there are more than %d locations or centres", math.MaxInt32)
	case p.centres() == 0:
		return p, grids.Errorf(grids.Invalid, "there are no centres: name some, or leave Centres nil for circles around each location")
	case !(p.MaxShare > 0 && p.MaxShare <= 1):
		return p, grids.Errorf(grids.Invalid, "the share of the population in a circle must be above 0 and at most 1")
	case !(p.MaxRadiusM >= 0) || math.IsInf(p.MaxRadiusM, 1):
		return p, grids.Errorf(grids.Invalid, "the largest radius must be in metres, or 0 for no limit")
	}
	if err := p.onMap("location", p.Points); err != nil {
		return p, err
	}
	return p, p.onMap("centre", p.Centres)
}

// onMap refuses coordinates that are none.
func (p Places) onMap(what string, points []orb.Point) error {
	limit := [2]float64{farthest, farthest}
	if p.GreatCircle {
		limit = [2]float64{180, 90}
	}
	for i, at := range points {
		if !(math.Abs(at[0]) <= limit[0] && math.Abs(at[1]) <= limit[1]) {
			return grids.Errorf(grids.Invalid, "%s %d lies at (%g, %g): coordinates must be within ±%g and ±%g", what, i, at[0], at[1], limit[0], limit[1])
		}
	}
	return nil
}

// space turns points into vectors whose chords give the distances.
func (p Places) space(points []orb.Point) [][3]float64 {
	out := make([][3]float64, len(points))
	for i, at := range points {
		out[i] = [3]float64{at[0], at[1]}
		if p.GreatCircle {
			sinLon, cosLon := math.Sincos(at[0] * math.Pi / 180)
			sinLat, cosLat := math.Sincos(at[1] * math.Pi / 180)
			out[i] = [3]float64{cosLat * cosLon, cosLat * sinLon, sinLat}
		}
	}
	return out
}

// distance is in metres.
func (p Places) distance(a, b [3]float64) float64 {
	x, y, z := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	chord := math.Sqrt(x*x + y*y + z*z)
	if p.GreatCircle {
		return 2 * EarthRadiusM * math.Asin(min(1, chord/2))
	}
	return chord
}

// circles are all circles: around centre i stand the locations near[start[i]:start[i+1]], nearest first; a circle ends at each of them that
// is closed.
type circles struct {
	start  []int
	near   []int32
	closed []bool
}

// reach is a location at a distance.
type reach struct {
	m  float64
	to int32
}

// draw draws the circles that keep within the limits. each is the number of bytes that a circle takes. The error is TooLarge, or that of the
// context.
func (p Places) draw(ctx context.Context, population []float64, each int) (*circles, error) {
	points := p.space(p.Points)
	centres := points
	if p.Centres != nil {
		centres = p.space(p.Centres)
	}
	limit := 0.0
	for _, n := range population {
		limit += n
	}
	limit *= p.MaxShare * (1 + tie)
	c := &circles{start: make([]int, 1, len(centres)+1)}
	row := make([]reach, 0, len(points))
	for _, from := range centres {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row = p.around(row[:0], from, points)
		c.add(row, population, limit)
		if len(c.near) > maxBytes/each {
			return nil, grids.Errorf(grids.TooLarge, "%d locations with %d centres need more than %d MB: lower MaxShare or set MaxRadiusM, or take fewer periods",
				len(points), len(centres), maxBytes>>20)
		}
	}
	return c, nil
}

// around appends the locations within the radius, nearest first.
func (p Places) around(row []reach, from [3]float64, points [][3]float64) []reach {
	for l, at := range points {
		if m := p.distance(from, at); p.MaxRadiusM == 0 || m <= p.MaxRadiusM+TieM {
			row = append(row, reach{m, int32(l)})
		}
	}
	slices.SortFunc(row, func(a, b reach) int {
		switch {
		case a.m < b.m:
			return -1
		case a.m > b.m:
			return 1
		}
		return int(a.to - b.to)
	})
	return row
}

// add takes the circles of one centre: groups of tied distances, as long as their population keeps within the limit.
func (c *circles) add(row []reach, population []float64, limit float64) {
	inside := 0.0
	for a := 0; a < len(row); {
		b := a
		for ; b < len(row) && row[b].m-row[a].m <= TieM; b++ {
			inside += population[row[b].to]
		}
		if inside > limit {
			break
		}
		for ; a < b; a++ {
			c.near, c.closed = append(c.near, row[a].to), append(c.closed, a == b-1)
		}
	}
	c.start = append(c.start, len(c.near))
}
