package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms is the drawing of the house: which package may know which of ours, and which of the fenced modules.
// Standard library and unfenced modules are free.
var rooms = map[string][]string{
	"geoserver":     {"*"},
	"geoserver/api": {"geoserver/accounts", "geoserver/gate", "geoserver/analysis", "geoserver/book", "geoserver/live", "grids", "grids/mesh", "grids/risk", "grids/disclosure", "tiles", "styles", "importers"},
	// the statistics of what the server holds in memory, as one shape of answer
	"geoserver/analysis": {"geoserver/live", "grids", "grids/mesh", "grids/disclosure", "grids/risk", "grids/risk/areal", "grids/risk/autocorr", "grids/risk/interaction", "grids/risk/kde",
		"grids/risk/predict", "grids/risk/rates", "grids/risk/scan", "grids/risk/stat", "grids/risk/trend", "grids/risk/weights", "importers/crs"},
	"geoserver/book":              {"geoserver/analysis", "grids", "grids/risk/stat", "github.com/xuri/excelize/v2"},  // results as tables that leave the house
	"geoserver/accounts":          {"geoserver/accounts/password", "geoserver/gate", "grids"},                         // who asks, and what each route needs
	"geoserver/accounts/password": {"grids"},                                                                          // hashes, choice and guessing
	"geoserver/oidc":              {"grids", "geoserver/gate", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}, // signing in at services of others
	"geoserver/gate":              {"grids"},                                                                          // what stands before every route, whatever it is about
	// what the server holds in memory; apart from main so that the handlers can be tested without a database
	"geoserver/live":           {"grids", "grids/mesh", "grids/risk", "grids/disclosure", "tiles"},
	"geoserver/localpg":        {"grids", "github.com/jackc/pgx/v5"}, // it must ask its own cluster whether it is up
	"geoserver/localpg/pgtest": {"grids", "geoserver/localpg", "github.com/jackc/pgx/v5"},
	"geoserver/demo":           {"grids"},
	"geoserver/bench":          {"grids"}, // addresses and bytes: it can measure any server
	"grids":                    {},
	"grids/mesh":               {"grids", "github.com/uber/h3-go/v4"},
	"grids/disclosure":         {"grids", "grids/mesh"},
	"grids/risk":               {"grids", "grids/mesh", "grids/disclosure", "grids/risk/stat"}, // the composite index; its rooms are the statistics, a family of methods each
	"grids/risk/stat":          {},                                                             // what all statistics share
	"grids/risk/weights":       {"grids", "grids/mesh", "grids/risk/stat"},
	"grids/risk/areal":         {"grids", "grids/risk/stat"},
	"grids/risk/autocorr":      {"grids", "grids/risk/stat", "grids/risk/weights"},
	"grids/risk/interaction":   {"grids", "grids/risk/stat"},
	"grids/risk/kde":           {"grids", "grids/risk/stat"},
	"grids/risk/predict":       {"grids", "grids/risk/stat"},
	"grids/risk/rates":         {"grids", "grids/risk/stat", "grids/risk/weights"},
	"grids/risk/scan":          {"grids", "grids/risk/stat"},
	"grids/risk/trend":         {"grids", "grids/risk/autocorr", "grids/risk/stat", "grids/risk/weights"}, // the exact tails of Gi*
	"grids/postgis":            {"grids", "github.com/jackc/pgx/v5", "github.com/jackc/tern/v2", "github.com/riverqueue/river", "github.com/twpayne/go-geom"},
	"tiles":                    {"grids", "grids/mesh", "grids/risk", "grids/disclosure", "tiles/lattice", "tiles/simplify"},
	"tiles/lattice":            {}, // outlines in whole numbers: clipped, checked, mended
	"tiles/simplify":           {}, // which corners of a partition are drawn from which zoom
	"styles":                   {"grids", "tiles", "styles/vision"},
	"styles/vision":            {}, // how far colours are apart for the eyes that look at a map
	"importers":                {"grids", "importers/crs", "importers/sandbox"},
	"importers/crs":            {"grids"},
	"importers/sandbox":        {"grids", "importers/sandbox/wire"}, // the parent's side of the child
	"importers/sandbox/wire":   {},                                  // what the two say to each other
	"importers/reader":         {"importers/sandbox/wire"},          // the child: the only room with GDAL, through its C interface
	"web-map":                  {},
}

// fenced modules may be imported in the one room that names them.
var fenced = []string{"github.com/jackc/pgx/v5", "github.com/jackc/tern/v2", "github.com/riverqueue/river", "github.com/twpayne/go-geom", "github.com/uber/h3-go/v4",
	"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/xuri/excelize/v2"}

func TestEveryImportIsInTheDrawing(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "wangge/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		room := strings.TrimPrefix(p.ImportPath, "wangge/")
		may, drawn := rooms[room]
		if !drawn {
			t.Errorf("the package %s is not in the drawing", room)
			continue
		}
		for _, imp := range p.Imports {
			if !allowed(may, imp) {
				t.Errorf("%s imports %s: no such arrow in the drawing", room, imp)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("the drawing has %d rooms, the house %d", len(rooms), seen)
	}
}

func allowed(may []string, imp string) bool {
	if ours, found := strings.CutPrefix(imp, "wangge/"); found {
		return slices.Contains(may, ours) || slices.Contains(may, "*") && ours != "geoserver"
	}
	for _, f := range fenced {
		if imp == f || strings.HasPrefix(imp, f+"/") {
			return slices.Contains(may, f)
		}
	}
	return true
}
