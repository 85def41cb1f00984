package book

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"wangge/geoserver/analysis"
	"wangge/grids"
	"wangge/grids/risk/stat"
)

func ptr[T any](v T) *T { return &v }

// aResult is a result with something of everything.
func aResult() (grids.Run, analysis.Result) {
	run := grids.Run{ID: grids.NewID(), Class: grids.ClassCommand, Actor: "commander", Hash: "ab12", AskedAt: time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC)}
	return run, analysis.Result{
		Method: "hotspots", Title: grids.Text{ZH: "热点", EN: "Hot spots"}, Level: "villages", Period: "2023-01..2025-12", Edition: "2024", Data: "d1", Class: "command", K: 3, Synthetic: true,
		Request: analysis.Defaults(),
		Meta:    []stat.Meta{{Method: "gi", Version: "1", Source: "Ord and Getis 1995, eq. 14", Weights: "beef", Params: map[string]any{"alpha": .05, "kernel": map[string]any{"shape": "gaussian"}, "areas": []float64{.01, .1}}, Seed: 310151, Used: 3, Dropped: map[stat.Reason]int{stat.Isolate: 1}}},
		Legend:  []analysis.Entry{{ID: "hot99", Title: grids.Text{ZH: "热点 99 %", EN: "hot spot, 99 %"}, N: 1}, {ID: "q1", Title: grids.Text{ZH: "低", EN: "low"}, From: ptr(0.), To: ptr(.1)}},
		Columns: []analysis.Column{{ID: "value", Title: grids.Text{ZH: "数量", EN: "Number"}}, {ID: "share", Title: grids.Text{ZH: "份额", EN: "Share"}, Unit: "%"}},
		Units: []analysis.Unit{
			{Code: "310151101001", Name: "=HYPERLINK(\"http://x\")", Town: "310151101000", Class: "hot99", Values: []*float64{ptr(1. / 3), ptr(math.SmallestNonzeroFloat64)}, Series: []float64{1, 2},
				Parts: []analysis.Part{{Title: grids.Text{ZH: "案件", EN: "casework"}, Value: ptr(.1), Contribution: .2}}},
			{Code: "310151101002", Name: "+1 & <b>", Town: "310151101000", Class: "insufficient", Values: []*float64{nil, nil}, Why: stat.Isolate},
			{Code: "310151101003", Name: "-@x", Town: "", Class: "", Values: []*float64{ptr(math.MaxFloat64), ptr(-2.5e-17)}},
		},
		Facts:   []analysis.Fact{{ID: "i", Title: grids.Text{ZH: "莫兰 I", EN: "Moran's I"}, Value: ptr(math.Nextafter(.3, 1))}},
		Notes:   []analysis.Note{{Level: "warning", Text: grids.Text{ZH: "注意", EN: "mind"}}},
		Circles: []analysis.Circle{{Rank: 1, Lon: 121.4, Lat: 31.6, RadiusM: 1234.5678901234567, Codes: []string{"310151101001", "310151101003"}, Observed: 9, Expected: 2.1, Ratio: ptr(4.3), LLR: 7.7, P: ptr(.001), Certain: true}},
		Surface: &analysis.Surface{NX: 2, NY: 1, Values: []*float32{nil, ptr(float32(.1))}, Unit: "/km²"},
		Periods: []string{"2024", "2025"},
		Curves:  []analysis.Curve{{ID: "index", Title: grids.Text{ZH: "指数", EN: "index"}, Area: []float64{0, 1}, Hits: []float64{0, 1}, Points: []analysis.Judged{{Area: .1, Hits: 3, Of: 10, HitRate: ptr(.3), PAI: ptr(3.)}}}},
		Matrix:  &analysis.Matrix{RowTitle: grids.Text{ZH: "距离", EN: "distance"}, ColTitle: grids.Text{ZH: "时间", EN: "time"}, Rows: []string{"0–250"}, Cols: []string{"0–7"}, Cells: [][]analysis.Cell{{{Observed: 4, Expected: ptr(1.5), Certain: true}}}},
	}
}

func named(code string) string {
	if code == "310151101000" {
		return "城桥镇"
	}
	return code
}

// readBack is a workbook as it was stored: rows of every sheet, without number formats.
func readBack(t testing.TB, b Book) (f *excelize.File, sheets map[string][][]string) {
	t.Helper()
	text, err := b.XLSX()
	if err != nil {
		t.Fatal(err)
	}
	if f, err = excelize.OpenReader(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	sheets = map[string][][]string{}
	for _, name := range f.GetSheetList() {
		if sheets[name], err = f.GetRows(name, excelize.Options{RawCellValue: true}); err != nil {
			t.Fatal(err)
		}
	}
	return f, sheets
}

// cellAt is a cell of rows that end with their last text.
func cellAt(rows [][]string, row, column int) string {
	if row >= len(rows) || column >= len(rows[row]) {
		return ""
	}
	return rows[row][column]
}

func TestTheWorkbookHoldsTheResultBitForBit(t *testing.T) {
	run, r := aResult()
	f, sheets := readBack(t, Of(run, r, "zh", named))
	if got, want := f.GetSheetList(), []string{"单元", "参数", "聚集圈", "近重复", "预测检验", "密度面", "聚集圈内单元", "时间序列", "构成", "命中曲线"}; !slices.Equal(got, want) {
		t.Errorf("sheets %v, want %v", got, want)
	}
	units := sheets["单元"]
	if want := []string{"编码", "名称", "乡镇", "类别代码", "类别", "数量", "份额 (份额 0–1)", "原因代码", "无数值的原因"}; !slices.Equal(units[0], want) {
		t.Errorf("headings %v, want %v", units[0], want)
	}
	for i, u := range r.Units {
		for j, want := range u.Values {
			text := cellAt(units, i+1, 5+j)
			if want == nil {
				if text != "" {
					t.Errorf("%s has %q where there is no figure", u.Code, text)
				}
				continue
			}
			if got, err := strconv.ParseFloat(text, 64); err != nil || math.Float64bits(got) != math.Float64bits(*want) {
				t.Errorf("%s has %q, want %v", u.Code, text, *want)
			}
		}
		if cellAt(units, i+1, 0) != u.Code || cellAt(units, i+1, 1) != u.Name {
			t.Errorf("unit %d is %v, want %s %s", i, units[i+1], u.Code, u.Name)
		}
	}
	if cellAt(units, 1, 2) != "城桥镇" || cellAt(units, 1, 4) != "热点 99 %" || cellAt(units, 2, 7) != "isolate" || cellAt(units, 2, 8) != "没有相邻单元" {
		t.Errorf("words of %v", units[1:])
	}
	for cell, want := range map[string]excelize.CellType{"A2": excelize.CellTypeSharedString, "B2": excelize.CellTypeSharedString, "F2": excelize.CellTypeUnset} {
		if got, err := f.GetCellType("单元", cell); err != nil || got != want {
			t.Errorf("%s has the type %v (%v), want %v", cell, got, err, want)
		}
	}
	if formula, err := f.GetCellFormula("单元", "B2"); err != nil || formula != "" {
		t.Errorf("a name became the formula %q (%v)", formula, err)
	}
	if got, want := sheets["密度面"][1], []string{"1", "0", "0.1"}; !slices.Equal(got, want) {
		t.Errorf("the surface has %v, want %v", got, want)
	}
	if got, want := sheets["聚集圈内单元"][1:], [][]string{{"1", "310151101001"}, {"1", "310151101003"}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the units of the circle are %v, want %v", got, want)
	}
}

func TestTheWorkbookSaysHowTheResultWasMade(t *testing.T) {
	run, r := aResult()
	_, sheets := readBack(t, Of(run, r, "en", named))
	said := map[string]string{}
	for _, row := range sheets["Parameters"][1:] {
		said[cellAt([][]string{row}, 0, 0)] = cellAt([][]string{row}, 0, 1)
	}
	for what, want := range map[string]string{"Title": "Hot spots", "Period": "2023-01..2025-12", "Level": "villages", "Edition of the grids": "2024", "Data": "d1", "Class of disclosure": "command",
		"Smallest count told (k)": "3", "Run": run.ID.String(), "SHA-256 of the result": "ab12", "Asked by": "commander", "Asked at": "2026-05-01T02:03:04Z", "Synthetic data": "1", "Attribution": grids.Attribution,
		"request kernel.bandwidth": analysis.Defaults().Kernel.Bandwidth, "request seed": "310151", "Method": "gi", "Version": "1", "Source": "Ord and Getis 1995, eq. 14", "Seed": "310151", "Hash of the weights": "beef", "Units or events used": "3",
		"dropped: no neighbours": "1", "parameter alpha": "0.05", "parameter kernel.shape": "gaussian", "parameter areas": "[0.01,0.1]", "Moran's I": "0.30000000000000004", "Note": "mind", "legend hot spot, 99 %": "1"} {
		if got, there := said[what]; !there || got != want && (what != "Synthetic data" || got != "TRUE") {
			t.Errorf("%s is %q (%v), want %q", what, got, there, want)
		}
	}
}

func TestTheCSVHoldsTheTableAlone(t *testing.T) {
	run, r := aResult()
	text := string(Of(run, r, "en", named).CSV())
	if !strings.HasPrefix(text, "\ufeffcode,name,town,class,class_title,value,share,why,reason\n") {
		t.Errorf("it begins with %.80q", text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(r.Units)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got, want := rows[1], []string{"310151101001", `'=HYPERLINK("http://x")`, "城桥镇", "hot99", "hot spot, 99 %", "0.3333333333333333", "5e-324", "", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if rows[2][1] != "'+1 & <b>" || rows[2][8] != "no neighbours" || rows[3][1] != "'-@x" || rows[3][6] != "-2.5e-17" {
		t.Errorf("%q", rows[2:])
	}
}

// What has no units is told by its own table, and what has none by its figures.
func TestTheFirstTableIsTheOneThatThereIs(t *testing.T) {
	run, whole := aResult()
	for want, r := range map[string]analysis.Result{
		"col,": {Matrix: whole.Matrix}, "id,curve,area,hits,of,": {Curves: whole.Curves}, "column,row,value": {Surface: whole.Surface}, "id,name,value,": {Facts: whole.Facts}, "id,name,value,unit": {},
	} {
		if got := string(Of(run, r, "zh", named).CSV()); !strings.Contains(got, want) {
			t.Errorf("%q has no %q", got, want)
		}
	}
}

// Any figure and any text come back as they were.
func TestAnythingComesBackFromTheWorkbook(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Float64().Filter(func(n float64) bool { return !math.IsInf(n, 0) && !math.IsNaN(n) }).Draw(rt, "n")
		name := strings.TrimSpace(rapid.StringOfN(rapid.RuneFrom([]rune("=+-@'\"<>&_x000D 甲乙\t")), 1, 20, -1).Draw(rt, "name"))
		run, r := aResult()
		r = analysis.Result{Columns: r.Columns[:1], Units: []analysis.Unit{{Code: "c", Name: name, Values: []*float64{&n}}}}
		f, sheets := readBack(t, Of(run, r, "zh", named))
		text := cellAt(sheets["单元"], 1, 5)
		if got, err := strconv.ParseFloat(text, 64); err != nil || math.Float64bits(got) != math.Float64bits(n) {
			rt.Errorf("%q for %v", text, n)
		}
		if got := cellAt(sheets["单元"], 1, 1); got != name {
			rt.Errorf("%q for %q", got, name)
		}
		if formula, _ := f.GetCellFormula("单元", "B2"); formula != "" {
			rt.Errorf("%q became the formula %q", name, formula)
		}
	})
}

// Beside a power of two the shortest text of a number is no rounding of it.
func TestDecimalsBringANumberBack(t *testing.T) {
	for v, want := range map[float64]int{5.960464477539063e-08: 24, .1: 1, 3: 0, 1e300: 0, -2.5: 1, 0: 0} {
		n := decimalsOf(v)
		if back, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', n, 64), 64); err != nil || back != v || n != want {
			t.Errorf("%v with %d decimals, want %d, comes back as %v", v, n, want, back)
		}
	}
}

func TestFlatListsEveryValueByItsPath(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{"b":{"c":1,"a":"x"},"a":[1,"y"],"z":null}`), &v); err != nil {
		t.Fatal(err)
	}
	want := []field{{"a", `[1,"y"]`}, {"b.a", "x"}, {"b.c", 1.}, {"z", nil}}
	if got := flat("", v); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A result of another edition of the grids says of each unit whether its figures are interpolated, and from where they came.
func TestTheTableOfAnotherEdition(t *testing.T) {
	run, r := aResult()
	r.Other = &analysis.Other{ID: grids.NewID().String(), Name: "2023", OnMap: "2024", Crosswalk: "0123456789abcdef", Units: 1, Interpolated: .25}
	r.Units[0].Interpolated = true
	b := Of(run, r, "en", named)
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b.CSV(), []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := len(rows[0]) - 1
	for i, want := range []string{"interpolated", "true", "false", "false"} {
		if rows[i][last] != want {
			t.Errorf("row %d ends with %q, want %q", i, rows[i][last], want)
		}
	}
	_, sheets := readBack(t, b)
	if !slices.ContainsFunc(sheets["Parameters"], func(row []string) bool { return len(row) > 1 && row[1] == r.Other.Crosswalk }) {
		t.Error("the parameters do not name the crosswalk")
	}
	if got := cellAt(sheets["Units"], 0, last); got != "Interpolated" {
		t.Errorf("the workbook's last column is %q", got)
	}
}
