package tiles

import (
	"math"
	"strings"
)

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
const attribution = `<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors (ODbL)</a>`

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
	if name == Heat {
		name = "district"
	}
	if sn, ok := s.Snapshot(name); ok {
		return sn.bounds
	}
	return nothing
}

// place is a box in degrees, and its middle with the zoom at which it fills about a tile.
func place(e extent, minZoom, maxZoom int) ([4]float64, [3]float64) {
	round := func(v float64) float64 { return math.Round(v*1e6) / 1e6 }
	nw, se := unproject(e.minX, e.minY), unproject(e.maxX, e.maxY)
	mid := unproject(e.minX/2+e.maxX/2, e.minY/2+e.maxY/2)
	side := max(e.maxX-e.minX, e.maxY-e.minY, 1)
	zoom := min(max(int(worldBits-math.Log2(float64(side))), minZoom), maxZoom)
	return [4]float64{round(nw[0]), round(se[1]), round(se[0]), round(nw[1])}, [3]float64{round(mid[0]), round(mid[1]), float64(zoom)}
}
