package styles

// get reads an attribute, has asks whether the tile holds it, is compares it with a text.
func get(attr string) expr       { return expr{"get", attr} }
func has(attr string) expr       { return expr{"has", attr} }
func is(attr, value string) expr { return expr{"==", get(attr), value} }
func not(e expr) expr            { return expr{"!", e} }

// state is true where the client set the feature state.
func state(name string) expr { return expr{"boolean", expr{"feature-state", name}, false} }

// fillLayers colours a polygon source by its legend: a plain fill, and a pattern over each state that has one.
func fillLayers(source string, leg Legend, p palette, opacity float64) []object {
	layers := []object{{
		"id": source + "-fill", "type": "fill", "source": source, "source-layer": source,
		"paint": object{
			"fill-color":     fillColor(leg),
			"fill-antialias": true,
			"fill-opacity":   fillOpacity(opacity),
		},
	}}
	for _, pattern := range []string{HatchImage, NotLookedImage, SuppressedImage, BandImage} {
		if filter := patternFilter(leg, pattern); filter != nil {
			layers = append(layers, object{
				"id": source + "-" + pattern, "type": "fill", "source": source, "source-layer": source, "filter": filter,
				"paint": object{"fill-pattern": pattern, "fill-opacity": fillOpacity(opacity)},
			})
		}
	}
	return layers
}

// Hexagons is the tile layer whose cells the client colours by their densities of casework.
const Hexagons = "hexagons"

// DensityState is the feature state that holds a hexagon's casework per km²; without it, null or 0, nothing is drawn.
const DensityState = "density"

// heatLayer colours the hexagons by a feature state, so that another period or kind needs no other tiles. Nothing else
// hangs on feature states here: each would be computed again for every hexagon whose density changes.
func heatLayer(leg Legend, opacity float64) object {
	density := expr{"number", expr{"feature-state", DensityState}, 0}
	color := expr{"case", expr{">", density, 0}, classStep(leg, density), transparent}
	return object{
		"id": Hexagons + "-fill", "type": "fill", "source": Hexagons, "source-layer": Hexagons,
		"paint": object{"fill-color": color, "fill-antialias": true, "fill-opacity": opacity},
	}
}

// fillOpacity is the opacity of a fill: whole, so that the map shows the legend's very colours; faint when dimmed.
func fillOpacity(whole float64) expr {
	return expr{"case", state("dim"), 0.15 * whole, state("hover"), 0.85 * whole, whole}
}

// fillColor is the colour of a feature: of its state, or of the class that holds its value, or the beginning of its band.
func fillColor(leg Legend) expr {
	e := expr{"case"}
	for _, s := range leg.Special {
		if s.State == Band {
			continue
		}
		e = append(e, stateTest(leg.Indicator, s.State), s.Color)
	}
	return append(e, classColor(leg))
}

// classColor picks the class of a value that is there: the step of a number, the match of a category.
func classColor(leg Legend) any {
	if len(leg.Classes) == 0 {
		return specialColor(leg, NoData)
	}
	if leg.Classes[0].Value != "" {
		e := expr{"match", get(leg.Indicator)}
		for _, c := range leg.Classes {
			e = append(e, c.Value, c.Color)
		}
		return append(e, specialColor(leg, NoData))
	}
	return classStep(leg, expr{"number", get(leg.Indicator)})
}

// classStep is the colour of the class that holds a number; transparent when the legend has no classes.
func classStep(leg Legend, number expr) any {
	switch len(leg.Classes) {
	case 0:
		return transparent
	case 1:
		return leg.Classes[0].Color
	}
	e := expr{"step", number, leg.Classes[0].Color}
	for _, c := range leg.Classes[1:] {
		e = append(e, *c.From, c.Color)
	}
	return e
}

// transparent is the colour of what is not drawn.
const transparent = "rgba(0,0,0,0)"

// specialColor is the legend's colour of a state, transparent when it has no such entry.
func specialColor(leg Legend, state string) string {
	for _, s := range leg.Special {
		if s.State == state {
			return s.Color
		}
	}
	return transparent
}

// stateTest is true for features whose value is in the state, by the attributes of the tiles: a number is there or
// is missing, which means the one state of the legend that is no number (see [Indicator.missing]); cases_state tells a band
// from a number, and a suppressed count from a missing one.
func stateTest(indicator, state string) expr {
	missing := not(has(indicator))
	if (Indicator{ID: indicator}).fromCases() {
		switch state {
		case Band:
			return expr{"all", has(indicator), is("cases_state", Band)}
		case Suppressed:
			return is("cases_state", Suppressed)
		}
		return expr{"all", missing, expr{"!=", get("cases_state"), Suppressed}}
	}
	if state == Zero {
		return expr{"==", get(indicator), 0}
	}
	return missing
}

// patternFilter selects the features over which the legend draws a pattern, nil when there is no such state.
func patternFilter(leg Legend, pattern string) any {
	tests := expr{"any"}
	for _, s := range leg.Special {
		if s.Pattern == pattern {
			tests = append(tests, stateTest(leg.Indicator, s.State))
		}
	}
	if len(tests) == 1 {
		return nil
	}
	return tests
}
