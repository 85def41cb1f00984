package postgis

import (
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

func fine() error { return nil }

func seq[T any](list ...T) func() iter.Seq[T] {
	return func() iter.Seq[T] { return slices.Values(list) }
}

func event(n byte, p *orb.Point, village string) grids.CaseEvent {
	return grids.CaseEvent{ID: grids.ID{15: n}, Kind: grids.TipOff, On: grids.DayFrom(2026, 3, 9), Precision: grids.ByDay, Point: p, VillageCode: village, TownCode: "310151101000", GridCode: "310151101W01", Cell: 1}
}

func TestImportsAreIdempotentById(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	p := orb.Point{121.405, 31.605}
	a, b := event(1, &p, ""), event(2, &p, "")
	batch := func() *grids.Batch { return &grids.Batch{ID: grids.NewID(), Subject: "casework", File: "f"} }
	st, err := s.ImportCasework(t.Context(), grids.Operator, batch(), seq(a, b), fine)
	if err != nil || st.Inserted != 2 || st.Versions.Of[grids.OnCasework] == 0 {
		t.Fatalf("first: %+v, %v", st, err)
	}
	again, err := s.ImportCasework(t.Context(), grids.Operator, batch(), seq(a, b), fine)
	if err != nil || again.Inserted+again.Updated != 0 || again.Unchanged != 2 || len(again.Versions.Of) != 0 {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	b.Kind = grids.Premises
	c := event(3, &p, "")
	mixed, err := s.ImportCasework(t.Context(), grids.Operator, batch(), seq(a, b, c), fine)
	if err != nil || mixed.Inserted != 1 || mixed.Updated != 1 || mixed.Unchanged != 1 {
		t.Errorf("one new, one changed, one same: %+v, %v", mixed, err)
	}
	if n := count(t, s, `select count(*) from import_batch where subject = 'casework'`); n != 2 {
		t.Errorf("%d batches noted, want the two that changed something", n)
	}
}

func TestARefusedFileLeavesNothing(t *testing.T) {
	s, _ := small(t)
	p := orb.Point{121.405, 31.605}
	refused := errors.New("refused")
	_, err := s.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(event(1, &p, "")), func() error { return refused })
	if err == nil {
		t.Fatal("no error")
	}
	if n := count(t, s, `select count(*) from casework_event`); n != 0 {
		t.Errorf("%d events stored", n)
	}
}

func TestTheOtherSubjects(t *testing.T) {
	s, _ := small(t)
	b := func() *grids.Batch { return &grids.Batch{ID: grids.NewID()} }
	vs := grids.VillageStatus{ID: grids.ID{1}, VillageCode: "310151101001", Status: grids.Certified, ValidFrom: grids.DayFrom(2026, 1, 1)}
	closed := vs
	closed.ID, closed.ValidTo = grids.ID{2}, grids.DayFrom(2026, 6, 30)
	if st, err := s.ImportVillageStatuses(t.Context(), grids.Operator, b(), seq(vs, closed), fine); err != nil || st.Inserted != 2 {
		t.Errorf("statuses: %+v, %v", st, err)
	}
	sv := grids.SurveyResult{ID: grids.ID{3}, GridCode: "310151101W01", Round: "2026-Q1", Completion: .5, On: grids.DayFrom(2026, 2, 2), Answers: map[string]float64{"jobs": 3}}
	if st, err := s.ImportSurveys(t.Context(), grids.Operator, b(), seq(sv), fine); err != nil || st.Inserted != 1 {
		t.Errorf("surveys: %+v, %v", st, err)
	}
	f := grids.Finding{ID: grids.ID{4}, Geometry: orb.Polygon(box(121.401, 31.601, 121.402, 31.602)[0]), Kind: grids.Cannabis, Confidence: 2, State: grids.Confirmed, Source: grids.FromFlight, SeenAt: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	if st, err := s.ImportFindings(t.Context(), grids.Operator, b(), seq(f), fine); err != nil || st.Inserted != 1 {
		t.Errorf("findings: %+v, %v", st, err)
	}
	got, err := s.Finding(t.Context(), grids.Operator, f.ID)
	if err != nil || got.TownCode != "310151101000" || got.State != grids.Confirmed {
		t.Errorf("finding: %+v, %v", got, err)
	}
	if _, isPlot := got.Geometry.(orb.Polygon); !isPlot {
		t.Errorf("the plot came back as %T", got.Geometry)
	}
}

func mark(n byte, p orb.Point) grids.Finding {
	return grids.Finding{ID: grids.ID{0: 9, 15: n}, Geometry: p, Kind: grids.OpiumPoppy, Confidence: 3, State: grids.Spotted, Source: grids.FromFoot, SeenAt: time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC)}
}

func TestMark(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	f := mark(1, orb.Point{121.405, 31.605})
	got, created, v, err := s.Mark(t.Context(), grids.Operator, f)
	if err != nil || !created || got.GridCode != "310151101W01" || got.TownCode != "310151101000" {
		t.Fatalf("%+v, %v, %v", got, created, err)
	}
	if _, created, w, err := s.Mark(t.Context(), grids.Operator, f); err != nil || created || w.Of[grids.OnFindings] != v.Of[grids.OnFindings] {
		t.Errorf("sent twice: created %v, versions %v then %v, %v", created, v, w, err)
	}
	other := f
	other.Confidence = 1
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, other); grids.KindOf(err) != grids.Conflict {
		t.Errorf("the same id for something else: %v", err)
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(2, orb.Point{100, 10})); grids.KindOf(err) != grids.Invalid {
		t.Errorf("outside the district: %v", err)
	}
	if n := count(t, s, `select count(*) from finding`); n != 1 {
		t.Errorf("%d findings stored, want 1", n)
	}
	for range 2 { // the undo can be sent twice, too
		if w, _, err := s.Withdraw(t.Context(), grids.Operator, f.ID); err != nil || w.State != grids.Dismissed {
			t.Errorf("withdraw: %+v, %v", w, err)
		}
	}
	if _, _, err := s.Withdraw(t.Context(), grids.Operator, grids.ID{1}); grids.KindOf(err) != grids.NotFound {
		t.Errorf("withdrawing nothing: %v", err)
	}
	if _, err := owning(t, s).Exec(t.Context(), `update finding set state = 'confirmed'`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Withdraw(t.Context(), grids.Operator, f.ID); grids.KindOf(err) != grids.Conflict {
		t.Errorf("withdrawing a confirmed finding: %v", err)
	}
}

// A point on a border belongs to the area with the lowest code, in PostGIS as in memory.
func TestABorderHasOneOwner(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	f, _, _, err := s.Mark(t.Context(), grids.Operator, mark(1, orb.Point{121.41, 31.61})) // where all four meet
	if err != nil || f.GridCode != "310151101W01" {
		t.Errorf("owner %q, %v", f.GridCode, err)
	}
}

func TestANewEditionPlacesEverythingAnew(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	p := orb.Point{121.415, 31.605}
	e := event(1, &p, "")
	e.GridCode = "310151101W02"
	if _, err := s.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID()}, seq(e), fine); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(1, p)); err != nil {
		t.Fatal(err)
	}
	store(t, s, grids.LevelGrids, []grids.Area{four[0], {Code: "310151101W05", TownCode: "310151101000", Name: "东", Geometry: box(121.41, 31.6, 121.42, 31.62)}, four[2]})
	for _, table := range []string{"casework_event", "finding"} {
		if n := count(t, s, `select count(*) from `+table+` where grid_code = '310151101W05'`); n != 1 {
			t.Errorf("%s: %d rows in the new grid, want 1", table, n)
		}
	}
}

// Under concurrent writers the versions of a subject are dense, and each has its outbox and audit row.
func TestVersionsAreDense(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	before := count(t, s, `select version::int from district_version where subject = 'findings'`)
	const writers, each = 6, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				f := mark(byte(i), orb.Point{121.4 + .02*r.Float64(), 31.6 + .02*r.Float64()})
				f.ID[1] = byte(w)
				if _, _, _, err := s.Mark(t.Context(), grids.Operator, f); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, s, `select version::int from district_version where subject = 'findings'`); n != before+writers*each {
		t.Errorf("version %d, want %d", n, before+writers*each)
	}
	if n := count(t, s, `select count(*) from outbox where subject = 'findings'`); n != before+writers*each {
		t.Errorf("%d outbox rows, want one a version: %d", n, before+writers*each)
	}
	if n := count(t, s, `select count(*) from audit where action = 'mark'`); n != writers*each {
		t.Errorf("%d audit rows, want %d", n, writers*each)
	}
}

func TestUnavailable(t *testing.T) {
	if _, err := Open(t.Context(), "postgres://nobody@127.0.0.1:1/none", grids.Chongming); grids.KindOf(err) != grids.Unavailable {
		t.Errorf("a database that is not there: %v", err)
	}
	if _, err := Open(t.Context(), "host=%zz port=x", grids.Chongming); grids.KindOf(err) != grids.Invalid {
		t.Errorf("a broken address: %v", err)
	}
}

// What COPY wrote in binary is what was meant, in every column.
func TestEveryColumnComesBack(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	batch := &grids.Batch{ID: grids.ID{0xaa, 15: 1}}
	p := orb.Point{121.405, 31.605}
	e := grids.CaseEvent{ID: grids.ID{15: 1}, Kind: grids.Premises, On: grids.DayFrom(1999, 12, 31), Precision: grids.ByWeek, Point: &p, TownCode: "T", VillageCode: "V", GridCode: "网", Cell: -7, Synthetic: true}
	v := grids.VillageStatus{ID: grids.ID{15: 2}, VillageCode: "310151101001", Status: grids.Building, ValidFrom: grids.DayFrom(2024, 2, 29), ValidTo: grids.DayFrom(2026, 1, 1)}
	r := grids.SurveyResult{ID: grids.ID{15: 3}, VillageCode: "310151101001", Round: "2026-Q1", Completion: .25, On: grids.DayFrom(2026, 2, 2), Answers: map[string]float64{"jobs": 3}, Synthetic: true}
	f := grids.Finding{ID: grids.ID{15: 4}, Geometry: p, Kind: grids.Ephedra, Confidence: 3, State: grids.Closed, Source: grids.FromHotline, SeenAt: time.Date(2026, 5, 1, 2, 3, 4, 567000, time.UTC)}
	imports := []error{}
	add := func(_ grids.Stored, err error) { imports = append(imports, err); batch.ID[14]++ }
	add(s.ImportCasework(t.Context(), grids.Operator, batch, seq(e), fine))
	add(s.ImportVillageStatuses(t.Context(), grids.Operator, batch, seq(v), fine))
	add(s.ImportSurveys(t.Context(), grids.Operator, batch, seq(r), fine))
	add(s.ImportFindings(t.Context(), grids.Operator, batch, seq(f), fine))
	if err := errors.Join(imports...); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{
		"casework_event": `(310151,00000000-0000-0000-0000-000000000001,5,1999-12-31,t,1,T,V,网,-7,"POINT(121.405 31.605)",aa000000-0000-0000-0000-000000000001,t)`,
		"village_status": `(310151,00000000-0000-0000-0000-000000000002,310151101001,building,2024-02-29,2026-01-01,aa000000-0000-0000-0000-000000000101,f)`,
		"survey_result":  `(310151,00000000-0000-0000-0000-000000000003,"",310151101001,2026-Q1,0.25,2026-02-02,"{""jobs"": 3}",aa000000-0000-0000-0000-000000000201,t)`,
		"finding":        `(310151,00000000-0000-0000-0000-000000000004,ephedra,3,closed,hotline,"2026-05-01 02:03:04.000567+00",310151101000,"",310151101W01,0,"POINT(121.405 31.605)",aa000000-0000-0000-0000-000000000301,operator,f)`,
	} {
		columns := map[string]string{
			"casework_event": "district_id, event_id, kind, on_day, by_week, placed_by, town_code, village_code, grid_code, h3_12, ST_AsText(geom), batch_id, synthetic",
			"village_status": "district_id, status_id, village_code, status, valid_from, valid_to, batch_id, synthetic",
			"survey_result":  "district_id, result_id, grid_code, village_code, round, completion, on_day, answers, batch_id, synthetic",
			"finding":        "district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, ST_AsText(geom), batch_id, actor, synthetic",
		}[table]
		var got string
		if err := owning(t, s).QueryRow(t.Context(), "select row("+columns+")::text from "+table).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s holds\n%s, want\n%s", table, got, want)
		}
	}
	if n := count(t, s, "select ST_SRID(geom) from casework_event"); n != 4326 {
		t.Errorf("SRID %d", n)
	}
}
