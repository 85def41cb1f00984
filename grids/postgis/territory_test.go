package postgis

import (
	"slices"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

func TestTheDemoTerritoryPasses(t *testing.T) {
	s := chongming(t)
	c, err := s.Read(t.Context(), grids.Versions{}, ground)
	if err != nil {
		t.Fatal(err)
	}
	if n := [3]int{len(c.Territory.Towns), len(c.Territory.Villages), len(c.Territory.Grids)}; n != [3]int{21, 361, 351} {
		t.Errorf("read back %v towns, villages, grids", n)
	}
	if len(c.GridOf) != 361 {
		t.Errorf("%d villages have a grid, want 361", len(c.GridOf))
	}
	flaws, err := s.CheckTerritory(t.Context(), grids.Operator, grids.DrugControl, 10)
	if err != nil {
		t.Fatal(err)
	}
	for level, list := range flaws {
		if len(list) > 0 {
			t.Errorf("%s: %v", level, list)
		}
	}
	if n := count(t, s, `select count(*) from grid_village`); n < 361 {
		t.Errorf("%d overlaps of grids and villages, want at least one a village", n)
	}
}

// Each kind of damage is done to a sound territory and must be found, named, and keep everything out.
func TestEachKindOfDamageIsFound(t *testing.T) {
	type damage struct {
		name  string
		do    func(four []grids.Area) []grids.Area
		found []grids.FlawCode
		place string
	}
	replace := func(i int, g orb.MultiPolygon) func([]grids.Area) []grids.Area {
		return func(four []grids.Area) []grids.Area { four[i].Geometry = g; return four }
	}
	for _, d := range []damage{
		{"gap", replace(0, box(121.4, 31.6, 121.409, 31.61)), []grids.FlawCode{grids.FlawGap, grids.FlawSum}, "310151101000"},
		{"missing grid", func(four []grids.Area) []grids.Area { return four[1:] }, []grids.FlawCode{grids.FlawGap, grids.FlawSum}, "310151101000"},
		{"overlap", replace(0, box(121.4, 31.6, 121.411, 31.61)), []grids.FlawCode{grids.FlawOverlap, grids.FlawSum}, "310151101W01"},
		{"outside the town", replace(0, box(121.399, 31.6, 121.41, 31.61)), []grids.FlawCode{grids.FlawOutside, grids.FlawSum}, "310151101W01"},
		{"unknown town", func(four []grids.Area) []grids.Area { four[0].TownCode = "310151999000"; return four }, []grids.FlawCode{grids.FlawSum, grids.FlawNoParent}, "310151101W01"},
		{"duplicate code", func(four []grids.Area) []grids.Area { four[1].Code = four[0].Code; return four }, []grids.FlawCode{grids.FlawDuplicated}, "310151101W01"},
		{"empty code", func(four []grids.Area) []grids.Area { four[1].Code = ""; return four }, []grids.FlawCode{grids.FlawCodeForm}, ""},
		{"no area", func(four []grids.Area) []grids.Area { four[0].Geometry = orb.MultiPolygon{}; return four }, []grids.FlawCode{grids.FlawEmpty, grids.FlawGap, grids.FlawSum}, "310151101W01"},
		// a ring that overlaps itself: what it covers depends on the rule, so a repair would guess
		{"ambiguous outline", replace(0, orb.MultiPolygon{{{{121.4, 31.6}, {121.41, 31.6}, {121.41, 31.61}, {121.4, 31.61}, {121.4, 31.602}, {121.408, 31.602}, {121.408, 31.608}, {121.398, 31.608}, {121.398, 31.6}, {121.4, 31.6}}}}),
			[]grids.FlawCode{grids.FlawBroken}, "310151101W01"},
	} {
		t.Run(d.name, func(t *testing.T) {
			s, four := small(t)
			res := try(t, s, grids.LevelGrids, d.do(four))
			if res.Stored {
				t.Fatal("it was stored")
			}
			got := codes(res.Flaws)
			for _, want := range d.found {
				if !slices.Contains(got, want) {
					t.Errorf("found %v, want %v among them", got, want)
				}
			}
			at := slices.ContainsFunc(res.Flaws, func(f grids.Flaw) bool { return f.Place == d.place && slices.Contains(d.found, f.Code) })
			if !at {
				t.Errorf("no flaw names %q: %v", d.place, res.Flaws)
			}
			if n := count(t, s, `select (select count(*) from grid) + (select count(*) from grid_edition)`); n != 0 {
				t.Errorf("%d rows were stored all the same", n)
			}
		})
	}
}

func TestSmallGapsAreRounding(t *testing.T) {
	s, four := small(t)
	four[0].Geometry = box(121.4, 31.6, 121.4099999999, 31.61) // 1e-10° short: about 0.01 m²
	if res := try(t, s, grids.LevelGrids, four); !res.Stored || len(res.Flaws) > 0 {
		t.Errorf("stored %v, flaws %v", res.Stored, res.Flaws)
	}
}

func TestARepairIsToldAndStored(t *testing.T) {
	s, four := small(t)
	// a spike along the border: no area, but no valid outline either
	four[0].Geometry = orb.MultiPolygon{{{{121.4, 31.6}, {121.41, 31.6}, {121.41, 31.61}, {121.4, 31.61}, {121.4, 31.605}, {121.405, 31.605}, {121.4, 31.605}, {121.4, 31.6}}}}
	res := try(t, s, grids.LevelGrids, four)
	if !res.Stored || !slices.Equal(codes(res.Flaws), []grids.FlawCode{grids.FlawRepaired}) {
		t.Fatalf("stored %v, flaws %v", res.Stored, res.Flaws)
	}
	if n := count(t, s, `select count(*) from grid where not ST_IsValid(geom)`); n != 0 {
		t.Errorf("%d invalid grids stored", n)
	}
}

func TestCodesOfTheWrongDistrict(t *testing.T) {
	s, _ := small(t)
	for _, code := range []string{"310230101000", "31015110100", "310151101001", "3101511010000"} {
		res := try(t, s, grids.LevelTowns, []grids.Area{{Code: code, Name: "x", Geometry: box(121.4, 31.6, 121.42, 31.62)}})
		if res.Stored || !slices.Contains(codes(res.Flaws), grids.FlawCodeForm) {
			t.Errorf("%s: stored %v, flaws %v", code, res.Stored, res.Flaws)
		}
	}
}

func TestEditions(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	if res := store(t, s, grids.LevelGrids, slices.Clone(four)); !res.Unchanged {
		t.Error("the same grids again made a new edition")
	}
	two := []grids.Area{four[0], {Code: "310151101W05", TownCode: "310151101000", Name: "东", Geometry: box(121.41, 31.6, 121.42, 31.62)}, four[2]}
	store(t, s, grids.LevelGrids, two)
	if n := count(t, s, `select count(*) from grid_edition where state = 'superseded'`); n != 1 {
		t.Errorf("%d superseded editions, want 1", n)
	}
	c, err := s.Read(t.Context(), grids.Versions{}, ground)
	if err != nil || len(c.Territory.Grids) != 3 {
		t.Errorf("the published edition has %d grids (%v), want 3", len(c.Territory.Grids), err)
	}
	list := c.Territory.Editions
	if len(list) != 2 || list[0] != c.Territory.Edition || list[0].Grids != 3 || list[1].State != grids.Superseded || list[1].Grids != 4 {
		t.Fatalf("editions %+v", list)
	}
	old, err := s.EditionGrids(t.Context(), grids.Serving, list[1].ID)
	if err != nil || len(old) != 4 || old[0].Code != "310151101W01" || len(old[0].Geometry) == 0 {
		t.Errorf("the older edition: %v (%v)", old, err)
	}
}

func TestADryRunStoresNothing(t *testing.T) {
	s, four := small(t)
	before, err := s.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.ImportAreas(t.Context(), grids.Operator, grids.AreaImport{Level: grids.LevelGrids, Areas: four, Family: grids.DrugControl, ToleranceM2: 10, DryRun: true})
	if err != nil || res.Stored || len(res.Flaws) > 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	after, err := s.Versions(t.Context())
	if err != nil || !before.Same(after) {
		t.Errorf("the versions moved from %v to %v (%v)", before, after, err)
	}
}

func TestATownInUseIsNotLost(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	_, err := s.ImportAreas(t.Context(), grids.Operator, grids.AreaImport{Level: grids.LevelTowns, ToleranceM2: 10,
		Areas: []grids.Area{{Code: "310151102000", Name: "另一镇", Geometry: box(121.4, 31.6, 121.42, 31.62)}}})
	if grids.KindOf(err) != grids.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}
