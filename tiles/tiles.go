// Package tiles turns what the district's layers hold into Mapbox Vector Tiles (MVT 2.1) without asking a database.
//
// A [Layer] is a row of the catalogue: its name, fields and zoom range, and the SQL that reads it. What a layer holds
// at one moment is a [Snapshot]: immutable, projected once, in a tree, its attributes already encoded; the next one shares all
// that did not change. Casework comes as a [Cube], from which sheets of H3 hexagons are cut by period and kind, after
// disclosure. A [Set] joins the current snapshots and the cube, cuts tiles, and keeps the bytes until the ground under them changes.
//
// Positions come in as EPSG:4326 (lon, lat) and are kept as package lattice describes: the same vertex falls on the same
// lattice point in every tile and for every polygon that shares it, and neighbours stay aligned.
package tiles

import (
	"crypto/md5"
	"embed"
	"encoding/binary"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
)

// The tile pyramid: XYZ numbering, row 0 in the north, as in the map clients.
const (
	MinZoom = 0
	MaxZoom = 16
	Extent  = 4096 // units along the side of a tile
	Buffer  = 128  // units of overlap on every side: 16 px of a 512-px tile, wider than any line a style draws
)

// Field is one attribute of a layer's features. It is absent from a feature whose value is unknown or not shown.
type Field struct {
	Name  string     `json:"name"`
	Type  string     `json:"type"` // "number", "string" or "boolean", as TileJSON has it
	Title grids.Text `json:"title"`
	Unit  string     `json:"unit"` // such as km² or 1/km²; "" for none
}

// Layer is a row of the catalogue.
type Layer struct {
	Name     string
	Title    grids.Text
	Geometry string // "polygon", "point" or "mixed"
	MinZoom  int    // first zoom at which tiles hold it
	MaxZoom  int
	Subjects []grids.Subject // what it is made of: a change of any of them changes the layer
	Fields   []Field
	Filtered bool // takes a Filter: its features depend on the period and the kinds asked for
	// Partition says that its polygons share their borders: they are simplified together, so that neighbours stay aligned
	// and no gap opens.
	Partition bool
}

// mixed reports whether the layer has points and polygons, so that a polygon may become a point.
func (l Layer) mixed() bool { return l.Geometry == "mixed" }

// The layers that come from the cube of casework instead of a table.
const (
	Heat     = "heat"     // the hexagons of a period and kinds, with their counts
	Hexagons = "hexagons" // the hexagons that Heat may have in any period: their geometry alone
)

func fromCube(layer string) bool { return layer == Heat || layer == Hexagons }

// Findings is the name of the layer whose plots become points where they are too small to see.
const Findings = "findings"

//go:embed all:layers
var layerFiles embed.FS

// SQL is the query that reads the layer of that name; false when the layer has none of its own.
func SQL(layer string) (string, bool) {
	b, err := layerFiles.ReadFile("layers/" + layer + ".sql")
	return string(b), err == nil
}

// Find is the catalogue row of that name.
func Find(name string) (Layer, bool) {
	i := slices.IndexFunc(catalogue, func(l Layer) bool { return l.Name == name })
	if i < 0 {
		return Layer{}, false
	}
	return catalogue[i], true
}

// FindingID is the feature id of the finding of that id, as layers/findings.sql computes it.
func FindingID(id string) uint64 {
	sum := md5.Sum([]byte(id))
	return binary.BigEndian.Uint64(sum[:8]) >> 12
}

// Over lists the tiles of zoom z that meet a box in degrees, as requests without layers.
func Over(b orb.Bound, z int) (out []Request) {
	nw, se := maptile.At(orb.Point{b.Min[0], b.Max[1]}, maptile.Zoom(z)), maptile.At(orb.Point{b.Max[0], b.Min[1]}, maptile.Zoom(z))
	for x := nw.X; x <= se.X; x++ {
		for y := nw.Y; y <= se.Y; y++ {
			out = append(out, Request{Z: z, X: int(x), Y: int(y)})
		}
	}
	return out
}

// Names lists the catalogue's names in draw order. The slice is the caller's own.
func Names() []string {
	out := make([]string, len(catalogue))
	for i, l := range catalogue {
		out[i] = l.Name
	}
	return out
}
