package live

import (
	"slices"
	"testing"
	"time"

	"wangge/grids"
	"wangge/tiles"
)

// bowTie is an outline that crosses itself: two triangles of about 1 km².
const bowTie = "POLYGON((121.40 31.63,121.42 31.65,121.42 31.63,121.40 31.645,121.40 31.63))"

// damage is something in the database that keeps layers from being loaded.
type damage struct {
	name      string
	do, mend  []string
	layers    []string // in the order of their names
	markFails bool
	ofUnits   bool // the layers are units of territory
}

// bump is a change of findings that may be anything.
const bump = `with v as (update wangge.district_version set version = version + 1 where subject = 'findings' returning district_id, subject, version)
	insert into wangge.outbox (district_id, subject, version) select * from v`

func damages() []damage {
	rename := func(table, from, to string) []string {
		return []string{"alter table wangge." + table + " rename column " + from + " to " + to}
	}
	return []damage{
		{name: "the statuses", do: rename("village_status", "status", "standing"), mend: rename("village_status", "standing", "status"), layers: []string{"grids", "towns", "villages"}, ofUnits: true},
		{name: "the surveys", do: rename("survey_result", "completion", "done"), mend: rename("survey_result", "done", "completion"), layers: []string{"grids", "surveys", "towns", "villages"}, ofUnits: true},
		{name: "the findings", do: append(rename("finding", "confidence", "sure"), bump), mend: rename("finding", "sure", "confidence"), layers: []string{"findings"}, markFails: true},
		{name: "the outline of a finding", do: []string{`insert into wangge.finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
			values (310151, 'bad00000-0000-4000-8000-000000000000', 'cannabis', 1, 'spotted', 'foot', now(), '', '', '', 1, 'SRID=4326;` + bowTie + `', '', 'test', true)`, bump},
			mend: []string{`delete from wangge.finding where finding_id = 'bad00000-0000-4000-8000-000000000000'`}, layers: []string{"findings"}},
	}
}

// Layers that cannot be loaded keep what they show while all others follow the store; when the data are mended, by the next change
// or half a minute later, everything is as if nothing had been. That holds too when they cannot be loaded at the start.
func TestLayersThatCannotBeLoaded(t *testing.T) {
	d := chongming(t, 600)
	for _, c := range damages() {
		t.Run(c.name, func(t *testing.T) {
			v := fresh(t, d.view(t))
			shown := look(t, v, spread(d))
			d.sql(t, c.do...)
			if c.ofUnits { // whose ground changes meanwhile
				d.swap(grids.LevelVillages)
				d.importAreas(t, grids.LevelVillages)
				d.merge(t)
				d.importAreas(t, grids.LevelGrids)
			} else {
				statuses(t, d)
				surveys(t, d)
			}
			stale(t, fresh(t, v), c.layers)
			kept(t, v, shown, c.layers)
			for _, s := range v.sights {
				if n := len(s.State().Units("grids")); c.ofUnits && n > 0 {
					t.Errorf("%s: %d grids have figures of another ground", s.class, n)
				}
			}
			atStart := fresh(t, d.view(t))
			missing(t, atStart, c.layers)
			d.newCases(t, 30)
			if !c.markFails {
				d.mark(t)
			}
			for _, w := range []*View{v, atStart} {
				stale(t, fresh(t, w), c.layers)
				if _, got := w.memory.casework.releases[0].Told(); got != d.known() {
					t.Errorf("%d events came in, want %d: casework does not go on", got, d.known())
				}
			}
			kept(t, v, shown, c.layers)
			d.sql(t, c.mend...)
			d.now = d.now.Add(retryFault - time.Second)
			stale(t, fresh(t, v), c.layers)
			d.now = d.now.Add(2 * time.Second)
			for _, w := range []*View{v, atStart} {
				stale(t, fresh(t, w), nil)
				compare(t, d, w, look(t, w, spread(d)))
			}
		})
	}
}

// A layer that is broken at one change is well again with the next one, without waiting.
func TestTheNextChangeMends(t *testing.T) {
	d := chongming(t, 300)
	v := fresh(t, d.view(t))
	c := damages()[3]
	d.sql(t, c.do...)
	d.mark(t)
	stale(t, fresh(t, v), c.layers)
	d.mark(t)
	stale(t, fresh(t, v), c.layers)
	d.sql(t, c.mend...)
	d.newCases(t, 3)
	stale(t, fresh(t, v), nil)
	compare(t, d, v, look(t, v, spread(d)))
}

// stale fails unless exactly these layers are known to be.
func stale(t *testing.T, v *View, layers []string) {
	t.Helper()
	var got []string
	for _, name := range slices.Sorted(slices.Values(tiles.Names())) {
		if _, yes := v.StaleLayers([]string{name}); yes {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, layers) || len(v.Problems()) < len(layers) || len(layers) == 0 && len(v.Problems()) > 0 {
		t.Errorf("stale are %v, want %v; problems %q", got, layers, v.Problems())
	}
}

// kept fails unless the layers show what they showed.
func kept(t *testing.T, v *View, shown map[string]seen, layers []string) {
	t.Helper()
	for name, s := range shown {
		if !slices.Contains(layers, s.Layers[0]) {
			continue
		}
		if tile, err := v.Sight(s.class).Tiles().Tile(t.Context(), s.Request); err != nil || tile.ETag != s.tag {
			t.Errorf("the tile %s is %s, it was %s: %v", name, tile.ETag, s.tag, err)
			return
		}
	}
}

// missing fails unless these layers and no others have no tiles, for any class that has something of its own to see in them.
func missing(t *testing.T, v *View, layers []string) {
	t.Helper()
	for _, s := range v.sights {
		for _, name := range tiles.Names() {
			_, err := s.Tiles().Tile(t.Context(), tiles.Request{Layers: []string{name}, Z: 9, X: 428, Y: 208})
			if want := slices.Contains(layers, name) && (s.sees() || name != "surveys"); want != (grids.KindOf(err) == grids.Unavailable) || !want && err != nil {
				t.Errorf("%s: %s: %v", s.class, name, err)
			}
		}
	}
}

// known is how many events are stored of months that are over.
func (d *district) known() (n int) {
	for _, e := range d.cases {
		if e.On.Month() < grids.DayOf(d.now).Month() && e.Cell != 0 {
			n++
		}
	}
	return n
}
