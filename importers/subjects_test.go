package importers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// badRow is a row of a table with one fault, and the code of the finding that tells it.
type badRow struct{ row, code string }

// checkRows reads a table of one good row and the bad ones, and compares the findings of each.
func checkRows(t *testing.T, subject, header, good string, bad []badRow) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, header)
	fmt.Fprintln(&b, good)
	for _, r := range bad {
		fmt.Fprintln(&b, r.row)
	}
	rep := reported(t, subject, b.String())
	if rep.Accepted != 1 || rep.Rejected != len(bad) || rep.Refused {
		t.Errorf("%d accepted, %d rejected, refusal %+v; want 1 and %d", rep.Accepted, rep.Rejected, rep.Refusal, len(bad))
	}
	for i, r := range bad {
		if got := codes(rep, i+3); !slices.Equal(got, []string{r.code}) {
			t.Errorf("%s: findings %v, want %s", r.row, got, r.code)
		}
	}
	for _, f := range rep.Findings {
		if f.Message.ZH == "" || f.Message.EN == "" || strings.Contains(f.Message.ZH+f.Message.EN, "%!") {
			t.Errorf("a sentence is not in order: %+v", f)
		}
	}
}

func TestCaseworkRows(t *testing.T) {
	checkRows(t, "casework", "id,kind,date,week,lon,lat,village_code,grid_code,synthetic", "A1,种植,2025-03-09,,121.25,31.35,,,是", []badRow{
		{"A2,,2025-03-09,,121.25,31.35,,,", "missing_value"},
		{"A3,种植,,,121.25,31.35,,,", "missing_value"},
		{"A4,种植,,2025-W60,121.25,31.35,,,", "bad_week"},
		{"A5,种植,,2026-W52,121.25,31.35,,,", "in_future"},
		{"A6,种植,2025-03-09,,121.25,,,,", "bad_number"},
		{"A7,种植,2025-03-09,,,,310151101009,,", "unknown_code"},
		{"A8,种植,2025-03-09,,,,,310151101W99,", "unknown_code"},
		{"A9,种植,2025-03-09,,,,310151101001,310151102W01,", "place_mismatch"},
		{"A10,种植,2025-03-09,,121.25,31.35,,,也许", "bad_flag"},
		{"A11,种植,2025-03-09,,121.25,31.35,3101511010,,", "bad_code"},
		{"A12,种植,2025-03-09,,181.25,31.35,,,", "bad_coordinate"},
		{"A13,种植,2025-03-09,,121.25,31.35,,,,,多余", "too_many_cells"},
	})
}

func TestCaseworkPlaces(t *testing.T) {
	events, rep := collected(t, Casework, "casework", "id,kind,date,lon,lat,village_code,grid_code\n"+
		"A1,种植,2025-03-09,121.25,31.35,310151102001,\n"+ // the point wins, with a warning
		"A2,种植,2025-03-09,,,,310151102W03\n"+
		"A3,种植,2025-03-09,,,310151101002,310151101W05\n")
	if len(events) != 3 || !slices.Equal(codes(rep, 2), []string{"place_mismatch"}) {
		t.Fatalf("%d events, %+v", len(events), rep)
	}
	want := []grids.CaseEvent{
		{TownCode: "310151101000", VillageCode: "310151101001", GridCode: "310151101W01", Point: &orb.Point{121.25, 31.35}, Cell: squares{}.Cell(orb.Point{121.25, 31.35})},
		{TownCode: "310151102000", GridCode: "310151102W03", Cell: squares{}.CellOf(grids.LevelGrids, "310151102W03")},
		{TownCode: "310151101000", VillageCode: "310151101002", GridCode: "310151101W05", Cell: squares{}.CellOf(grids.LevelVillages, "310151101002")},
	}
	for i, w := range want {
		e := events[i]
		if e.TownCode != w.TownCode || e.VillageCode != w.VillageCode || e.GridCode != w.GridCode || e.Cell != w.Cell || (e.Point == nil) != (w.Point == nil) {
			t.Errorf("event %d: %+v, want %+v", i, e, w)
		}
	}
}

func TestVillageStatusRows(t *testing.T) {
	const header = "村居代码,状态,起始日期,有效期至"
	checkRows(t, "village-status", header, "310151101001,示范,2025-01-01,", []badRow{
		{",示范,2025-01-01,", "missing_value"},
		{"310151101009,示范,2025-01-01,", "unknown_code"},
		{"310151101002,优秀,2025-01-01,", "unknown_word"},
		{"310151101002,示范,,", "missing_value"},
		{"310151101002,示范,2025-01-01,2024-12-31", "bad_period"},
		{"310151101002,示范,2025-01-01,明年", "bad_date"},
		{"310151101001,达标,2025.1.1,", "duplicate_id"},
	})
	got, rep := collected(t, VillageStatuses, "village-status", header+"\n310151101001,示范,2025-01-01,\n310151101001,示范,2025年1月1日,\n310151101002,达标,2026-12-01,2028-11-30\n")
	if len(got) != 2 || rep.Duplicates != 1 || !slices.Equal(codes(rep, 4), []string{"starts_later"}) {
		t.Errorf("%+v, %+v", got, rep)
	}
	changed, _ := collected(t, VillageStatuses, "village-status", header+"\n310151101001,达标,2025-01-01,2026-01-01\n")
	if changed[0].ID != got[0].ID {
		t.Error("a corrected row does not keep its id")
	}
}

func TestSurveyRows(t *testing.T) {
	const header = "grid_code,village_code,round,completion,date,就业需求,medical_needs"
	checkRows(t, "surveys", header, "310151101W01,,2025-Q3,0.85,2025-09-30,3,4", []badRow{
		{",,2025-Q3,0.85,2025-09-30,,", "no_place"},
		{"310151101W01,310151101001,2025-Q3,0.85,2025-09-30,,", "two_places"},
		{"310151101W77,,2025-Q3,0.85,2025-09-30,,", "unknown_code"},
		{"310151101W02,,,0.85,2025-09-30,,", "missing_value"},
		{"310151101W02,,2025-Q3,85,2025-09-30,,", "bad_share"},
		{"310151101W02,,2025-Q3,多数,2025-09-30,,", "bad_number"},
		{"310151101W02,,2025-Q3,0.85,2027-09-30,,", "in_future"},
		{"310151101W02,," + strings.Repeat("第", 33) + ",0.85,2025-09-30,,", "too_long"},
		{"310151101W01,,2025-Q3,0.95,2025-09-30,3,4", "duplicate_id"},
	})
	got, rep := collected(t, Surveys, "surveys", header+",备注\n310151101W01,,2025-Q3,85%,2025-09-30,3,若干,x\n,310151101002,2025-Q3,1,20250930,,,\n")
	if len(got) != 2 || !maps.Equal(got[0].Answers, map[string]float64{"就业需求": 3}) || got[0].Completion != .85 || got[1].Answers != nil || got[1].Completion != 1 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(codes(rep, 2), []string{"answer_not_number"}) || rep.Codes["unmapped_column"] != 0 || rep.Extent != nil {
		t.Errorf("%+v", rep)
	}
}

func TestFindingRows(t *testing.T) {
	checkRows(t, "findings", "id,kind,confidence,state,source,seen_at,wkt", "F1,罂粟,3,确认,航飞,2026-04-12T08:00:00+08:00,POINT(121.25 31.35)", []badRow{
		{"F2,玫瑰,3,,,2026-04-12,POINT(121.25 31.35)", "unknown_word"},
		{"F3,罂粟,4,,,2026-04-12,POINT(121.25 31.35)", "bad_confidence"},
		{"F4,罂粟,3,新,,2026-04-12,POINT(121.25 31.35)", "unknown_word"},
		{"F5,罂粟,3,,梦,2026-04-12,POINT(121.25 31.35)", "unknown_word"},
		{"F6,罂粟,3,,,某日,POINT(121.25 31.35)", "bad_time"},
		{"F7,罂粟,3,,,2026-12-24,POINT(121.25 31.35)", "in_future"},
		{"F8,罂粟,3,,,2026-04-12,", "no_place"},
		{"F9,罂粟,3,,,2026-04-12,POINT(1 2", "bad_wkt"},
		{"F10,罂粟,3,,,2026-04-12,\"LINESTRING(121.25 31.35,121.26 31.35)\"", "geometry_type"},
		{"F11,罂粟,3,,,2026-04-12,\"POLYGON((121.2 31.3,121.3 31.3,121.3 31.4,121.2 31.3))\"", "bad_finding"},
		{"F12,罂粟,3,,,2026-04-12,SRID=4549;POINT(1 2)", "bad_wkt"},
		{"F13,罂粟,3,,,2026-04-12,\"POLYGON((100 31.3,100.0003 31.3,100.0003 31.3003,100 31.3))\"", "outside_district"},
	})
	got, rep := collected(t, Findings, "findings", "kind,seen_at,wkt\n大麻,2026-04-12,\"MULTIPOLYGON(((121.25 31.35,121.2503 31.35,121.2503 31.3503,121.25 31.35)))\"\n")
	if len(got) != 1 || got[0].Geometry.GeoJSONType() != "Polygon" || got[0].Confidence != 1 || got[0].Source != grids.FromFlight || got[0].State != grids.Spotted {
		t.Fatalf("%+v, %+v", got, rep)
	}
	for _, code := range []string{"default_confidence", "default_source", "no_id", "crs_assumed"} {
		if rep.Codes[code] != 1 {
			t.Errorf("%s was told %d times", code, rep.Codes[code])
		}
	}
}

// unit is a row of territory with a square for its outline.
func unit(fields string) string {
	return fields + ",\"POLYGON((121.2 31.3,121.3 31.3,121.3 31.4,121.2 31.4,121.2 31.3))\""
}

func TestTerritoryRows(t *testing.T) {
	checkRows(t, "towns", "code,name,kind,wkt", unit("310151101,城桥镇,镇"), []badRow{
		{unit("310151102001,堡镇,镇"), "wrong_level"}, {unit("310151000000,崇明区,区"), "wrong_level"}, {unit("310115101000,某镇,镇"), "foreign_code"},
		{unit(",堡镇,镇"), "missing_value"}, {unit("310151102000,,镇"), "missing_value"}, {"310151102000,堡镇,镇,", "no_geometry"},
		{unit("310151102000,???镇,镇"), "garbled"}, {unit("310151102000," + strings.Repeat("堡", 101) + ",镇"), "too_long"}, {unit("310151101000,另一镇,镇"), "duplicate_id"},
	})
	checkRows(t, "villages", "code,town_code,name,kind,wkt", unit("310151101001,,南门居委会,居委会"), []badRow{
		{unit("310151101000,,城桥镇,镇"), "wrong_level"}, {unit("310151199001,,某村,村"), "unknown_code"}, {unit("310151101002,310151188,某村,村"), "unknown_code"},
		{unit("310151101003,31015110,某村,村"), "bad_code"},
	})
	checkRows(t, "grids", "网格编号,网格名称,镇代码,wkt", unit("W1,第一网格,310151101"), []badRow{
		{unit("W2,第二网格,"), "no_town"}, {unit("W1,第一网格,310151102"), "duplicate_id"}, {unit("3.1E+11,第三网格,310151102"), "code_scientific"},
		{unit(",第四网格,310151102"), "missing_value"}, {unit("W5,第五网格,310151777"), "unknown_code"},
	})
	checkRows(t, "district", "code,name,name_en,wkt", unit("310151,崇明区,Chongming"), []badRow{{unit("310151101000,城桥镇,"), "wrong_level"}})
}

func TestTerritoryIntoAnEmptyDistrict(t *testing.T) {
	content := "code,name,wkt\n" + unit("310151777001,新村") + "\n"
	s := opened(t, "villages", []byte(content), Options{})
	rep := NewReport(s)
	if got := slices.Collect(Villages(s, Checker{Now: noon}, rep)); len(got) != 1 || got[0].TownCode != "310151777000" {
		t.Errorf("%+v, %+v", got, rep)
	}
	got, _ := collected(t, Districts, "district", "code,name,name_en,synthetic,wkt\n"+unit("310151000000,崇明区,Chongming,true")+"\n")
	if len(got) != 1 || got[0].ID != grids.Chongming || got[0].NameEN != "Chongming" || !got[0].Synthetic || len(got[0].Geometry) != 1 {
		t.Errorf("%+v", got)
	}
	towns, _ := collected(t, Towns, "towns", "code,name,kind,wkt\n"+unit("310151101,城桥镇,镇")+"\n")
	if len(towns) != 1 || towns[0].Code != "310151101000" || towns[0].Kind != "镇" {
		t.Errorf("%+v", towns)
	}
}

func TestWrongCoordinateSystemIsGuessed(t *testing.T) {
	for _, test := range []struct{ crs, x, y, says string }{
		{"EPSG:4326", "642328.5", "3500693.6", "EPSG:4549,"}, {"EPSG:4326", "31.5", "121.5", "axes swapped"}, {"EPSG:4550", "642328.5", "3500693.6", "EPSG:4549,"},
	} {
		content := "kind,date,x,y\n" + strings.Repeat("种植,2025-03-09,"+test.x+","+test.y+"\n", 20)
		s := opened(t, "casework", []byte(content), Options{CRS: test.crs})
		rep, err := DryRun(context.Background(), s, "casework", checker)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rep.Findings, func(f Finding) bool { return f.Code == "implausible_coordinates" })
		if i < 0 || !strings.Contains(rep.Findings[i].Message.EN, test.says) || rep.Findings[i].Row != 0 {
			t.Errorf("%s %s %s: %+v, want %q", test.crs, test.x, test.y, rep.Findings[:min(3, len(rep.Findings))], test.says)
		}
	}
}

func TestEverySubjectHasADryRun(t *testing.T) {
	for _, name := range Subjects() {
		s := opened(t, name, []byte("a,b\n1,2\n"), Options{})
		rep, err := DryRun(context.Background(), s, name, checker)
		if err != nil || rep.Subject != name || !rep.Refused {
			t.Errorf("%s: %v, %+v", name, err, rep)
		}
	}
	s := opened(t, "grids", []byte("a,b\n1,2\n"), Options{})
	if _, err := DryRun(context.Background(), s, "persons", checker); grids.KindOf(err) != grids.Invalid {
		t.Errorf("unknown subject: %v", err)
	}
}

func TestEventsNeedATerritory(t *testing.T) {
	s := opened(t, "grids", []byte("kind,date,lon,lat\n种植,2025-03-09,121.5,31.5\n"), Options{})
	rep, err := DryRun(context.Background(), s, "casework", Checker{Now: noon})
	if err != nil || !rep.Refused || !strings.Contains(rep.Refusal.EN, "territory") {
		t.Errorf("%v, %+v", err, rep)
	}
	if rep, err = DryRun(context.Background(), s, "casework", checker); err != nil || rep.Accepted != 1 { // another subject than at Open
		t.Errorf("%v, %+v", err, rep)
	}
}

func TestSeenGrows(t *testing.T) {
	s := newSeen()
	for i := range 10_000 {
		key := s.hash([]byte{byte(i), byte(i >> 8)})
		if s.put(key, uint32(i)) != dataNew || s.put(key, uint32(i)) != dataSame || s.put(key, uint32(i+1)) != dataOther {
			t.Fatalf("key %d is not remembered", i)
		}
	}
	for i := range 3 {
		if n := s.count(42); n != uint32(i+1) {
			t.Errorf("count = %d, want %d", n, i+1)
		}
	}
}
