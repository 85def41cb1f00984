package live

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync/atomic"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// Sight is what the readers of one class of disclosure see: the tiles, the figures, and what they are told of changes. It is safe for
// concurrent use.
type Sight struct {
	class grids.Class
	rule  disclosure.Rule
	set   *tiles.Set
	state atomic.Pointer[State]
	hub   hub
	shown map[string]grids.Table // the levels, as their layers show them, without geometry; of the one that looks
	cases estimates              // in the units; of the one that looks

	release atomic.Pointer[release]
}

func newSight(c grids.Class, o Options) *Sight {
	share := int64(len(grids.Classes)) // those that see most look most
	if c == grids.Classes[0] {
		share = 2
	}
	return &Sight{class: c, rule: disclosure.RuleOf(c, o.K), set: tiles.NewSet(o.CacheBytes / share), hub: newHub(), shown: map[string]grids.Table{}}
}

// Class is whose sight it is.
func (s *Sight) Class() grids.Class { return s.class }

// Rule is how the class sees counts.
func (s *Sight) Rule() disclosure.Rule { return s.rule }

// Tiles is the set of layers, as of the last look.
func (s *Sight) Tiles() *tiles.Set { return s.set }

// State is everything else, as of the last look; nil before the first load succeeded.
func (s *Sight) State() *State { return s.state.Load() }

// findingsRes is the resolution of the cells by which the class sees findings outside of the reader's own area: 0 for not at all, -1 for
// where they are.
func (s *Sight) findingsRes() int {
	switch s.class {
	case grids.ClassCommand:
		return -1
	case grids.ClassField:
		return 8
	case grids.ClassVillage:
		return 7
	}
	return 0
}

// findings is a number of findings in a unit of a level as the class may see it.
func (s *Sight) findings(level string, n int) disclosure.Value {
	switch s.class {
	case grids.ClassCommand, grids.ClassField:
		return disclosure.Number(float64(n))
	case grids.ClassVillage:
		return s.rule.Count(n)
	case grids.ClassBands:
		if level == "towns" {
			return s.rule.Count(n)
		}
	}
	return disclosure.NoData()
}

// sees reports whether the class sees anything but the territory.
func (s *Sight) sees() bool { return s.class != grids.ClassGround }

// ranks reports whether the class sees the risk index.
func (s *Sight) ranks() bool { return s.sees() && s.class != grids.ClassBands }

// blurred is the ground of findings in these places as far as the class may know it: the cells by which it sees findings.
func (s *Sight) blurred(places []orb.Point) (out []tiles.Ground) {
	for _, p := range places {
		if c, err := mesh.At(p, s.findingsRes()); err == nil {
			if g := tiles.GroundOf(tiles.Findings, c); !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// Told is the casework of a unit in a period, and where it comes from.
type Told struct {
	Value  disclosure.Value
	ByCell map[int]float64 // part of the events by resolution of the cells that they are told by; sums to 1, or is empty
	Wider  bool            // some more is told, but for a wider period or for all kinds together
}

// Told is what the class may know of the casework in a unit, of the kinds and in the period of f; false when there is no such unit.
func (s *Sight) Told(level, code string, f tiles.Filter) (t Told, ok bool) {
	st := s.State()
	if _, ok := st.Unit(level, code); !ok {
		return t, false
	}
	t.ByCell = map[int]float64{}
	if !st.known || !s.sees() {
		t.Value = disclosure.NoData()
		return t, true
	}
	w := st.ground.weigher(place{level, code})
	sum := 0.0
	for g := range s.set.Cube().All() {
		n := float64(g.N) * w.weight(g.Cell)
		switch {
		case n == 0:
		case g.Told(f.Period, f.Mask()):
			sum += n
			t.ByCell[g.Cell.Resolution()] += n
		case g.Meets(f.Period, f.Mask()):
			t.Wider = true
		}
	}
	for res := range t.ByCell {
		t.ByCell[res] /= sum
	}
	t.Value = s.rule.Estimate(sum)
	return t, true
}

// Release names what is told of casework to the class: another word when any of it is other.
func (s *Sight) Release() string {
	cube := s.set.Cube()
	if r := s.release.Load(); r != nil && r.cube == cube {
		return r.name
	}
	h := sha256.New()
	for g := range cube.All() {
		_ = binary.Write(h, binary.BigEndian, g) // a hash takes everything
	}
	r := &release{cube, hex.EncodeToString(h.Sum(nil)[:6])}
	s.release.Store(r)
	return r.name
}

// release is the name of what a cube tells.
type release struct {
	cube *tiles.Cube
	name string
}
