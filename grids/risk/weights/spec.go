package weights

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"wangge/grids"
)

// Kind is what makes two units neighbours.
type Kind string

// The kinds.
const (
	Queen   Kind = "queen"   // their boundaries meet, if only in a point
	Rook    Kind = "rook"    // their boundaries run together for a length
	KNN     Kind = "knn"     // the second is among the K whose centroids are nearest to the first's: not symmetric
	Band    Kind = "band"    // their centroids are at most BandM apart, and more than LowerM
	Inverse Kind = "inverse" // as Band, with the weight 1/d^Power
	Ring    Kind = "ring"    // H3 cells at most K steps apart
)

// Isolates is what becomes of units without neighbours.
type Isolates string

// The policies.
const (
	Keep        Isolates = "keep"   // they stay without: statistics have no figure there
	LinkNearest Isolates = "link"   // each is joined, both ways, to the unit with the nearest centroid
	Refuse      Isolates = "refuse" // an error
)

// Spec says how weights are made; it is to be stored as JSON. Fields that the kind does not use must be zero, so that equal weights have
// equal specs; [Default] has the usual values and [Parse] fills them in.
type Spec struct {
	Kind       Kind        `json:"kind"`
	Order      int         `json:"order"`                // neighbours so many steps away, at least 1; of Inverse 1
	Cumulative bool        `json:"cumulative,omitempty"` // up to so many steps rather than exactly
	K          int         `json:"k,omitempty"`          // of KNN how many, of Ring how far
	BandM      float64     `json:"band_m,omitempty"`     // of Band and Inverse: the largest distance, metres, itself within
	LowerM     float64     `json:"lower_m,omitempty"`    // of Band and Inverse: distances up to this, itself with them, do not count; 0 for none
	Power      float64     `json:"power,omitempty"`      // of Inverse
	FloorM     float64     `json:"floor_m,omitempty"`    // of Inverse: shorter distances count as this; 0 refuses units in one place
	Style      Style       `json:"style"`
	Isolates   Isolates    `json:"isolates"`
	SnapM      float64     `json:"snap_m,omitempty"`  // of Queen and Rook: boundaries this near meet; 0 for corners that agree to the last bit
	Self       bool        `json:"self,omitempty"`    // each unit is a neighbour of itself too, as Gi* wants it
	Bridges    [][2]string `json:"bridges,omitempty"` // pairs of units, by key, that are neighbours whatever their shapes, over water
}

// Default is the usual spec of a kind: first order, rows that sum to 1, isolates kept, a snap of 1 m, four nearest neighbours, a ring of one
// step, weights 1/d with a floor of 1 m. Band and Inverse still need their BandM; see [ReachM].
func Default(k Kind) Spec {
	s := Spec{Kind: k, Order: 1, Style: W, Isolates: Keep}
	switch k {
	case Queen, Rook:
		s.SnapM = 1
	case KNN:
		s.K = 4
	case Ring:
		s.K = 1
	case Inverse:
		s.Power, s.FloorM = 1, 1
	}
	return s
}

// Parse reads a spec from JSON, with the values of [Default] for what it leaves out, and checks it. The error is Invalid.
func Parse(data []byte) (Spec, error) {
	var of struct{ Kind Kind }
	if err := json.Unmarshal(data, &of); err != nil {
		return Spec{}, grids.Errorf(grids.Invalid, "the weights are no JSON object: %w", err)
	}
	s := Default(of.Kind)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Spec{}, grids.Errorf(grids.Invalid, "the weights cannot be read: %w", err)
	}
	return s, s.Check()
}

// The limits of a spec.
const (
	maxOrder = 100
	maxRing  = 50
	maxSnapM = 1000
	maxM     = 1e9 // of a distance, and of a coordinate: no projection has more
	maxPower = 10
	minM     = 1e-3 // of BandM and FloorM
)

// Check reports what is wrong with the spec. The error is Invalid and names the field.
func (s Spec) Check() error {
	if !slices.Contains([]Kind{Queen, Rook, KNN, Band, Inverse, Ring}, s.Kind) {
		return grids.Errorf(grids.Invalid, "the kind of weights %.20q is not known: queen, rook, knn, band, inverse or ring", s.Kind)
	}
	if !slices.Contains([]Style{B, W, C, U, S}, s.Style) {
		return grids.Errorf(grids.Invalid, "the style %.20q of the weights is not known: B, W, C, U or S", s.Style)
	}
	if !slices.Contains([]Isolates{Keep, LinkNearest, Refuse}, s.Isolates) {
		return grids.Errorf(grids.Invalid, "the policy for isolates %.20q is not known: keep, link or refuse", s.Isolates)
	}
	if err := s.checkNumbers(); err != nil {
		return err
	}
	if s.Cumulative && s.Order == 1 {
		return grids.Errorf(grids.Invalid, "cumulative is for orders above 1")
	}
	if s.LowerM > 0 && s.LowerM >= s.BandM {
		return grids.Errorf(grids.Invalid, "lower_m %v is not below band_m %v", s.LowerM, s.BandM)
	}
	if s.Kind == Inverse && s.Self && s.FloorM == 0 {
		return grids.Errorf(grids.Invalid, "inverse distances with self need a floor_m: it is the distance of a unit to itself")
	}
	for i, b := range s.Bridges {
		if b[0] == b[1] {
			return grids.Errorf(grids.Invalid, "bridge %d joins %.40q to itself", i, b[0])
		}
	}
	return nil
}

// checkNumbers holds each number to its range, and to 0 where the kind does not use it.
func (s Spec) checkNumbers() error {
	distance, shape, lastOrder := s.Kind == Band || s.Kind == Inverse, s.Kind == Queen || s.Kind == Rook, maxOrder
	if s.Kind == Inverse {
		lastOrder = 1
	}
	lastK := math.MaxInt32
	if s.Kind == Ring {
		lastK = maxRing
	}
	for _, f := range []struct {
		name        string
		used        bool
		value       float64
		least, most float64
	}{
		{"order", true, float64(s.Order), 1, float64(lastOrder)},
		{"k", s.Kind == KNN || s.Kind == Ring, float64(s.K), 1, float64(lastK)},
		{"band_m", distance, s.BandM, minM, maxM},
		{"lower_m", distance, s.LowerM, 0, maxM},
		{"power", s.Kind == Inverse, s.Power, minM, maxPower},
		{"floor_m", s.Kind == Inverse && s.FloorM != 0, s.FloorM, minM, maxM},
		{"snap_m", shape, s.SnapM, 0, maxSnapM},
	} {
		if !f.used && f.value != 0 {
			return grids.Errorf(grids.Invalid, "%s is %v, and %s weights have none: leave it out", f.name, f.value, s.Kind)
		}
		if f.used && !(f.value >= f.least && f.value <= f.most) {
			return grids.Errorf(grids.Invalid, "%s is %v, and must be %v to %v for %s weights", f.name, f.value, f.least, f.most, s.Kind)
		}
	}
	return nil
}
