package trend

// Level is what a bin is.
type Level int8

// The levels.
const (
	Cold    Level = -1 // significantly below
	Neither Level = 0  // not significant, or without a figure
	Hot     Level = 1  // significantly above
)

// Category is the pattern of a place, as a machine code.
type Category string

// The seventeen categories.
const (
	NoPattern        Category = "no-pattern"
	NewHot           Category = "new-hot"
	ConsecutiveHot   Category = "consecutive-hot"
	IntensifyingHot  Category = "intensifying-hot"
	PersistentHot    Category = "persistent-hot"
	DiminishingHot   Category = "diminishing-hot"
	SporadicHot      Category = "sporadic-hot"
	OscillatingHot   Category = "oscillating-hot"
	HistoricalHot    Category = "historical-hot"
	NewCold          Category = "new-cold"
	ConsecutiveCold  Category = "consecutive-cold"
	IntensifyingCold Category = "intensifying-cold"
	PersistentCold   Category = "persistent-cold"
	DiminishingCold  Category = "diminishing-cold"
	SporadicCold     Category = "sporadic-cold"
	OscillatingCold  Category = "oscillating-cold"
	HistoricalCold   Category = "historical-cold"
)

// Categories lists all categories: none, the hot ones, the cold ones.
func Categories() []Category {
	return []Category{NoPattern,
		NewHot, ConsecutiveHot, IntensifyingHot, PersistentHot, DiminishingHot, SporadicHot, OscillatingHot, HistoricalHot,
		NewCold, ConsecutiveCold, IntensifyingCold, PersistentCold, DiminishingCold, SporadicCold, OscillatingCold, HistoricalCold}
}

// Classify is the pattern of a place by its bins, oldest first, and the sign of a significant trend of their z: +1 rises, −1 falls, 0 none.
// The patterns are those of Esri's emerging hot spot analysis (How Emerging Hot Spot Analysis Works, ArcGIS Pro 2.8). Where its sentences
// overlap the first of this order holds; it is written for hot, and cold is its mirror:
//
//  1. at least 90 % of all bins hot (whole numbers: 10·hot ≥ 9·bins). The last is hot: intensifying when the trend rises, diminishing when
//     it falls, persistent when there is none. The last is not hot: persistent when there is no trend, else historical.
//  2. the last is hot, and one before was cold: oscillating.
//  3. the last is hot, and none before was: new.
//  4. the hot bins are one run of two or more up to the last: consecutive.
//  5. some are hot and none is cold: sporadic. With finalOnly the last must be hot too, as later wordings have it.
//  6. no pattern.
//
// So a place that was once cold is oscillating rather than new or consecutive, and the trend counts from 90 % on only.
func Classify(bins []Level, trend int, finalOnly bool) Category {
	hot, cold := 0, 0
	for _, b := range bins {
		switch b {
		case Hot:
			hot++
		case Cold:
			cold++
		}
	}
	switch n := len(bins); {
	case hot == 0 && cold == 0:
		return NoPattern
	case 10*hot >= 9*n:
		return lasting(bins[n-1] == Hot, trend).hot()
	case 10*cold >= 9*n:
		return lasting(bins[n-1] == Cold, -trend).cold()
	case bins[n-1] == Hot:
		return recent(bins, Hot, hot, cold).hot()
	case bins[n-1] == Cold:
		return recent(bins, Cold, cold, hot).cold()
	case finalOnly || hot > 0 && cold > 0:
		return NoPattern
	case hot > 0:
		return SporadicHot
	}
	return SporadicCold
}

// pattern is a category without its side.
type pattern int

// The patterns, in the order of Categories.
const (
	isNew pattern = iota + 1
	isConsecutive
	isIntensifying
	isPersistent
	isDiminishing
	isSporadic
	isOscillating
	isHistorical
)

// hot is the category on the hot side.
func (p pattern) hot() Category { return Categories()[p] }

// cold is the category on the cold side.
func (p pattern) cold() Category { return Categories()[p+isHistorical] }

// lasting is the pattern of a place that was on one side in nine bins of ten; trend is above 0 when it went further to that side.
func lasting(still bool, trend int) pattern {
	switch {
	case trend == 0:
		return isPersistent
	case !still:
		return isHistorical
	case trend > 0:
		return isIntensifying
	}
	return isDiminishing
}

// recent is the pattern of a place whose last bin is on a side, and less than nine bins of ten are.
func recent(bins []Level, side Level, count, opposite int) pattern {
	run := 0
	for at := len(bins) - 1; at >= 0 && bins[at] == side; at-- {
		run++
	}
	switch {
	case opposite > 0:
		return isOscillating
	case count > run:
		return isSporadic
	case run > 1:
		return isConsecutive
	}
	return isNew
}
