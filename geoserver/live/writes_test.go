package live

import (
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// write is a way of changing the store.
type write struct {
	name   string
	weight int // of 100, how often it comes
	do     func(*testing.T, *district)
}

// writes are all ways, as the store's own methods have them.
func writes() []write {
	return []write{
		{"mark", 16, func(t *testing.T, d *district) { d.mark(t) }},
		{"several marks", 6, func(t *testing.T, d *district) {
			for range 2 + d.r.IntN(5) {
				d.mark(t)
			}
		}},
		{"withdraw", 12, withdraw},
		{"mark and withdraw", 4, func(t *testing.T, d *district) {
			d.mark(t)
			withdraw(t, d)
		}},
		{"new cases", 12, func(t *testing.T, d *district) { d.newCases(t, 1+d.r.IntN(60)) }},
		{"two batches of new cases", 5, func(t *testing.T, d *district) {
			d.newCases(t, 3)
			d.newCases(t, 40)
		}},
		{"cases again, some new", 5, func(t *testing.T, d *district) {
			fresh := []grids.CaseEvent{d.event(), d.event()}
			if st := d.importCases(t, append(d.stored(20), fresh...)...); st.Updated != 0 || st.Inserted != 2 {
				t.Fatalf("stored %+v", st)
			}
			d.cases = append(d.cases, fresh...)
		}},
		{"changed cases", 5, changedCases},
		{"findings", 6, func(t *testing.T, d *district) { d.newFindings(t, 2+d.r.IntN(8)) }},
		{"many findings", 3, func(t *testing.T, d *district) { d.newFindings(t, 1001+d.r.IntN(30)) }},
		{"changed findings", 6, changedFindings},
		{"surveys", 5, surveys},
		{"statuses", 5, statuses},
		{"a bit of everything", 4, func(t *testing.T, d *district) {
			statuses(t, d)
			d.mark(t)
			d.newCases(t, 8)
			surveys(t, d)
			d.newFindings(t, 2)
		}},
		{"nothing new", 2, func(t *testing.T, d *district) {
			if st := d.importCases(t, d.stored(30)...); st.Unchanged != 30 {
				t.Fatalf("stored %+v", st)
			}
		}},
		{"an edition of grids", 2, func(t *testing.T, d *district) {
			d.merge(t)
			d.swap(grids.LevelGrids)
			d.importAreas(t, grids.LevelGrids)
		}},
		{"villages anew", 2, func(t *testing.T, d *district) {
			d.swap(grids.LevelVillages)
			d.importAreas(t, grids.LevelVillages)
		}},
	}
}

// rareWrites come once each, at set steps, so that none of them is left to chance.
func rareWrites() map[int]write {
	byName := map[string]write{}
	for _, w := range writes() {
		byName[w.name] = w
	}
	return map[int]write{
		7: byName["many findings"], 12: byName["an edition of grids"], 17: byName["villages anew"], 21: byName["changed cases"],
		25: {name: "the next month", do: func(t *testing.T, d *district) {
			d.now = d.now.AddDate(0, 1, 0)
			d.mark(t)
		}},
		29: {name: "another generation", do: func(t *testing.T, d *district) {
			d.mark(t)
			d.sql(t, "update wangge.generation set id = gen_random_uuid()", // after a restore versions say nothing
				"delete from wangge.finding where finding_id in (select finding_id from wangge.finding order by 1 limit 5)",
				"update wangge.survey_result set completion = completion / 2", "delete from wangge.casework_event where kind = 6")
			d.cases = slices.DeleteFunc(d.cases, func(e grids.CaseEvent) bool { return e.Kind == grids.TipOff })
			d.marked, d.found = nil, nil
			d.mark(t)
		}},
		31: {name: "a finding that is gone", do: func(t *testing.T, d *district) {
			id := d.mark(t).ID
			d.marked = d.marked[:len(d.marked)-1]
			d.sql(t, "delete from wangge.finding where finding_id = '"+id.String()+"'")
		}},
		32: {name: "a finding that goes", do: func(t *testing.T, d *district) {
			id := d.marked[len(d.marked)-1].String()
			d.marked = d.marked[:len(d.marked)-1]
			d.sql(t, "delete from wangge.finding where finding_id = '"+id+"'", `with v as (update wangge.district_version set version = version + 1
				where subject = 'findings' returning district_id, subject, version) insert into wangge.outbox (district_id, subject, version, ids) select *, array['`+id+`'::uuid] from v`)
		}},
		33: {name: "an edition, a mark and a batch", do: func(t *testing.T, d *district) {
			d.merge(t)
			d.importAreas(t, grids.LevelGrids)
			d.mark(t)
			d.newCases(t, 20)
		}},
	}
}

// draw picks a write by its weight.
func draw(d *district) write {
	all := writes()
	n := d.r.IntN(100)
	for _, w := range all {
		if n -= w.weight; n < 0 {
			return w
		}
	}
	return all[0]
}

func (d *district) mark(t *testing.T) grids.Finding {
	t.Helper()
	f, created, _, err := d.Mark(t.Context(), grids.Operator, d.finding())
	if err != nil || !created {
		t.Fatalf("mark: %v, created %v", err, created)
	}
	d.marked = append(d.marked, f.ID)
	return f
}

func withdraw(t *testing.T, d *district) {
	t.Helper()
	if len(d.marked) == 0 {
		d.mark(t)
	}
	i := d.r.IntN(len(d.marked))
	if _, _, err := d.Withdraw(t.Context(), grids.Operator, d.marked[i]); err != nil {
		t.Fatal(err)
	}
	d.marked = slices.Delete(d.marked, i, i+1)
}

func (d *district) newCases(t *testing.T, n int) {
	t.Helper()
	list := make([]grids.CaseEvent, n)
	for i := range list {
		list[i] = d.event()
	}
	if st := d.importCases(t, list...); st.Inserted != int64(n) {
		t.Fatalf("stored %+v", st)
	}
	d.cases = append(d.cases, list...)
}

// stored is n events as an import would read them from their file again.
func (d *district) stored(n int) (list []grids.CaseEvent) {
	for _, e := range d.cases {
		if e.Point != nil && len(list) < n {
			e.TownCode, e.VillageCode, e.GridCode, _ = d.places.Locate(*e.Point)
			list = append(list, e)
		}
	}
	return list
}

// changedCases sends events again of which some moved, or turned out to be something else, and some are new.
func changedCases(t *testing.T, d *district) {
	t.Helper()
	list := []grids.CaseEvent{d.event()}
	for i := range d.cases {
		if d.r.IntN(40) == 0 {
			e := &d.cases[i]
			e.Kind = one(d.r, grids.CaseKinds[:])
			d.place(e)
			list = append(list, *e)
		}
	}
	if st := d.importCases(t, list...); st.Updated == 0 {
		t.Fatalf("stored %+v", st)
	}
}

func (d *district) newFindings(t *testing.T, n int) {
	t.Helper()
	list := make([]grids.Finding, n)
	for i := range list {
		list[i] = d.finding()
		list[i].State = one(d.r, grids.FindingStates[:])
	}
	d.importFindings(t, list...)
	d.found = append(d.found, list[:min(n, 20)]...)
}

// changedFindings sends findings again that moved, changed their shape, or went on.
func changedFindings(t *testing.T, d *district) {
	t.Helper()
	if len(d.found) < 6 {
		d.newFindings(t, 6)
	}
	var list []grids.Finding
	for i := range 6 {
		f := &d.found[(i*7+d.r.IntN(7))%len(d.found)]
		if f.State = one(d.r, grids.FindingStates[:]); i%2 == 0 {
			f.Geometry = d.finding().Geometry
		}
		if !slices.ContainsFunc(list, func(g grids.Finding) bool { return g.ID == f.ID }) {
			list = append(list, *f)
		}
	}
	d.importFindings(t, list...)
}

// surveys brings in results of some grids and villages, now and then of a new round.
func surveys(t *testing.T, d *district) {
	t.Helper()
	round := "2026-Q3"
	if d.r.IntN(2) == 0 {
		round = "2026-Q4"
	}
	var list []grids.SurveyResult
	for range 1 + d.r.IntN(30) {
		v := grids.SurveyResult{ID: d.id(), GridCode: one(d.r, d.areas[grids.LevelGrids]).Code, Round: round, Completion: float64(d.r.IntN(101)) / 100, On: grids.DayOf(d.now)}
		if d.r.IntN(3) == 0 {
			v.GridCode, v.VillageCode = "", one(d.r, d.areas[grids.LevelVillages]).Code
		}
		list = append(list, v)
	}
	d.importSurveys(t, list...)
}

// statuses gives some villages another standing from some day on, which may lie ahead.
func statuses(t *testing.T, d *district) {
	t.Helper()
	var list []grids.VillageStatus
	for range 1 + d.r.IntN(20) {
		list = append(list, grids.VillageStatus{ID: d.id(), VillageCode: one(d.r, d.areas[grids.LevelVillages]).Code, Status: one(d.r, grids.Statuses[:]),
			ValidFrom: grids.DayOf(d.now) - grids.Day(d.r.IntN(40)) + 10})
	}
	d.importStatuses(t, list...)
}

// swap gives each of two areas of one town the code of the other, and a new name to a third.
func (d *district) swap(level grids.Level) {
	list := d.areas[level]
	for {
		a, b := &list[d.r.IntN(len(list))], &list[d.r.IntN(len(list))]
		if a != b && a.TownCode == b.TownCode {
			a.Code, b.Code = b.Code, a.Code
			break
		}
	}
	list[d.r.IntN(len(list))].Name += "改"
}

// merge makes one grid of two neighbours: there is one less.
func (d *district) merge(t *testing.T) {
	t.Helper()
	list := d.areas[grids.LevelGrids]
	for {
		i, k := d.r.IntN(len(list)), d.r.IntN(len(list))
		if i == k || list[i].TownCode != list[k].TownCode || !list[i].Geometry.Bound().Intersects(list[k].Geometry.Bound()) {
			continue
		}
		if whole := d.union(t, orb.Collection{list[i].Geometry, list[k].Geometry}); len(whole) < len(list[i].Geometry)+len(list[k].Geometry) {
			list[i].Geometry = whole
			d.areas[grids.LevelGrids] = slices.Delete(list, k, k+1)
			return
		}
	}
}

// clock is the time of the district.
func (d *district) clock() time.Time { return d.now }
