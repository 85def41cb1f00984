package grids

import (
	"time"

	"github.com/paulmach/orb"
)

// FindingKind is what a drone or a patrol believes to have seen.
type FindingKind string

// The kinds of finding.
const (
	OpiumPoppy   FindingKind = "opium_poppy" // 罂粟
	Cannabis     FindingKind = "cannabis"    // 大麻
	Ephedra      FindingKind = "ephedra"     // 麻黄
	UnknownPlant FindingKind = "unknown"     // 待辨认
)

// FindingKinds lists every kind.
var FindingKinds = [...]FindingKind{OpiumPoppy, Cannabis, Ephedra, UnknownPlant}

// Title is the kind's name on the screen.
func (k FindingKind) Title() Text {
	switch k {
	case OpiumPoppy:
		return Text{ZH: "罂粟", EN: "Opium poppy"}
	case Cannabis:
		return Text{ZH: "大麻", EN: "Cannabis"}
	case Ephedra:
		return Text{ZH: "麻黄", EN: "Ephedra"}
	case UnknownPlant:
		return Text{ZH: "待辨认", EN: "Not yet identified"}
	}
	return Text{ZH: string(k), EN: string(k)}
}

// FindingState is where a finding stands on the way from spotted to closed.
type FindingState string

// The states of a finding, in workflow order.
const (
	Spotted       FindingState = "spotted"
	Assigned      FindingState = "assigned"
	GroundChecked FindingState = "ground_checked"
	Confirmed     FindingState = "confirmed"
	Eradicated    FindingState = "eradicated"
	ReInspected   FindingState = "re_inspected"
	Closed        FindingState = "closed"
	Dismissed     FindingState = "dismissed"
)

// FindingStates lists every state.
var FindingStates = [...]FindingState{Spotted, Assigned, GroundChecked, Confirmed, Eradicated, ReInspected, Closed, Dismissed}

// Open reports whether the finding still needs work: not dismissed and not closed.
func (s FindingState) Open() bool { return s != Dismissed && s != Closed }

// WasConfirmed reports whether the plants were confirmed on the ground at some time.
func (s FindingState) WasConfirmed() bool {
	return s == Confirmed || s == Eradicated || s == ReInspected || s == Closed
}

// FindingSource is how a finding came in.
type FindingSource string

// The sources of a finding.
const (
	FromPhoto   FindingSource = "photo"
	FromFlight  FindingSource = "flight"
	FromFoot    FindingSource = "foot"
	FromHotline FindingSource = "hotline"
)

// FindingSources lists every source.
var FindingSources = [...]FindingSource{FromPhoto, FromFlight, FromFoot, FromHotline}

// Finding is one suspected plot of illegal cultivation: a point or the outline of the plot.
type Finding struct {
	ID          ID
	Geometry    orb.Geometry // orb.Point or orb.Polygon
	Kind        FindingKind
	Confidence  int // 1 unsure … 3 sure
	State       FindingState
	Source      FindingSource
	SeenAt      time.Time
	VillageCode Code
	GridCode    Code
	TownCode    Code
	Synthetic   bool
}

// Larger plots, or ones with more corners, are mapping mistakes.
const (
	maxPlotM2      = 1e6
	maxPlotCorners = 1000
)

// Check applies the rules a new finding must meet, now being the server's time. The error is Invalid.
func (f *Finding) Check(now time.Time, areaM2 float64) error {
	switch g := f.Geometry.(type) {
	case orb.Point:
	case orb.Polygon:
		if err := checkOutline(g); err != nil {
			return err
		}
		if areaM2 > maxPlotM2 {
			return Errorf(Invalid, "a plot of %.0f m² is over the limit of %.0f m²: draw the plot alone", areaM2, maxPlotM2)
		}
	default:
		return Errorf(Invalid, "a finding is a point or one polygon")
	}
	if b := f.Geometry.Bound(); !(b.Min[0] >= -180 && b.Max[0] <= 180 && b.Min[1] >= -90 && b.Max[1] <= 90) {
		return Errorf(Invalid, "the finding lies off the earth: coordinates are degrees, longitude before latitude")
	}
	if f.Confidence < 1 || f.Confidence > 3 {
		return Errorf(Invalid, "confidence %d is outside 1 (unsure) to 3 (sure)", f.Confidence)
	}
	if err := oneOf("kind", f.Kind, FindingKinds[:]); err != nil {
		return err
	}
	if err := oneOf("state", f.State, FindingStates[:]); err != nil {
		return err
	}
	if err := oneOf("source", f.Source, FindingSources[:]); err != nil {
		return err
	}
	if f.SeenAt.IsZero() {
		return Errorf(Invalid, "seen_at is missing: when was it seen?")
	}
	if f.SeenAt.After(now.Add(5 * time.Minute)) {
		return Errorf(Invalid, "seen_at %s lies in the future: check the device's clock", f.SeenAt.In(Shanghai).Format("2006-01-02 15:04"))
	}
	return nil
}

// checkOutline refuses an outline that is no plain ring. The error is Invalid.
func checkOutline(p orb.Polygon) error {
	if len(p) != 1 || len(p[0]) < 4 || p[0][0] != p[0][len(p[0])-1] {
		return Errorf(Invalid, "the outline of a plot is one closed ring of at least three corners")
	}
	if n := len(p[0]) - 1; n > maxPlotCorners {
		return Errorf(Invalid, "the outline of a plot has %d corners; at most %d are taken", n, maxPlotCorners)
	}
	if selfCrossing(p[0]) {
		return Errorf(Invalid, "the outline of the plot crosses itself: set its corners in order around the plot")
	}
	return nil
}

// selfCrossing reports whether two sides of a closed ring cross or touch other than at their common corner. O(n²).
func selfCrossing(r orb.Ring) bool {
	n := len(r) - 1
	for i := range n {
		for j := i + 2; j < n; j++ {
			if i == 0 && j == n-1 {
				continue // they share the first corner
			}
			if sidesMeet(r[i], r[i+1], r[j], r[j+1]) {
				return true
			}
		}
	}
	return false
}

func sidesMeet(a, b, c, d orb.Point) bool {
	turn := func(p, q, r orb.Point) float64 { return (q[0]-p[0])*(r[1]-p[1]) - (q[1]-p[1])*(r[0]-p[0]) }
	within := func(p, q, r orb.Point) bool { // r, known to lie on the line p–q, lies between them
		return min(p[0], q[0]) <= r[0] && r[0] <= max(p[0], q[0]) && min(p[1], q[1]) <= r[1] && r[1] <= max(p[1], q[1])
	}
	t1, t2, t3, t4 := turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
	if t1*t2 < 0 && t3*t4 < 0 {
		return true
	}
	return t1 == 0 && within(a, b, c) || t2 == 0 && within(a, b, d) || t3 == 0 && within(c, d, a) || t4 == 0 && within(c, d, b)
}

// oneOf refuses a value that is not in its list and names the legal ones.
func oneOf[T ~string](what string, v T, legal []T) error {
	list := ""
	for i, l := range legal {
		if v == l {
			return nil
		}
		if i > 0 {
			list += ", "
		}
		list += string(l)
	}
	return Errorf(Invalid, "%s %q is not known; use one of %s", what, clip(string(v)), list)
}
