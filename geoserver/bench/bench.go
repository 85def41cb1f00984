// Package bench holds what a load measurement is made of: a fixed list of tiles, a client that replays requests, clocks
// for the processor time of this process and of a database backend, a load of marks that looks for every mark in the next
// tile, and the report as text, JSON and SVG. It knows addresses and bytes, and nothing of the server that it measures.
package bench

import (
	"fmt"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"
)

// Tile is one tile of the XYZ pyramid, row 0 in the north.
type Tile struct{ Z, X, Y int }

// String is the tile as it stands in an address: z/x/y.
func (t Tile) String() string { return fmt.Sprintf("%d/%d/%d", t.Z, t.X, t.Y) }

// TileAt is the tile of zoom z that holds the place (lon, lat).
func TileAt(p orb.Point, z int) Tile {
	t := maptile.At(p, maptile.Zoom(z))
	return Tile{z, int(t.X), int(t.Y)}
}

// The zooms of a walk, from the one that shows the whole district to the one that shows a street.
const (
	FirstZoom = 8
	LastZoom  = 15
)

// tilesAZoom is how many tiles of a zoom are in a walk; fewer where fewer cover the bounds.
const tilesAZoom = 40

// Walk is the fixed list of about 200 tiles of z8–z15 over the bounds (EPSG:4326), of those that keep wants: at most 40 a zoom,
// evenly spread, the same for the same bounds and wishes. The error is keep's.
func Walk(b orb.Bound, keep func(Tile) (bool, error)) (list []Tile, err error) {
	for z := FirstZoom; z <= LastZoom; z++ {
		nw, se := TileAt(orb.Point{b.Min[0], b.Max[1]}, z), TileAt(orb.Point{b.Max[0], b.Min[1]}, z)
		var all []Tile
		for y := nw.Y; y <= se.Y; y++ {
			for x := nw.X; x <= se.X; x++ {
				t := Tile{z, x, y}
				wanted, err := keep(t)
				if err != nil {
					return nil, err
				}
				if wanted {
					all = append(all, t)
				}
			}
		}
		take := min(len(all), tilesAZoom)
		for i := range take {
			list = append(list, all[i*len(all)/take])
		}
	}
	return list, nil
}
