package importers

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wangge/grids"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is the time the tests are run at.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, grids.Shanghai)

// squares is a district of 0.1° squares, each a grid and a village, the rows of squares being towns.
type squares struct{}

var squareBox = orb.Bound{Min: orb.Point{121.2, 31.3}, Max: orb.Point{121.9, 31.8}}

func (squares) Locate(p orb.Point) (town, village, grid grids.Code, ok bool) {
	if !squareBox.Contains(p) {
		return "", "", "", false
	}
	x, y := min(int((p[0]-121.2)*10), 6), min(int((p[1]-31.3)*10), 4)
	c := squareCodes[y*7+x]
	return c[0], c[1], c[2], true
}

// squareCodes are town, village and grid of each square, from the south west.
var squareCodes = func() (codes [35][3]grids.Code) {
	for i := range codes {
		town := fmt.Sprintf("31015110%d000", i/7+1)
		codes[i] = [3]grids.Code{town, fmt.Sprintf("%s00%d", town[:9], i%7+1), fmt.Sprintf("%sW0%d", town[:9], i%7+1)}
	}
	return codes
}()

func (q squares) Village(code grids.Code) (town, grid grids.Code, ok bool) {
	if len(code) != 12 || !q.Town(code[:9]+"000") || code[9:11] != "00" || code[11] < '1' || code[11] > '7' {
		return "", "", false
	}
	return code[:9] + "000", code[:9] + "W0" + code[11:], true
}

func (q squares) Grid(code grids.Code) (town grids.Code, ok bool) {
	if len(code) != 12 || code[9:11] != "W0" {
		return "", false
	}
	town, _, ok = q.Village(code[:9] + "00" + code[11:])
	return town, ok
}

func (squares) Town(code grids.Code) bool {
	return len(code) == 12 && strings.HasPrefix(code, "31015110") && code[8] >= '1' && code[8] <= '5' && code[9:] == "000"
}

func (squares) CellOf(l grids.Level, c grids.Code) int64 { return int64(len(l)+len(c)) << 8 }

func (squares) Cell(p orb.Point) int64 { return int64(p[0]*1e6)<<32 | int64(p[1]*1e6) }

var checker = Checker{Places: squares{}, Now: noon}

// written writes a file and returns its path.
func written(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened opens content as a file.
func opened(t testing.TB, subject string, content []byte, o Options) *Source {
	t.Helper()
	o.Subject = subject
	s, err := Open(context.Background(), written(t, content), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reported checks content as a file.
func reported(t testing.TB, subject, content string) *Report {
	t.Helper()
	s := opened(t, subject, []byte(content), Options{Name: "file"})
	rep, err := DryRun(context.Background(), s, subject, checker)
	if err != nil {
		t.Fatalf("DryRun: %v", err)
	}
	return rep
}

// collected reads every noun of a file.
func collected[T any](t testing.TB, read func(*Source, Checker, *Report) iter.Seq[T], subject, content string) ([]T, *Report) {
	t.Helper()
	s := opened(t, subject, []byte(content), Options{Name: "file"})
	rep := NewReport(s)
	return slices.Collect(read(s, checker, rep)), rep
}

// codes are the codes of the findings of a row.
func codes(rep *Report, row int) (out []string) {
	for _, f := range rep.Findings {
		if f.Row == row {
			out = append(out, f.Code)
		}
	}
	return out
}

// gb18030 encodes a text as Chinese Windows does.
func gb18030(t testing.TB, s string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden compares a value as JSON with testdata/name.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(bytes.ReplaceAll(got, []byte(`\u003c`), []byte("<")), '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it, then run with -update:\n%s", path, got)
	}
}

// tenBad is a file of casework as offices send it, with twelve good rows and ten bad ones of ten kinds.
const tenBad = "案件编号,类别,发生日期,经度,纬度,村居代码,备注\r\n" +
	"A001,贩运,2025-03-09,121.25,31.35,,\r\n" +
	"A002,种植,2025.4.12,121.35,31.45,310151102002,\r\n" +
	"A003,持有毒品,2025年4月12日,,,310151101001,\r\n" +
	"A004,举报,45760,121.4512,31.5512,,\r\n" +
	"A005,其他,20250412,121.5,31.6,,\"含,逗号\"\r\n" +
	"A006,抢劫,2025-03-09,121.25,31.35,,\r\n" + // 7: unknown kind
	"A007,贩运,2025-02-30,121.25,31.35,,\r\n" + // 8: no such day
	"A008,贩运,2027-01-01,121.25,31.35,,\r\n" + // 9: future
	"A009,贩运,2025-03-09,116.39,39.9,,\r\n" + // 10: outside
	"A010,贩运,2025-03-09,31.35,121.25,,\r\n" + // 11: swapped
	"A011,贩运,2025-03-09,,,3.10151E+11,\r\n" + // 12: scientific
	"A012,贩运,2025-03-09,,,310230101001,\r\n" + // 13: old code
	"A013,贩运,2025-03-09,,,,\r\n" + // 14: no place
	"A014,贩运,2025-03-09,一百二十一,31.35,,\r\n" + // 15: bad number
	"A001,种植,2025-03-09,121.25,31.35,,\r\n" + // 16: same id, other content
	"A001,贩运,2025/3/9,121.25,31.35,,\r\n" + // 17: same id, same content
	"\r\n" +
	"A015,容留,2025-W10,,,３１０１５１１０１００２,\r\n" + // 19: full width
	"合计,18,,,,,\r\n"

func TestCaseworkInGB18030WithTenBadRows(t *testing.T) {
	s := opened(t, "casework", gb18030(t, tenBad), Options{Name: "案件.csv"})
	rep := NewReport(s)
	events := slices.Collect(Casework(s, checker, rep))
	if len(events) != 6 || rep.Accepted != 6 || rep.Rejected != 10 || rep.Duplicates != 1 || rep.Rows != 17 {
		t.Errorf("%d events, %d accepted, %d rejected, %d duplicates of %d rows; want 6, 6, 10, 1 of 17",
			len(events), rep.Accepted, rep.Rejected, rep.Duplicates, rep.Rows)
	}
	for row, want := range map[int]string{7: "unknown_word", 8: "bad_date", 9: "in_future", 10: "outside_district", 11: "axes_swapped",
		12: "code_scientific", 13: "code_old", 14: "no_place", 15: "bad_number", 16: "duplicate_id", 19: "full_width", 20: "total_row"} {
		if got := codes(rep, row); !slices.Equal(got, []string{want}) {
			t.Errorf("row %d: findings %v, want %s", row, got, want)
		}
	}
	golden(t, "casework_gb18030.json", rep)
	for _, e := range events {
		if e.ID.IsZero() || e.TownCode == "" || e.VillageCode == "" || e.GridCode == "" || e.Kind.Number() == 0 || e.On == 0 {
			t.Errorf("an event is not complete: %+v", e)
		}
	}
	if e := events[5]; e.Precision != grids.ByWeek || e.On.String() != "2025-03-03" || e.VillageCode != "310151101002" {
		t.Errorf("the event by week: %+v", e)
	}
}
