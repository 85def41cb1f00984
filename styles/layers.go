package styles

import "wangge/grids"

// zoomed is a number that grows with the zoom, linearly between the stops: zoom, value, zoom, value …
func zoomed(stops ...any) expr {
	return append(expr{"interpolate", expr{"linear"}, expr{"zoom"}}, stops...)
}

// baseLayers is the water, the land, and the district's own ground.
func baseLayers(p palette) []object {
	return []object{
		{"id": "background", "type": "background", "paint": object{"background-color": p.water}},
		{"id": "land-fill", "type": "fill", "source": "land", "source-layer": "land", "paint": object{"fill-color": p.land}},
		{"id": "district-fill", "type": "fill", "source": "district", "source-layer": "district", "paint": object{"fill-color": p.land}},
	}
}

// line is a line layer of a polygon source.
func line(id, source string, paint object) object {
	return object{
		"id": id, "type": "line", "source": source, "source-layer": source,
		"layout": object{"line-join": "round"}, "paint": paint,
	}
}

// borderLayers draws the borders: of the coloured level thin, of the towns stronger, of the district strongest.
func borderLayers(level string, p palette) []object {
	var layers []object
	switch level {
	case OnGrids, OnVillages, OnCells:
		layers = append(layers, line(level+"-line", level, object{
			"line-color": p.line2, "line-width": zoomed(8, 0.2, 12, 0.8, 16, 1.6),
			"line-opacity": expr{"case", state("dim"), 0.3, 1},
		}))
	}
	return append(layers,
		line("towns-line", "towns", object{
			"line-color": p.line, "line-width": zoomed(8, 0.6, 12, 1.6, 16, 3),
			"line-opacity": expr{"case", state("dim"), 0.3, 1},
		}),
		line("district-line", "district", object{"line-color": p.line, "line-width": zoomed(6, 1, 12, 2.4, 16, 4)}),
	)
}

// outlineLayers marks the hovered and the selected feature: a dark casing with a light core, so that one of the two
// stands out from whatever fill lies below.
func outlineLayers(source string, p palette) []object {
	shown := expr{"case", expr{"any", state("selected"), state("hover")}, 1, 0}
	width := func(hover, selected float64) expr {
		return expr{"case", state("selected"), selected, hover}
	}
	return []object{
		line(source+"-casing", source, object{"line-color": p.casing, "line-width": width(4, 6), "line-opacity": shown}),
		line(source+"-outline", source, object{"line-color": p.core, "line-width": width(1.5, 3), "line-opacity": shown}),
	}
}

// surveyLayers draws the latest survey round over whatever is coloured below: a pattern where nobody has looked, a
// dashed inner border where the round is under way, a plain one where it is complete.
func surveyLayers(p palette) []object {
	inner := object{"line-color": p.text, "line-width": zoomed(9, 0.5, 13, 2.5), "line-offset": zoomed(9, 0.8, 13, 2.5)}
	dashed := object{"line-dasharray": []float64{2, 2}}
	for k, v := range inner {
		dashed[k] = v
	}
	looked := has("completion")
	under := line("surveys-underway", "surveys", dashed)
	under["filter"] = expr{"all", looked, expr{"<", expr{"number", get("completion"), 0}, 1}}
	done := line("surveys-done", "surveys", inner)
	done["filter"] = expr{"all", looked, expr{">=", expr{"number", get("completion"), 0}, 1}}
	return []object{
		{
			"id": "surveys-notlooked", "type": "fill", "source": "surveys", "source-layer": "surveys", "filter": not(looked),
			"paint": object{"fill-pattern": NotLookedImage},
		},
		under, done,
	}
}

// findingLayers draws plots in the colour of their state, and an icon at every finding; icons may overlap, the more
// urgent ones on top. Where the reader sees by cells only, a cell with findings has a symbol of its own, and their number
// when it is told, below the icons.
func findingLayers(p palette) []object {
	color, rank := expr{"match", get("state")}, expr{"match", get("state")}
	for i, c := range FindingStates() {
		color = append(color, c.ID, c.Color)
		if !grids.FindingState(c.ID).Open() {
			i -= len(grids.FindingStates)
		}
		rank = append(rank, c.ID, i)
	}
	color, rank = append(color, p.suppressed), append(rank, 0)
	polygon := expr{"==", expr{"geometry-type"}, "Polygon"}
	plot := object{
		"id": "findings-plot", "type": "fill", "source": "findings", "source-layer": "findings", "filter": polygon,
		"paint": object{"fill-color": color, "fill-opacity": expr{"case", state("dim"), 0.15, 0.7}},
	}
	outline := line("findings-line", "findings", object{
		"line-color": p.plot, "line-width": expr{"case", state("selected"), 4, state("hover"), 3, 1.5},
		"line-opacity": expr{"case", state("dim"), 0.3, 1},
	})
	outline["filter"] = polygon
	icon := object{
		"id": "findings-icon", "type": "symbol", "source": "findings", "source-layer": "findings", "filter": not(has("cell")),
		"layout": object{
			"icon-image": expr{"concat", "finding-", get("state")}, "icon-size": zoomed(8, 0.6, 12, 0.85, 16, 1.1),
			"icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": rank,
		},
		"paint": object{"icon-opacity": expr{"case", state("dim"), 0.25, 1}},
	}
	return []object{plot, outline, findingCells(rank, p), icon}
}

// findingCells is the symbols of cells that hold findings; their numbers give way to each other where there is no room.
func findingCells(rank expr, p palette) object {
	text := func(e expr) expr { return expr{"to-string", e} }
	number := expr{"case",
		has("findings_to"), expr{"concat", text(get("findings")), "–", text(get("findings_to"))},
		has("findings"), expr{"concat", "≥ ", text(get("findings"))},
		""}
	return object{
		"id": "findings-cell", "type": "symbol", "source": "findings", "source-layer": "findings", "filter": has("cell"),
		"layout": object{
			"icon-image": expr{"concat", "cell-", get("state")}, "icon-size": zoomed(8, 0.35, 11, 0.8, 14, 1.3),
			"icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": rank,
			"text-field": expr{"step", expr{"zoom"}, "", 11, number}, "text-font": []any{"Noto Sans Bold"},
			"text-size": zoomed(11, 9, 14, 12), "text-optional": true,
		},
		"paint": object{
			"icon-opacity": expr{"case", state("dim"), 0.25, 1},
			"text-color":   p.text, "text-halo-color": p.halo, "text-halo-width": 1.6,
		},
	}
}

// labelLayers writes the names of places: towns from zoom 9, villages from 12, grids from 13 when asked for. The
// lower rank wins the room. Names are Chinese in both languages: there is no official English name of a village.
func labelLayers(p palette, withGrids bool) []object {
	type kind struct {
		level     string
		from      int
		size      expr
		font, gap any
	}
	kinds := []kind{
		{"village", 12, zoomed(12, 11, 16, 14), "Regular", 4},
		{"town", 9, zoomed(9, 12, 14, 18), "Bold", 6},
	}
	if withGrids {
		kinds = append([]kind{{"grid", 13, zoomed(13, 10, 16, 13), "Regular", 4}}, kinds...)
	}
	var layers []object
	for _, k := range kinds {
		layers = append(layers, object{
			"id": "labels-" + k.level, "type": "symbol", "source": "labels", "source-layer": "labels", "minzoom": k.from,
			"filter": is("level", k.level),
			"layout": object{
				"text-field": expr{"to-string", get("name")}, "text-font": []any{"Noto Sans " + k.font.(string)},
				"text-size": k.size, "text-padding": k.gap, "text-max-width": 8,
				"symbol-sort-key": expr{"to-number", get("rank"), 0},
			},
			"paint": object{"text-color": p.text, "text-halo-color": p.halo, "text-halo-width": 1.6},
		})
	}
	return layers
}
