package mesh

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/paulmach/orb"

	"wangge/geoserver/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// demo reads the zones of one demo file, coded by "code" or, for plots, by "id".
func demo(t testing.TB, file string) []Zone {
	t.Helper()
	return zonesOf(t, filepath.Join("..", "..", "geoserver", "demo", "chongming", file))
}

// counties reads the counties of a reference case, coded by their FIPS number.
func counties(t testing.TB, folder string) []Zone {
	t.Helper()
	return zonesOf(t, filepath.Join("testdata", folder, "input_polygons.geojson"))
}

// zonesOf reads the areas of a GeoJSON file.
func zonesOf(t testing.TB, path string) []Zone {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Features []struct {
			Properties struct {
				Code, ID string
				FIPSNO   int
			}
			Geometry struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	zones := make([]Zone, len(file.Features))
	for i, f := range file.Features {
		zones[i].Code = cmp.Or(f.Properties.Code, f.Properties.ID, strconv.Itoa(f.Properties.FIPSNO))
		var into any = &zones[i].Geometry
		if f.Geometry.Type == "Polygon" {
			zones[i].Geometry = make(orb.MultiPolygon, 1)
			into = &zones[i].Geometry[0]
		}
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			t.Fatalf("%s: feature %d: %v", path, i, err)
		}
	}
	if len(zones) == 0 {
		t.Fatalf("%s holds no features", path)
	}
	return zones
}

// table reads the rows of a CSV file of a reference case, without its header.
func table(t testing.TB, folder, file string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// cell reads a cell that the test itself wrote down.
func cell(t testing.TB, s string) Cell {
	t.Helper()
	c, err := ParseCell(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
