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
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
	"wangge/tiles/lattice"
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

// firstZoom is where the units of the district become worth drawing: the whole of it is then 2 km a pixel and finer.
const firstZoom = 6

// catalogue is the layers in draw order, the ground first. It does not change.
var catalogue = layers()

// Layers is the catalogue in draw order, the ground first: shared, so not to be changed.
func Layers() []Layer { return catalogue }

func layers() []Layer {
	ground := []grids.Subject{grids.OnTerritory}
	all := grids.ContentSubjects()
	return []Layer{
		{Name: "land", Title: grids.Text{ZH: "陆地", EN: "Land"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: ground, Fields: []Field{}},
		{Name: "district", Partition: true, Title: grids.Text{ZH: "行政区", EN: "District"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: ground,
			Fields: []Field{codeField(), nameField(), text("name_en", "英文名称", "English name"), flag("synthetic", "演示数据", "Synthetic")}},
		{Name: "towns", Partition: true, Title: grids.Text{ZH: "乡镇", EN: "Towns"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: append(unit(text("kind", "类型", "Kind")), certifiedField())},
		{Name: "villages", Partition: true, Title: grids.Text{ZH: "村居", EN: "Villages"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: unit(text("kind", "类型", "Kind"), text("town", "乡镇", "Town"), text("town_code", "乡镇代码", "Town code"), text("status", "无毒创建状态", "Drug-free status"))},
		{Name: "grids", Partition: true, Title: grids.Text{ZH: "网格", EN: "Grids"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: append(unit(text("town", "乡镇", "Town"), text("town_code", "乡镇代码", "Town code")), certifiedField())},
		{Name: "cells", Title: grids.Text{ZH: "六边形单元", EN: "H3 cells"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: []Field{text("id", "单元编号", "Cell"), areaField(), casesField(), upToField(), stateField(), densityField(), openField(), surveyField("survey"), certifiedField(), riskField()}},
		{Name: "surveys", Partition: true, Title: grids.Text{ZH: "滚动调查", EN: "Surveys"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom,
			Subjects: []grids.Subject{grids.OnTerritory, grids.OnGrids, grids.OnSurveys},
			Fields:   []Field{codeField(), nameField(), text("round", "轮次", "Round"), surveyField("completion"), text("level", "层级", "Level")}},
		{Name: Heat, Title: grids.Text{ZH: "案件热力", EN: "Casework density"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnCasework}, Filtered: true,
			Fields: []Field{text("id", "单元编号", "Cell"), number("res", "精度", "Resolution", ""), casesField(), upToField(), densityField(), areaField()}},
		{Name: Hexagons, Title: grids.Text{ZH: "热力单元", EN: "Cells of the heat map"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnCasework},
			Fields: []Field{number("res", "精度", "Resolution", ""), areaField()}},
		{Name: Findings, Title: grids.Text{ZH: "踏查发现", EN: "Findings"}, Geometry: "mixed", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnFindings},
			Fields: []Field{text("id", "编号", "Id"), text("kind", "种类", "Kind"), text("state", "状态", "State"), number("confidence", "把握程度", "Confidence", ""),
				text("seen", "发现日期", "Seen on"), text("source", "来源", "Source"), number("area_m2", "面积", "Area", "m²"), flag("plot", "有地块轮廓", "Has an outline"),
				text("cell", "所在单元", "Cell that holds them"), number("findings", "发现数", "Findings", ""), number("findings_to", "发现数至多", "Findings at most", "")}},
		{Name: "labels", Title: grids.Text{ZH: "注记", EN: "Labels"}, Geometry: "point", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnTerritory, grids.OnGrids},
			Fields: []Field{codeField(), nameField(), text("level", "层级", "Level"), number("rank", "次序", "Rank", "")}},
	}
}

func text(name, zh, en string) Field {
	return Field{Name: name, Type: "string", Title: grids.Text{ZH: zh, EN: en}}
}
func flag(name, zh, en string) Field {
	return Field{Name: name, Type: "boolean", Title: grids.Text{ZH: zh, EN: en}}
}
func number(name, zh, en, unit string) Field {
	return Field{Name: name, Type: "number", Title: grids.Text{ZH: zh, EN: en}, Unit: unit}
}

func codeField() Field    { return text("code", "代码", "Code") }
func nameField() Field    { return text("name", "名称", "Name") }
func areaField() Field    { return number("area_km2", "面积", "Area", "km²") }
func casesField() Field   { return number("cases", "案件数", "Cases", "") }
func upToField() Field    { return number("cases_to", "案件数至多", "Cases at most", "") } // of a band
func stateField() Field   { return text("cases_state", "案件数状态", "State of the count") }
func openField() Field    { return number("findings_open", "未结发现", "Open findings", "") }
func riskField() Field    { return number("risk", "风险指数", "Risk index", "0–100") }
func densityField() Field { return number("density", "案件密度", "Case density", "1/km²") }
func certifiedField() Field {
	return number("certified_share", "无毒村居占比", "Certified share", "0–1")
}
func surveyField(name string) Field {
	return number(name, "调查完成率", "Survey completion", "0–1")
}

// unit is the fields of a unit of territory: what it is, more about it, and what was measured in it.
func unit(more ...Field) []Field {
	fields := append([]Field{codeField(), nameField()}, more...)
	return append(fields, areaField(), casesField(), upToField(), stateField(), densityField(), openField(),
		number("findings_confirmed", "已确认发现", "Confirmed findings", ""), surveyField("survey"), riskField())
}

// TileJSON describes a set of layers to a map client: https://github.com/mapbox/tilejson-spec/tree/master/3.0.0.
type TileJSON struct {
	Version      string        `json:"tilejson"`
	Name         string        `json:"name"`
	Scheme       string        `json:"scheme"`
	Tiles        []string      `json:"tiles"`
	VectorLayers []VectorLayer `json:"vector_layers"`
	Bounds       [4]float64    `json:"bounds"` // west, south, east, north, degrees
	Center       [3]float64    `json:"center"` // lon, lat, zoom
	MinZoom      int           `json:"minzoom"`
	MaxZoom      int           `json:"maxzoom"`
	Attribution  string        `json:"attribution"`
}

// VectorLayer is a layer in a TileJSON.
type VectorLayer struct {
	ID          string            `json:"id"`
	Description string            `json:"description"`
	MinZoom     int               `json:"minzoom"`
	MaxZoom     int               `json:"maxzoom"`
	Fields      map[string]string `json:"fields"` // type by name
}

// attribution is what the licence of the outlines asks for.
const attribution = `<a href="https://www.openstreetmap.org/copyright">` + grids.Attribution + `</a>`

// TileJSON describes the layers, whose tiles are at tilesURL, with {z}, {x} and {y} in it. Its bounds are those of what
// is loaded; casework has those of the district. The errors are those of [Set.Check].
func (s *Set) TileJSON(layers []string, tilesURL string) (TileJSON, error) {
	if err := checkLayers(layers); err != nil {
		return TileJSON{}, err
	}
	t := TileJSON{Version: "3.0.0", Name: strings.Join(layers, ","), Scheme: "xyz", Tiles: []string{tilesURL},
		MinZoom: MaxZoom, Attribution: attribution}
	box := nothing
	for _, name := range layers {
		l, _ := Find(name)
		v := VectorLayer{l.Name, l.Title.ZH + " " + l.Title.EN, l.MinZoom, l.MaxZoom, make(map[string]string, len(l.Fields))}
		for _, f := range l.Fields {
			v.Fields[f.Name] = f.Type
		}
		t.VectorLayers = append(t.VectorLayers, v)
		t.MinZoom, t.MaxZoom = min(t.MinZoom, l.MinZoom), max(t.MaxZoom, l.MaxZoom)
		box = box.with(s.boundsOf(name))
	}
	if box == nothing {
		box = extent{maxX: math.MaxUint32, maxY: math.MaxUint32}
	}
	t.Bounds, t.Center = place(box, t.MinZoom, t.MaxZoom)
	return t, nil
}

// boundsOf is the box of a layer, nothing while it is not loaded.
func (s *Set) boundsOf(name string) extent {
	if fromCube(name) || name == Findings && s.now.Load().near != nil { // where exactly findings are is not for everybody
		name = "district"
	}
	if sn, ok := s.Snapshot(name); ok {
		return sn.bounds()
	}
	return nothing
}

// place is a box in degrees, and its middle with the zoom at which it fills about a tile.
func place(e extent, minZoom, maxZoom int) ([4]float64, [3]float64) {
	round := func(v float64) float64 { return math.Round(v*1e6) / 1e6 }
	nw, se := lattice.Unproject(e.minX, e.minY), lattice.Unproject(e.maxX, e.maxY)
	mid := lattice.Unproject(e.minX/2+e.maxX/2, e.minY/2+e.maxY/2)
	side := max(e.maxX-e.minX, e.maxY-e.minY, 1)
	zoom := min(max(int(lattice.WorldBits-math.Log2(float64(side))), minZoom), maxZoom)
	return [4]float64{round(nw[0]), round(se[1]), round(se[0]), round(nw[1])}, [3]float64{round(mid[0]), round(mid[1]), float64(zoom)}
}
