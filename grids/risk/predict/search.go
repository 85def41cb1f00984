package predict

import (
	"slices"
	"sort"
)

// search is the units in the order they are searched, with cumulative sums: element k is of the first k units.
type search struct {
	order       []int
	area, hits  []float64
	train       []float64
	events      int
	trainEvents int
}

// extent is how far a search goes: so many whole units, and a part of the next.
type extent struct {
	whole int
	part  float64
}

// newSearch searches units by score.
func newSearch(score, areaM2 []float64, test, train []int) *search {
	n := len(score)
	s := &search{order: orderOf(score), area: make([]float64, n+1), hits: make([]float64, n+1), train: make([]float64, n+1)}
	for k, u := range s.order {
		s.area[k+1] = s.area[k] + areaM2[u]
		s.hits[k+1] = s.hits[k] + float64(test[u])
		s.train[k+1] = s.train[k] + float64(train[u])
	}
	s.events, s.trainEvents = sum(test), sum(train)
	return s
}

// orderOf is the units by descending score, equal ones by ascending number.
func orderOf(score []float64) []int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return 0
	})
	return order
}

// scoreOf is the scores to order by.
func scoreOf(score, areaM2 []float64, perArea bool) []float64 {
	if !perArea {
		return score
	}
	out := make([]float64, len(score))
	for i, s := range score {
		out[i] = s / areaM2[i]
	}
	return out
}

// density is events per m²: the best order to search in, as it turns out.
func density(test []int, areaM2 []float64) []float64 {
	out := make([]float64, len(test))
	for i, c := range test {
		out[i] = float64(c) / areaM2[i]
	}
	return out
}

// total is the area of all units.
func (s *search) total() float64 { return s.area[len(s.order)] }

// units is the extent of the first k units.
func (s *search) units(k int) extent { return extent{whole: k} }

// share is the extent of a share of the area.
func (s *search) share(share float64) extent { return s.reach(share * s.total()) }

// reach is the extent of an area in m².
func (s *search) reach(areaM2 float64) extent {
	n := len(s.order)
	k := sort.Search(n, func(k int) bool { return s.area[k+1] > areaM2 })
	if k == n {
		return extent{whole: n}
	}
	return extent{whole: k, part: (areaM2 - s.area[k]) / (s.area[k+1] - s.area[k])}
}

// within is a cumulative sum up to an extent.
func within(cumulative []float64, e extent) float64 {
	if e.part == 0 {
		return cumulative[e.whole]
	}
	return cumulative[e.whole] + e.part*(cumulative[e.whole+1]-cumulative[e.whole])
}

// accuracy counts what lies in an extent, and in the best one of the same area.
func (s *search) accuracy(e extent, best *search) Accuracy {
	area, hits := within(s.area, e), within(s.hits, e)
	return Accuracy{
		Share: area / s.total(), Units: e.whole, Part: e.part, AreaM2: area, TotalAreaM2: s.total(),
		Hits: hits, Events: s.events, BestHits: max(hits, within(best.hits, best.reach(area))), // no less by rounding
		TrainHits: within(s.train, e), TrainEvents: s.trainEvents,
	}
}

// chance is what a random order has in a share of the area on average.
func (s *search) chance(share float64) Accuracy {
	area := share * s.total()
	return Accuracy{
		Share: share, AreaM2: area, TotalAreaM2: s.total(), Hits: share * float64(s.events), Events: s.events,
		BestHits: within(s.hits, s.reach(area)), TrainHits: share * float64(s.trainEvents), TrainEvents: s.trainEvents,
	}
}

// curve is the cumulative shares of area and events, unit by unit; without events it has no height.
func (s *search) curve() []Point {
	out := make([]Point, len(s.area))
	for k := range out {
		out[k] = Point{AreaShare: s.area[k] / s.total()}
		if s.events > 0 {
			out[k].EventShare = s.hits[k] / float64(s.events)
		}
	}
	return out
}

// under is the area under the curve times the number of events, by trapezoids: within a unit events are spread evenly.
func (s *search) under() float64 {
	sum := 0.0
	for k := range s.order {
		sum += (s.area[k+1] - s.area[k]) * (s.hits[k] + s.hits[k+1]) / 2
	}
	return sum / s.total()
}

// covered is how much of each unit lies in an extent, 0…1.
func (s *search) covered(e extent) []float64 {
	out := make([]float64, len(s.order))
	for _, u := range s.order[:e.whole] {
		out[u] = 1
	}
	if e.part > 0 {
		out[s.order[e.whole]] = e.part
	}
	return out
}
