package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"wangge/grids"
)

// OlderEdition is the name of the edition of the grids that the demo has had before.
const OlderEdition = "演示 2023版"

// OlderFrom is the first day of the older edition.
func OlderFrom() grids.Day { return grids.DayFrom(2023, time.January, 1) }

// OlderGrids is a file of grids as an older edition may have had them, to be imported before the grids of [Files], after the towns. It is
// invented: neighbours within a town were one grid, and about every other of those was divided across, so that it cuts the grids of now.
func OlderGrids() File {
	return File{"grids-2023.geojson", "grids", func(w io.Writer) error { return writeCollection(w, grids.DrugControl, olderGrids()) }}
}

// olderGrids makes the grids of the older edition, town by town in the order of the codes.
func olderGrids() (out []feature[properties]) {
	byTown := map[string][]feature[properties]{}
	var towns []string
	for _, f := range features[properties]("grids_synthetic") {
		town := f.Properties.TownCode
		if byTown[town] == nil {
			towns = append(towns, town)
		}
		byTown[town] = append(byTown[town], f)
	}
	slices.Sort(towns)
	for _, town := range towns {
		for n, area := range regrouped(byTown[town]) {
			name, _, _ := strings.Cut(byTown[town][0].Properties.Name, "第")
			p := properties{Code: town[:9] + fmt.Sprintf("Y%02d", n+1), Name: name + "2023第" + strconv.Itoa(n+1) + "网格", TownCode: town, Synthetic: true}
			geometry, err := json.Marshal(map[string]any{"type": "MultiPolygon", "coordinates": area})
			if err != nil {
				panic(err) // numbers always encode
			}
			out = append(out, feature[properties]{"Feature", p, geometry})
		}
	}
	return out
}

// polygons are the coordinates of a MultiPolygon, in degrees.
type polygons [][][][2]float64

// regrouped joins each grid of a town with its first neighbour that is free, and divides every other pair.
func regrouped(town []feature[properties]) (out []polygons) {
	slices.SortFunc(town, func(a, b feature[properties]) int { return strings.Compare(a.Properties.Code, b.Properties.Code) })
	outlines := make([][][]point, len(town))
	for i, f := range town {
		for _, r := range rings(f.Geometry) {
			outlines[i] = append(outlines[i], closed(r))
		}
	}
	taken := make([]bool, len(town))
	for i := range town {
		if taken[i] {
			continue
		}
		taken[i] = true
		whole := outlines[i]
		for k := i + 1; k < len(town); k++ {
			if taken[k] {
				continue
			}
			if joined := union(outlines[i], outlines[k]); joined != nil {
				taken[k], whole = true, [][]point{joined}
				break
			}
		}
		parts := [][]point(nil)
		if len(whole) == 1 && len(out)%4 == 0 {
			parts = divided(whole[0])
		}
		if parts == nil {
			out = append(out, degrees(whole...))
			continue
		}
		for _, p := range parts {
			out = append(out, degrees(p))
		}
	}
	return out
}

// closed is a ring in millionths of a degree without its last point, which is the first again.
func closed(r [][2]float64) (ring []point) {
	for _, c := range r[:len(r)-1] {
		ring = append(ring, micro(c))
	}
	return ring
}

// union is the outline of two areas that share a border, nil when they do not, or when it is not one ring.
func union(a, b [][]point) []point {
	if len(a) != 1 || len(b) != 1 {
		return nil
	}
	next, all := map[point]point{}, 0
	edges := map[[2]point]bool{}
	for _, r := range [][]point{a[0], b[0]} {
		for i, p := range r {
			q := r[(i+1)%len(r)]
			if edges[[2]point{q, p}] {
				delete(edges, [2]point{q, p})
			} else {
				edges[[2]point{p, q}] = true
			}
			all++
		}
	}
	for e := range edges {
		if _, twice := next[e[0]]; twice {
			return nil // the border touches itself there
		}
		next[e[0]] = e[1]
	}
	if len(edges) == all {
		return nil // nothing is shared
	}
	start := a[0][0]
	for p := range next { // the ring begins at its least point, whatever the order of the map
		if _, there := next[start]; !there || p.x < start.x || p.x == start.x && p.y < start.y {
			start = p
		}
	}
	var ring []point
	for p := start; len(ring) == 0 || p != start; p = next[p] {
		ring = append(ring, p)
	}
	if len(ring) != len(next) {
		return nil // there is a hole, or two parts
	}
	return ring
}

// divided is the two parts of a ring on either side of the line between two of its corners, those before it crosses the meridian through its
// middle; nil when that line is not inside of it. No corner is made, so that the neighbours still have all of theirs.
func divided(ring []point) [][]point {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range ring {
		low, high = min(low, p.x), max(high, p.x)
	}
	at := math.Floor((low+high)/2) + .5 // no corner lies there
	var ends []int
	for i, p := range ring {
		if (p.x > at) != (ring[(i+1)%len(ring)].x > at) {
			ends = append(ends, i)
		}
	}
	if len(ends) != 2 || ends[1]-ends[0] < 2 || ends[0]+len(ring)-ends[1] < 2 || !sees(ring, ends[0], ends[1]) {
		return nil
	}
	a, b := ring[ends[0]:ends[1]+1], append(slices.Clone(ring[ends[1]:]), ring[:ends[0]+1]...)
	return [][]point{slices.Clone(a), b}
}

// sees reports whether the line between two corners of a ring lies inside of it.
func sees(ring []point, i, k int) bool {
	turn := func(a, b, c point) float64 { return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x) }
	a, b := ring[i], ring[k]
	middle, inside := point{(a.x + b.x) / 2, (a.y + b.y) / 2}, false
	for at, p := range ring {
		next := (at + 1) % len(ring)
		q := ring[next]
		if (p.y > middle.y) != (q.y > middle.y) && (turn(p, q, middle) > 0) == (q.y > p.y) {
			inside = !inside
		}
		if at != i && at != k && next != i && next != k && turn(a, b, p)*turn(a, b, q) <= 0 && turn(p, q, a)*turn(p, q, b) <= 0 {
			return false
		}
	}
	return inside
}

// degrees is a MultiPolygon of rings that have no holes.
func degrees(of ...[]point) (out polygons) {
	for _, r := range of {
		ring := make([][2]float64, 0, len(r)+1)
		for _, p := range append(slices.Clone(r), r[0]) {
			ring = append(ring, [2]float64{p.x / 1e6, p.y / 1e6})
		}
		out = append(out, [][][2]float64{ring})
	}
	return out
}
