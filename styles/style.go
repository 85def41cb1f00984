package styles

import (
	"cmp"
	"math"
	"slices"

	"wangge/grids"
)

// The overlays of [Options].Show.
const (
	ShowHeat       = "heat"
	ShowFindings   = "findings"
	ShowSurveys    = "surveys"
	ShowLabels     = "labels"
	ShowGridLabels = "grid-labels" // the grids' names, off unless asked for
)

// MaxZoom is the deepest zoom of the tile pyramid; the map magnifies its tiles beyond.
const MaxZoom = 16

// Options is what a style is made for.
type Options struct {
	Theme      Theme
	Lang       Lang
	Level      string          // OnGrids, OnVillages, OnTowns, OnCells; anything else colours nothing
	Legend     *Legend         // how Level is coloured; nil colours nothing
	TileBase   string          // absolute address of the tiles, such as http://127.0.0.1:8470/tiles
	HeatLegend *Legend         // how the densities of casework are coloured; nil leaves them out
	Show       map[string]bool // overlays, by ShowHeat …
	Bounds     [4]float64      // of the district: west, south, east, north in degrees
}

// object is a JSON object; encoding/json writes its keys in order, so equal styles have equal bytes.
type object = map[string]any

// expr is an expression of the style specification: an operator and its operands.
type expr = []any

// Style is a complete MapLibre style (version 8) as a JSON object: one vector source a tile layer, and layers whose
// ids start with their source's name. It needs no glyphs and no sprite: the client draws text locally and adds the
// images [HatchImage], [NotLookedImage], [SuppressedImage], [BandImage], "finding-<state>" and "cell-<state>".
//
// Features are named by promoteId (the code; the id in cells and findings, which cells with findings lack), and answer to the feature states hover,
// selected and dim (booleans). Only hexagons have numeric ids of their own, and answer to [DensityState] alone. The order
// from below: land, district, the coloured level, the heat of casework, surveys, borders, outlines of hover and
// selection, findings, labels.
func Style(o Options) map[string]any {
	p := paletteOf(o.Theme)
	var layers []object
	layers = append(layers, baseLayers(p)...)
	level := o.Level
	if o.Legend == nil || !slices.Contains([]string{OnGrids, OnVillages, OnTowns, OnCells}, level) {
		level = OnNothing
	}
	if level != OnNothing {
		layers = append(layers, fillLayers(level, *o.Legend, p, 1)...)
	}
	if o.Show[ShowHeat] && o.HeatLegend != nil {
		opacity := 1.0
		if level != OnNothing {
			opacity = 0.8 // the level shows through
		}
		layers = append(layers, heatLayer(*o.HeatLegend, opacity))
	}
	if o.Show[ShowSurveys] {
		layers = append(layers, surveyLayers(p)...)
	}
	layers = append(layers, borderLayers(level, p)...)
	if level != OnNothing {
		layers = append(layers, outlineLayers(level, p)...)
	}
	if o.Show[ShowFindings] {
		layers = append(layers, findingLayers(p)...)
	}
	if o.Show[ShowLabels] {
		layers = append(layers, labelLayers(p, o.Show[ShowGridLabels])...)
	}
	center, zoom := view(o.Bounds)
	return object{
		"version": 8,
		"name":    grids.Text{ZH: "网格 · " + themeTitle(o.Theme).ZH, EN: "Wangge · " + themeTitle(o.Theme).EN}.In(string(o.Lang)),
		"metadata": object{
			"wangge:theme": o.Theme, "wangge:lang": o.Lang, "wangge:level": level,
		},
		"center":  center,
		"zoom":    zoom,
		"sources": sources(o),
		"layers":  layers,
	}
}

// themeTitle is what the theme is called.
func themeTitle(t Theme) grids.Text {
	if t == Dark {
		return grids.Text{ZH: "深色", EN: "dark"}
	}
	return grids.Text{ZH: "浅色", EN: "light"}
}

// view is the centre of the bounds, and the zoom at which they are 1024 CSS pixels wide, in quarters.
func view(b [4]float64) (center [2]float64, zoom float64) {
	center = [2]float64{(b[0] + b[2]) / 2, (b[1] + b[3]) / 2}
	width := cmp.Or(max(0, b[2]-b[0]), 360)
	zoom = math.Floor(4*math.Log2(360/width*1024/512)) / 4
	return center, min(max(zoom, 0), MaxZoom)
}

// sources is one vector source a tile layer. Only land reaches beyond the bounds.
func sources(o Options) object {
	ids := map[string]string{"cells": "id", "findings": "id", "hexagons": "", "land": ""}
	all := object{}
	for _, name := range []string{"land", "district", "towns", "villages", "grids", "cells", "hexagons", "findings", "surveys", "labels"} {
		url := o.TileBase + "/" + name + "/{z}/{x}/{y}.mvt"
		source := object{"type": "vector", "tiles": []string{url}, "minzoom": 0, "maxzoom": MaxZoom}
		if id, special := ids[name]; !special {
			source["promoteId"] = "code"
		} else if id != "" {
			source["promoteId"] = id
		}
		if name != "land" && o.Bounds != [4]float64{} {
			source["bounds"] = o.Bounds
		}
		if name == "land" {
			source["attribution"] = grids.Attribution
		}
		all[name] = source
	}
	return all
}
