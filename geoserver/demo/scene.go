package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// site is a place where events happen: a spot in a unit.
type site struct {
	unit int
	at   point
}

// hotArea is a group of sites that has its own season.
type hotArea struct {
	sites  []site
	weight float64
	peak   float64 // month of the year, 0…12, when it is busiest
}

// scene is where casework happens: a few hot areas near where people live, and lone sites that keep their distance
// from each other (a hard-core process, Matérn 1960).
type scene struct {
	units []unit
	hot   []hotArea
	lone  []site
	reach []float64 // running weights of the hot areas in the current month
}

// hotShare is the share of events in hot areas.
const hotShare = 0.78

// sitesInArea is how many sites a hot area has.
const sitesInArea = 24

// newScene sets the scene for so many events: more events spread over more areas, so that maps of each scale have
// something to show.
func newScene(r *rand.Rand, events int) *scene {
	s := &scene{units: groundOf()}
	for _, centre := range s.centres(r, min(300, 9+events/10_000)) {
		a := hotArea{sites: []site{centre}, weight: 0.3 + r.ExpFloat64(), peak: r.Float64() * 12}
		for range 40 * sitesInArea {
			p := point{math.Round(centre.at.x + r.NormFloat64()*500*metreX), math.Round(centre.at.y + r.NormFloat64()*500*metreY)}
			if u := unitAt(s.units, p); u >= 0 {
				a.sites = append(a.sites, site{u, p})
			}
			if len(a.sites) == sitesInArea {
				break
			}
		}
		s.hot = append(s.hot, a)
	}
	s.lone = s.scatter(r, min(3000, 150+events/1000))
	s.reach = make([]float64, len(s.hot))
	return s
}

// centres picks n seats as the centres of hot areas: communities (居委会) before villages, far from each other.
func (s *scene) centres(r *rand.Rand, n int) []site {
	order := r.Perm(len(s.units))
	slices.SortStableFunc(order, func(i, j int) int {
		return townFirst(s.units[i].kind) - townFirst(s.units[j].kind)
	})
	var centres []site
	for spacing := 5000.0; len(centres) < n; spacing /= 2 {
		for _, i := range order {
			seat := s.units[i].seat
			if len(centres) < n && !slices.ContainsFunc(centres, func(c site) bool { return distanceM(c.at, seat) < spacing }) {
				centres = append(centres, site{i, seat})
			}
		}
	}
	return centres
}

// townFirst orders the kinds of unit: 0 for communities, 1 for the rest.
func townFirst(kind string) int {
	if kind == "居委会" {
		return 0
	}
	return 1
}

// scatter picks n lone sites that keep the widest distance for which there is room.
func (s *scene) scatter(r *rand.Rand, n int) []site {
	area := 1582e6 / float64(n) // m² of the district for each
	apart := 0.7 * math.Sqrt(area)
	var sites []site
	for tries := 0; len(sites) < n; tries++ {
		if tries > 20*n {
			apart, tries = apart*0.8, 0
		}
		u := s.wide(r)
		p := s.units[u].somewhere(r)
		if !slices.ContainsFunc(sites, func(o site) bool { return distanceM(o.at, p) < apart }) {
			sites = append(sites, site{u, p})
		}
	}
	return sites
}

// wide picks a unit by the size of its box, by rejection.
func (s *scene) wide(r *rand.Rand) int {
	const largest = 4e9 // the farms' boxes are larger and count as this
	for {
		i := r.IntN(len(s.units))
		u := &s.units[i]
		if r.Float64() < (u.high.x-u.low.x)*(u.high.y-u.low.y)/largest {
			return i
		}
	}
}

// turn sets the weights of the hot areas for a month of the year, 0…11: at its peak an area is three times as busy
// as at its ebb.
func (s *scene) turn(month int) {
	sum := 0.0
	for i, a := range s.hot {
		sum += a.weight * (1 + 0.5*math.Cos((float64(month)-a.peak)*math.Pi/6))
		s.reach[i] = sum
	}
}

// event is the unit and the place of the next event.
func (s *scene) event(r *rand.Rand) (u int, at point) {
	from, spread := s.lone, 60.0
	if r.Float64() < hotShare {
		want := r.Float64() * s.reach[len(s.reach)-1]
		from, spread = s.hot[sort.SearchFloat64s(s.reach, want)].sites, 150
	}
	pick := from[r.IntN(len(from))]
	return pick.unit, s.units[pick.unit].around(r, pick.at, spread)
}
