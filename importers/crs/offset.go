package crs

import (
	"math"

	"github.com/paulmach/orb"
)

// gcj is the GCJ-02 position of a WGS 84 one, both longitude and latitude in degrees: the published re-engineering
// of the offset (Krassowsky ellipsoid, polynomial and sine terms), as all map libraries use it. Only inside China.
func gcj(p orb.Point) orb.Point {
	const a, e2 = 6378245.0, 0.00669342162296594323
	x, y := p[0]-105, p[1]-35
	root, xy := math.Sqrt(math.Abs(x)), x*y
	waves := (20*sinPi(6*x) + 20*sinPi(2*x)) * 2 / 3
	dLat := -100 + 2*x + 3*y + 0.2*y*y + 0.1*xy + 0.2*root + waves +
		(20*sinPi(y)+40*sinPi(y/3))*2/3 + (160*sinPi(y/12)+320*sinPi(y/30))*2/3
	dLon := 300 + x + 2*y + 0.1*x*x + 0.1*xy + 0.1*root + waves +
		(20*sinPi(x)+40*sinPi(x/3))*2/3 + (150*sinPi(x/12)+300*sinPi(x/30))*2/3
	sin, cos := math.Sincos(radians(p[1]))
	w2 := 1 - e2*sin*sin
	w := math.Sqrt(w2)
	return orb.Point{p[0] + degrees(dLon*w/(a*cos)), p[1] + degrees(dLat*w2*w/(a*(1-e2)))}
}

// bd is the BD-09 position of a WGS 84 one, both longitude and latitude in degrees: Baidu's rotation on top of GCJ-02.
func bd(p orb.Point) orb.Point {
	const turn = math.Pi * 3000 / 180
	q := gcj(p)
	r := math.Hypot(q[0], q[1]) + 0.00002*math.Sin(q[1]*turn)
	sin, cos := math.Sincos(math.Atan2(q[1], q[0]) + 0.000003*math.Cos(q[0]*turn))
	return orb.Point{r*cos + 0.0065, r*sin + 0.006}
}

// invert finds the WGS 84 position that forward moves to p, by fixed-point iteration: the offset changes so
// slowly that every step gains three to four digits. It ends below 1e-12 degrees (0.1 µm); what remains against
// the true position is that the offset is a re-engineering, not an open standard.
func invert(forward func(orb.Point) orb.Point, p orb.Point) orb.Point {
	guess := p
	for range 12 {
		q := forward(guess)
		dx, dy := p[0]-q[0], p[1]-q[1]
		guess = orb.Point{guess[0] + dx, guess[1] + dy}
		if math.Abs(dx) < 1e-12 && math.Abs(dy) < 1e-12 {
			break
		}
	}
	return guess
}

func sinPi(x float64) float64 { return math.Sin(x * math.Pi) }
