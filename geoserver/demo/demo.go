// Package demo makes the demonstration data of Chongming: its territory, and seeded synthetic data of the four
// subjects, written as the same files that a user would import, so that the demo takes the user's path.
//
// Names and codes are real; every boundary inside the coastline, and every event, status, survey and finding is
// invented and says so: each feature and row carries synthetic = true. All coordinates are EPSG:4326, longitude
// before latitude, with six decimals, and lie inside the district by half a metre or more.
//
// The data in chongming/ derive from OpenStreetMap, © OpenStreetMap contributors, ODbL-1.0; see its NOTICE.
package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"io"
	"math/rand/v2"

	"wangge/grids"
)

//go:embed chongming/*.geojson chongming/NOTICE
var chongming embed.FS

// Options says what to make. Equal options give equal bytes, on every machine.
type Options struct {
	Seed  uint64
	Cases int       // casework events; 0 for the real order of magnitude, 64 to 86 a year; at most 5 000 000 are meant
	Today grids.Day // nothing happens after it; required
	Years int       // how many years of casework end today; 0 for 5
}

// years is how many years of casework there are.
func (o Options) years() int {
	if o.Years <= 0 {
		return 5
	}
	return o.Years
}

// random is the stream of random numbers of one file: PCG seeded by the seed and the file's number.
func (o Options) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, stream)) }

// The streams of random numbers.
const (
	caseworkStream = iota + 1
	statusStream
	surveyStream
	findingStream
)

// weighted is a value and its share of all; the shares of a list sum to 1.
type weighted[T any] struct {
	value T
	share float64
}

// draw picks a value by its share.
func draw[T any](r *rand.Rand, of []weighted[T]) T { return at(r.Float64(), of) }

// at is the value at a quantile 0 ≤ q < 1 of the list.
func at[T any](q float64, of []weighted[T]) T {
	for _, w := range of {
		if q -= w.share; q < 0 {
			return w.value
		}
	}
	return of[0].value // the shares summed to a little less than 1
}

// File is one file to import. Write makes its content anew at each call and hands it on as it comes, in memory that
// does not grow with the number of rows; its error is w's. The files are independent: they may be written in any
// order and at the same time.
type File struct {
	Name    string // such as casework.csv
	Subject string // as the import names it: district, towns, villages, grids, casework, village-status, surveys, findings
	Write   func(w io.Writer) error
}

// Files lists the files in the order in which they must be imported: GeoJSON for the territory and the findings, CSV
// in UTF-8 for the rest. The grids are of the family drug-control.
func Files(o Options) []File {
	return []File{
		{"district.geojson", "district", territory("district_synthetic", "")},
		{"towns.geojson", "towns", territory("towns_synthetic", "")},
		{"villages.geojson", "villages", territory("units_synthetic", "")},
		{"grids.geojson", "grids", territory("grids_synthetic", grids.DrugControl)},
		{"casework.csv", "casework", func(w io.Writer) error { return writeCasework(w, o) }},
		{"village-status.csv", "village-status", func(w io.Writer) error { return writeStatus(w, o) }},
		{"surveys.csv", "surveys", func(w io.Writer) error { return writeSurveys(w, o) }},
		{"findings.geojson", "findings", func(w io.Writer) error { return writeFindings(w, o) }},
	}
}

// Land is the real coastline around the district as GeoJSON polygons, for the base map.
func Land() []byte { return read("context_land") }

// read is an embedded file; a missing one is a fault of the build.
func read(name string) []byte {
	b, err := chongming.ReadFile("chongming/" + name + ".geojson")
	if err != nil {
		panic(err)
	}
	return b
}

// properties is what a feature says of its place; the keys are those of the files, in their order.
type properties struct {
	Code      string   `json:"code,omitempty"`
	Name      string   `json:"name,omitempty"`
	NameEN    string   `json:"name_en,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	TownCode  string   `json:"town_code,omitempty"`
	Synthetic bool     `json:"synthetic"`
	Units     unitList `json:"units,omitempty"` // of a grid: the codes of its villages
}

// unitList reads the codes of villages; a town's file holds their number there instead, which is passed over.
type unitList []string

// UnmarshalJSON reads a list of texts and passes over anything else.
func (u *unitList) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(b, []byte("[")) {
		return nil
	}
	return json.Unmarshal(b, (*[]string)(u))
}

// feature is one GeoJSON feature whose geometry is kept to the byte.
type feature[P any] struct {
	Type       string          `json:"type"`
	Properties P               `json:"properties"`
	Geometry   json.RawMessage `json:"geometry"`
}

// features reads an embedded collection.
func features[P any](name string) []feature[P] {
	var c struct {
		Features []feature[P] `json:"features"`
	}
	if err := json.Unmarshal(read(name), &c); err != nil {
		panic(err) // embedded: a fault of the build
	}
	return c.Features
}

// notice stands at the head of every GeoJSON file.
const notice = "SYNTHETIC, not administrative boundaries or real observations (演示数据，非真实). Names and codes: NBS 2023. " +
	"Outline © OpenStreetMap contributors, ODbL-1.0"

// territory writes an embedded collection with the properties that the import reads.
func territory(name string, family grids.Family) func(io.Writer) error {
	return func(w io.Writer) error {
		all := features[properties](name)
		for i := range all {
			all[i].Properties.Units = nil
		}
		return writeCollection(w, family, all)
	}
}

// writeCollection writes features one a line.
func writeCollection[P any](w io.Writer, family grids.Family, all []feature[P]) error {
	head, err := json.Marshal(struct {
		Type   string       `json:"type"`
		Note   string       `json:"note"`
		Family grids.Family `json:"family,omitempty"`
	}{"FeatureCollection", notice, family})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Write(head[:len(head)-1])
	b.WriteString(",\"features\":[")
	for i, f := range all {
		line, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	b.WriteString("\n]}\n")
	_, err = w.Write(b.Bytes())
	return err
}
