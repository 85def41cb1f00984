// Package styles makes what the map shows out of numbers: class breaks, colour ramps, the legend, and the complete
// MapLibre style (style specification v8) that draws the same classes with the same edges. Every function is pure:
// the same arguments give the same result, nothing is read or kept, and all of it is safe for concurrent use.
//
// Colours are sRGB as "#rrggbb". Zooms are MapLibre's (512-pixel tiles). Bounds are EPSG:4326 degrees in the order
// west, south, east, north.
package styles

import (
	"slices"

	"wangge/grids"
)

// Theme is the lightness of the whole map.
type Theme string

// The themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Themes lists every theme, the default first.
var Themes = [...]Theme{Light, Dark}

// ParseTheme reads a theme from a request. The error is Invalid.
func ParseTheme(s string) (Theme, error) {
	if t := Theme(s); slices.Contains(Themes[:], t) {
		return t, nil
	}
	return "", grids.Errorf(grids.Invalid, "theme %q is not known; use light or dark", s)
}

// Lang is a language of the screen.
type Lang string

// The languages.
const (
	ZH Lang = "zh"
	EN Lang = "en"
)

// Langs lists every language, the default first.
var Langs = [...]Lang{ZH, EN}

// ParseLang reads a language from a request. The error is Invalid.
func ParseLang(s string) (Lang, error) {
	if l := Lang(s); slices.Contains(Langs[:], l) {
		return l, nil
	}
	return "", grids.Errorf(grids.Invalid, "language %q is not known; use zh or en", s)
}

// palette is what a theme is made of besides its ramp.
type palette struct {
	water, land, line, line2  string // line separates areas, line2 is the weaker inner border
	text, halo                string
	core, casing              string // the selected outline: one of the two stands out from any fill
	zero, suppressed, nothing string // the values that are not numbers
	plot                      string // outline of a plot
}

// paletteOf is the palette of a theme, the light one for any theme but dark.
func paletteOf(t Theme) palette {
	if t == Dark {
		return palette{
			water: "#070d14", land: "#1a1e22", line: "#a3b2bd", line2: "#76848f",
			text: "#f2f5f7", halo: "#10161c", core: "#ffffff", casing: "#000000",
			zero: "#2d3433", suppressed: "#6d5f52", nothing: "#1a1e22", plot: "#ffffff",
		}
	}
	return palette{
		water: "#b4d3e4", land: "#f6f5f1", line: "#4c5a63", line2: "#6f7c85",
		text: "#1b2228", halo: "#ffffff", core: "#ffffff", casing: "#000000",
		zero: "#dbe4dc", suppressed: "#8fa9c4", nothing: "#f6f5f1", plot: "#1b2228",
	}
}
