package weights

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/paulmach/orb"
)

const c01 = "../testdata/c01_weights_nc"

// table reads the rows of a CSV file, without its header.
func table(t testing.TB, folder, file string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), err)
	}
	return rows[1:]
}

// shapes reads the polygons of a GeoJSON file.
func shapes(t testing.TB, path string) []orb.MultiPolygon {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Features []struct {
			Geometry struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Features) == 0 {
		t.Fatalf("%s: %d features, %v", path, len(file.Features), err)
	}
	out := make([]orb.MultiPolygon, len(file.Features))
	for i, f := range file.Features {
		var into any = &out[i]
		if f.Geometry.Type == "Polygon" {
			out[i] = make(orb.MultiPolygon, 1)
			into = &out[i][0]
		}
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			t.Fatalf("%s: feature %d: %v", path, i, err)
		}
	}
	return out
}

func float(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// links reads i, j and, from column w if that is not negative, weights, of the rows that pass, into n sorted rows.
func links(t testing.TB, rows [][]string, n, i, w int, pass func([]string) bool) [][]Link {
	t.Helper()
	out := make([][]Link, n)
	for _, r := range rows {
		if pass != nil && !pass(r) {
			continue
		}
		from, to := int(float(t, r[i]))-1, int(float(t, r[i+1]))-1
		l := Link{To: to, Weight: 1}
		if w >= 0 {
			l.Weight = float(t, r[w])
		}
		out[from] = append(out[from], l)
	}
	for _, r := range out {
		slices.SortFunc(r, func(a, b Link) int { return a.To - b.To })
	}
	return out
}

// built makes weights that the test expects to be possible.
func built(t testing.TB, s Spec, u Units) *Built {
	t.Helper()
	b, err := Build(t.Context(), s, u)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return b
}

// with is a default spec of style B, changed.
func with(k Kind, change func(*Spec)) Spec {
	s := Default(k)
	s.Style = B
	if change != nil {
		change(&s)
	}
	return s
}

// agrees holds a matrix to the links and weights expected, and gives the largest relative deviation.
func agrees(t *testing.T, name string, m *Matrix, want [][]Link) {
	t.Helper()
	worst := 0.0
	for i, row := range want {
		to, w := m.Row(i)
		if len(to) != len(row) {
			t.Fatalf("%s: unit %d has the neighbours %v, want %v", name, i, to, row)
		}
		for at, l := range row {
			if int(to[at]) != l.To {
				t.Fatalf("%s: unit %d has the neighbours %v, want %v", name, i, to, row)
			}
			worst = max(worst, math.Abs(w[at]/l.Weight-1))
		}
	}
	if worst > 1e-12 {
		t.Errorf("%s: weights are off by %.2g", name, worst)
	}
	t.Logf("%s: %d links, weights within %.2g", name, m.Links(), worst)
}

func TestNeighboursAgreeWithTheReference(t *testing.T) {
	planar := Units{Polygons: shapes(t, c01+"/input_epsg32119.geojson")}
	degrees := Units{Polygons: shapes(t, c01+"/input.geojson")}
	for _, row := range table(t, c01, "expected_centroids_epsg32119.csv") {
		planar.Centroids = append(planar.Centroids, orb.Point{float(t, row[1]), float(t, row[2])})
	}
	n := planar.N()
	reach, err := ReachM(planar.Centroids)
	if err != nil || math.Abs(reach/41026.832250352476-1) > 1e-12 {
		t.Errorf("the longest distance to a nearest neighbour is %v, %v", reach, err)
	}
	snap := func(m float64) func(*Spec) { return func(s *Spec) { s.SnapM = m } }
	order := func(k int) func(*Spec) { return func(s *Spec) { s.Order = k } }
	for _, tt := range []struct {
		file   string
		spec   Spec
		units  Units
		weight int // column
	}{
		{"expected_queen.csv", with(Queen, nil), planar, -1},
		{"expected_queen.csv", with(Queen, snap(0)), planar, -1},
		{"expected_queen.csv", with(Queen, snap(50)), planar, -1},
		{"expected_queen.csv", with(Queen, snap(1.49e-8)), degrees, -1},
		{"expected_queen.csv", with(Queen, snap(0)), degrees, -1},
		{"expected_rook.csv", with(Rook, nil), planar, -1},
		{"expected_rook.csv", with(Rook, snap(0)), planar, -1},
		{"expected_rook.csv", with(Rook, snap(50)), planar, -1},
		{"expected_rook.csv", with(Rook, snap(1.49e-8)), degrees, -1},
		{"expected_rook.csv", with(Rook, snap(0)), degrees, -1},
		{"expected_queen_lag2.csv", with(Queen, order(2)), planar, -1},
		{"expected_queen_lag3.csv", with(Queen, order(3)), planar, -1},
		{"expected_knn1.csv", with(KNN, func(s *Spec) { s.K = 1 }), planar, -1},
		{"expected_knn4.csv", with(KNN, nil), planar, -1},
		{"expected_knn8.csv", with(KNN, func(s *Spec) { s.K = 8 }), planar, -1},
		{"expected_distband_50km.csv", with(Band, func(s *Spec) { s.BandM = 50_000 }), planar, -1},
		{"expected_distband_max1nn.csv", with(Band, func(s *Spec) { s.BandM = reach }), planar, -1},
		{"expected_idw_50km_W.csv", with(Inverse, func(s *Spec) { s.BandM, s.Style = 50_000, W }), planar, 4},
	} {
		want := links(t, table(t, c01, tt.file), n, 0, tt.weight, nil)
		agrees(t, tt.file, built(t, tt.spec, tt.units).Matrix, want)
	}
}

func TestStylesAgreeWithTheReference(t *testing.T) {
	u := Units{Polygons: shapes(t, c01+"/input_epsg32119.geojson")}
	rows := table(t, c01, "expected_queen_weight_styles.csv")
	summary := map[string]float64{}
	for _, r := range table(t, c01, "expected_summary.csv") {
		summary[r[0]] = float(t, r[1])
	}
	for _, style := range []Style{B, W, C, U, S} {
		b := built(t, with(Queen, func(s *Spec) { s.Style = style }), u)
		want := links(t, rows, u.N(), 1, 5, func(r []string) bool { return r[0] == string(style) })
		agrees(t, "style "+string(style), b.Matrix, want)
		for name, got := range map[string]float64{"S0_": b.Sums.S0, "S1_": b.Sums.S1, "S2_": b.Sums.S2} {
			if want, given := summary[name+string(style)]; given && math.Abs(got/want-1) > 1e-12 {
				t.Errorf("%s%s is %v, want %v", name, style, got, want)
			}
		}
		if float64(b.Links) != summary["queen_links"] || !b.Symmetric || b.Isolates != nil {
			t.Errorf("%d links, symmetric %v, isolates %v", b.Links, b.Symmetric, b.Isolates)
		}
	}
}

func TestCentroidsAgreeWithTheReference(t *testing.T) {
	worst := 0.0
	polygons := shapes(t, c01+"/input_epsg32119.geojson")
	for i, row := range table(t, c01, "expected_centroids_epsg32119.csv") {
		c, ok := Centroid(polygons[i])
		if !ok {
			t.Fatalf("county %d has no centroid", i)
		}
		worst = max(worst, math.Abs(c[0]-float(t, row[1])), math.Abs(c[1]-float(t, row[2])))
	}
	if worst > 1e-6 {
		t.Errorf("centroids are off by %.2g m", worst)
	}
	t.Logf("centroids within %.2g m", worst)
}
