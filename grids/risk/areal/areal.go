// Package areal brings figures from one division of the ground to another: area-weighted interpolation in the plane, and the crosswalk
// between two editions of the grids by which any series is computed anew.
//
// Counts (extensive) are shared out, and keep their total; rates, shares and densities (intensive) are averaged. Both take what is counted
// to be spread evenly inside each source. Every target says whether its figure is exact, because no source was cut, or interpolated.
//
// Coordinates are metres in one projected CRS, x then y. Everything here is pure and safe for concurrent use.
package areal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Options are what a crosswalk is made with.
type Options struct {
	// Tolerance is how far the shares of a source may be from 1 and still be scaled to it; a larger rest is left as uncovered. 0…0.5, usually
	// 1e-9; for editions whose coasts differ a little, such as 0.01, so that totals are kept.
	Tolerance float64
	// SliverShare is the share of the smaller of the two up to which an overlap is taken for two drawings of one border and left out. 0…0.1,
	// usually 0: none. A source is then exact in its target when what was left out is within the tolerance.
	SliverShare float64
}

// Default is the usual options.
func Default() Options { return Options{Tolerance: 1e-9} }

// Check reports what is wrong with the options. The error is Invalid.
func (o Options) Check() error {
	if !(o.Tolerance >= 0 && o.Tolerance <= .5) {
		return grids.Errorf(grids.Invalid, "the tolerance %v of the shares is outside 0 to 0.5", o.Tolerance)
	}
	if !(o.SliverShare >= 0 && o.SliverShare <= .1) {
		return grids.Errorf(grids.Invalid, "the share %v of slivers is outside 0 to 0.1", o.SliverShare)
	}
	return nil
}

// Share is the part of a source that lies in a target.
type Share struct {
	Source int     `json:"source"`
	Target int     `json:"target"`
	Share  float64 `json:"share"`   // of the source's area, above 0
	AreaM2 float64 `json:"area_m2"` // that they share
}

// Crosswalk says how the sources are shared out among the targets. It is plain data to be stored, and is not changed by its methods.
type Crosswalk struct {
	SourceAreaM2 []float64 `json:"source_area_m2"`
	TargetAreaM2 []float64 `json:"target_area_m2"`
	Shares       []Share   `json:"shares"`    // by source, then by target
	Uncovered    []float64 `json:"uncovered"` // of each source, the share in no target; below 0 where targets overlap
	Meta         stat.Meta `json:"meta"`      // Used counts sources in any target
}

// NewCrosswalk lays sources over targets. Sources whose shares sum to 1 within the tolerance are scaled to it and have nothing uncovered.
// The error is that of [OverlapAreas], and Invalid for options out of range.
func NewCrosswalk(ctx context.Context, sources, targets []orb.MultiPolygon, o Options) (*Crosswalk, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	overlaps, err := OverlapAreas(ctx, sources, targets)
	if err != nil {
		return nil, err
	}
	c := &Crosswalk{SourceAreaM2: areasM2(sources), TargetAreaM2: areasM2(targets), Uncovered: make([]float64, len(sources))}
	sums := make([]float64, len(sources))
	for _, v := range overlaps {
		if s, t := c.SourceAreaM2[v.Source], c.TargetAreaM2[v.Target]; v.AreaM2 > o.SliverShare*min(s, t) {
			share := v.AreaM2 / s
			c.Shares = append(c.Shares, Share{v.Source, v.Target, share, v.AreaM2})
			sums[v.Source] += share
		}
	}
	used := 0
	for i, sum := range sums {
		if sum > 0 {
			used++
		}
		if c.Uncovered[i] = 1 - sum; math.Abs(c.Uncovered[i]) <= o.Tolerance {
			c.Uncovered[i] = 0
		}
	}
	for at := range c.Shares {
		if s := &c.Shares[at]; c.Uncovered[s.Source] == 0 {
			s.Share /= sums[s.Source]
		}
	}
	c.Meta = stat.Meta{
		Method: "areal-crosswalk", Version: "1", Source: "Goodchild & Lam 1980; Franklin 1990", Used: used,
		Params: map[string]any{"tolerance": o.Tolerance, "sliver_share": o.SliverShare, "noise_m2": noiseM2},
	}
	return c, nil
}

func areasM2(polygons []orb.MultiPolygon) []float64 {
	out := make([]float64, len(polygons))
	for i, m := range polygons {
		out[i] = AreaM2(m)
	}
	return out
}

// Hash names the crosswalk: 16 hexadecimal digits, the first half of those of a SHA-256 over the areas, shares and rests. It stands in every
// result that was made with it, as the parameter "crosswalk".
func (c *Crosswalk) Hash() string {
	h := sha256.New()
	shares := make([]float64, 0, 4*len(c.Shares))
	for _, s := range c.Shares {
		shares = append(shares, float64(s.Source), float64(s.Target), s.Share, s.AreaM2)
	}
	for _, part := range [][]float64{c.SourceAreaM2, c.TargetAreaM2, shares, c.Uncovered} {
		_ = binary.Write(h, binary.BigEndian, int64(len(part))) // a hash takes everything
		_ = binary.Write(h, binary.BigEndian, part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Check reports what is wrong with a crosswalk that was read from somewhere. The error is Invalid: a share of a source or target that is not
// there, one that is not above 0 or named twice, areas that are none, and rests that are not what the shares leave.
func (c *Crosswalk) Check() error {
	if len(c.Uncovered) != len(c.SourceAreaM2) {
		return grids.Errorf(grids.Invalid, "the crosswalk has %d sources and %d rests: give one each", len(c.SourceAreaM2), len(c.Uncovered))
	}
	for _, areas := range [][]float64{c.SourceAreaM2, c.TargetAreaM2} {
		for i, a := range areas {
			if !(a > noiseM2 && a <= largestM2) {
				return grids.Errorf(grids.Invalid, "the crosswalk has the area %v m² at %d: no polygon has that", a, i)
			}
		}
	}
	left := make([]float64, len(c.SourceAreaM2))
	for i := range left {
		left[i] = 1
	}
	for at, s := range c.Shares {
		if s.Source < 0 || s.Source >= len(left) || s.Target < 0 || s.Target >= len(c.TargetAreaM2) {
			return grids.Errorf(grids.Invalid, "share %d of the crosswalk is of source %d in target %d: there are %d and %d", at, s.Source, s.Target,
				len(left), len(c.TargetAreaM2))
		}
		if !(s.Share > 0 && s.Share <= 1+whole) || !(s.AreaM2 > 0 && s.AreaM2 <= largestM2) {
			return grids.Errorf(grids.Invalid, "share %d of the crosswalk is %v of %v m²: shares are above 0 and at most 1", at, s.Share, s.AreaM2)
		}
		if at > 0 && !before(c.Shares[at-1], s) {
			return grids.Errorf(grids.Invalid, "share %d of the crosswalk is out of order or twice: sort by source and target", at)
		}
		left[s.Source] -= s.Share
	}
	for i, u := range c.Uncovered {
		if !(math.Abs(u-left[i]) <= whole) {
			return grids.Errorf(grids.Invalid, "the crosswalk leaves %v of source %d, and says %v", left[i], i, u)
		}
	}
	return nil
}

func before(a, b Share) bool {
	return a.Source < b.Source || a.Source == b.Source && a.Target < b.Target
}
