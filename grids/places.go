package grids

import "github.com/paulmach/orb"

// Places is what a territory knows of a place; it is built once for an edition and safe for concurrent use. Its methods
// are called for every row of an import, so they have to be fast.
type Places interface {
	// Locate finds what covers a point; on a shared border the lowest code. ok is false outside the district.
	Locate(p orb.Point) (town, village, grid Code, ok bool)
	// Village is the town of a village and the grid that holds most of it.
	Village(code Code) (town, grid Code, ok bool)
	// Grid is the town of a grid.
	Grid(code Code) (town Code, ok bool)
	// Town reports whether there is a town of that code.
	Town(code Code) bool
	// Cell is the H3 cell of a point at resolution 12.
	Cell(p orb.Point) int64
}
