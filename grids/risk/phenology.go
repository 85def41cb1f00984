package risk

import (
	"math"

	"wangge/grids"
)

// HalfMonths is how many half-months a year has: day 1 to 15, and 16 to the end, of each month.
const HalfMonths = 24

// Season is how far a standing plant can be seen, by half-month from that of 1 January: 1 fully grown or in flower, 0 nothing above the ground.
type Season [HalfMonths]float64

// Phenology is a table of seasons by species: how far the time of the year lets somebody who looks see a plant that stands there.
type Phenology struct {
	Version string                       // such as 2026-1; shown with every result
	Source  string                       // what the values lean on
	Seasons map[grids.FindingKind]Season // of the species that have one
}

// DefaultPhenology is the table in force. Its values are provisional: they were set from when the plants are sown, flower and are harvested
// about the mouth of the Yangtze, and not measured.
//
// Poppy is sown in autumn, and lies as a rosette through the winter; it shoots in March, flowers from April to June, and is dry in July. The
// campaigns of mid-March to the end of May lie within. Hemp is sown in April and May, takes three to four months, and is harvested in October at
// the latest; where fibre hemp is pulled as it begins to flower, in June and July, it is seen less than told. Ephedra is a low evergreen shrub,
// pollinated in May and June, with red cones in August and September: in winter it stands out less.
func DefaultPhenology() Phenology {
	return Phenology{
		Version: "2026-1",
		Source:  "provisional; flowering of poppy April to June (Kwantlen Polytechnic University, Plant Database), cones of Ephedra sinica (Flora of China 4), sowing and harvest of hemp",
		Seasons: map[grids.FindingKind]Season{
			grids.OpiumPoppy: {.05, .05, .1, .15, .3, .5, .75, 1, 1, 1, 1, .8, .3, .1, 0, 0, 0, 0, 0, 0, .05, .05, .05, .05},
			grids.Cannabis:   {0, 0, 0, 0, 0, 0, 0, .05, .15, .3, .5, .75, 1, 1, 1, 1, 1, 1, .6, .2, 0, 0, 0, 0},
			grids.Ephedra:    {.6, .6, .6, .6, .7, .8, .9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, .9, .9, .8, .7, .6, .6},
		},
	}
}

// Check reports what is wrong with the table. The error is Invalid.
func (p Phenology) Check() error {
	if p.Version == "" {
		return grids.Errorf(grids.Invalid, "the phenology table has no version: give one, such as 2026-1")
	}
	if len(p.Species()) != len(p.Seasons) || len(p.Seasons) == 0 {
		return grids.Errorf(grids.Invalid, "phenology table %s needs a season for one species at least, and has none for a kind of finding that is not known or no species", p.Version)
	}
	for _, species := range p.Species() {
		most := 0.0
		for i, v := range p.Seasons[species] {
			if !(v >= 0 && v <= 1) {
				return grids.Errorf(grids.Invalid, "phenology table %s: %s has %v in half-month %d of %d; give 0 to 1", p.Version, species, v, i+1, HalfMonths)
			}
			most = math.Max(most, v)
		}
		if most < 1 {
			return grids.Errorf(grids.Invalid, "phenology table %s: %s is never fully seen; give the best half-month 1", p.Version, species)
		}
	}
	return nil
}

// Species lists the species that have a season, in the order of [grids.FindingKinds].
func (p Phenology) Species() (list []grids.FindingKind) {
	for _, k := range grids.FindingKinds {
		if _, ok := p.Seasons[k]; ok && k != grids.UnknownPlant {
			list = append(list, k)
		}
	}
	return list
}

// At is how far a plant of the species can be seen on the day, 0 to 1; 0 for a species without a season.
func (p Phenology) At(species grids.FindingKind, day grids.Day) float64 {
	i, _ := halfMonth(day)
	return p.Seasons[species][i]
}

// Mean is the mean of [Phenology.At] over the days from the first to the last, both included, each day as much as any other. A span that ends
// before it begins is its last day alone.
func (p Phenology) Mean(species grids.FindingKind, first, last grids.Day) float64 {
	first = min(first, last)
	season, sum := p.Seasons[species], 0.0
	for day := first; day <= last; {
		i, end := halfMonth(day)
		end = min(end, last)
		sum += season[i] * float64(end-day+1)
		day = end + 1
	}
	return sum / float64(last-first+1)
}

// halfMonth is which half-month of the year holds the day, 0 to 23, and the last day of it.
func halfMonth(day grids.Day) (i int, end grids.Day) {
	y, m, d := day.Date().Date()
	if d <= 15 {
		return 2 * int(m-1), grids.DayFrom(y, m, 15)
	}
	return 2*int(m-1) + 1, grids.DayFrom(y, m+1, 1) - 1
}
