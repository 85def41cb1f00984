package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
)

func TestWalkIsFixedAndSpread(t *testing.T) {
	b := orb.Bound{Min: orb.Point{121.16, 31.26}, Max: orb.Point{122.09, 31.87}}
	odd := func(x Tile) (bool, error) { return x.Z < 11 || x.X%2 == 1, nil }
	list, err := Walk(b, odd)
	if again, _ := Walk(b, odd); err != nil || len(list) < 180 || len(list) > 240 || !slices.Equal(list, again) {
		t.Fatalf("%d tiles, %v", len(list), err)
	}
	seen := map[Tile]bool{}
	byZoom := map[int]int{}
	for _, x := range list {
		if wanted, _ := odd(x); seen[x] || !wanted {
			t.Errorf("%v is in the walk twice, or not wanted", x)
		}
		seen[x] = true
		byZoom[x.Z]++
		nw, se := TileAt(orb.Point{121.16, 31.87}, x.Z), TileAt(orb.Point{122.09, 31.26}, x.Z)
		if x.X < nw.X || x.X > se.X || x.Y < nw.Y || x.Y > se.Y {
			t.Errorf("%v is not over the district", x)
		}
	}
	for z := 8; z <= 15; z++ {
		if n := byZoom[z]; n == 0 || z > 11 && n != 40 {
			t.Errorf("the walk has %d tiles of zoom %d", n, z)
		}
	}
	if _, err := Walk(b, func(Tile) (bool, error) { return false, context.Canceled }); err == nil {
		t.Error("the error of a wish was lost")
	}
}

func TestStatistics(t *testing.T) {
	if s := SpreadOf([]float64{5, 1, 4, 2, 3}); s != (Spread{3, 1, 5}) {
		t.Errorf("%+v", s)
	}
	if s := SpreadOf([]float64{4, 1}); s != (Spread{2.5, 1, 4}) {
		t.Errorf("%+v", s)
	}
	if s := SpreadOf(nil); s != (Spread{}) {
		t.Errorf("%+v", s)
	}
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(100-i))
	}
	for p, want := range map[float64]time.Duration{.5: 50, .99: 99, 1: 100, 0: 1} {
		if got := Percentile(slices.Clone(d), p); got != want {
			t.Errorf("p%v of 1…100 is %d, want %d", p, got, want)
		}
	}
}

// sample is a tile with two layers, made by another encoder.
func sample(t *testing.T) []byte {
	t.Helper()
	fc := geojson.NewFeatureCollection()
	for i, state := range []string{"spotted", "dismissed"} {
		f := geojson.NewFeature(orb.Point{float64(10 * i), 20})
		f.ID = float64(100 + i)
		f.Properties = geojson.Properties{"id": fmt.Sprint("f", i), "state": state, "n": 7 + i, "share": .25, "plot": i == 1, "below": -3}
		fc.Append(f)
	}
	b, err := mvt.Marshal(mvt.Layers{mvt.NewLayer("land", geojson.NewFeatureCollection()), mvt.NewLayer("findings", fc)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFeaturesReadsWhatAnotherEncoderWrote(t *testing.T) {
	tile := sample(t)
	var got []string
	if err := Features(tile, "findings", []string{"state", "id", "share", "plot", "missing", "below"}, func(id uint64, v []any) {
		got = append(got, fmt.Sprint(id, v))
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"100 [spotted f0 0.25 false <nil> -3]", "101 [dismissed f1 0.25 true <nil> -3]"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := Features(tile, "roads", nil, func(uint64, []any) { t.Error("a feature of no layer") }); err != nil {
		t.Error(err)
	}
}

func FuzzFeatures(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x1a, 5, 0x0a, 3, 'a', 'b', 'c'})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = Features(b, "abc", []string{"x"}, func(uint64, []any) {}) // must return
	})
}

// mapServer answers marks and tiles like the real one; late holds every mark back for so many tiles.
func mapServer(t *testing.T, late int) *httptest.Server {
	var mu sync.Mutex
	var ids []string
	asked := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			var in struct{ ID string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Error(err)
			}
			if in.ID != "" {
				ids = append(ids, in.ID)
				w.WriteHeader(http.StatusCreated)
			}
			return
		}
		fc := geojson.NewFeatureCollection()
		for _, id := range ids {
			if asked[id]++; asked[id] > late {
				f := geojson.NewFeature(orb.Point{1, 1})
				f.Properties = geojson.Properties{"id": id, "state": "spotted"}
				fc.Append(f)
			}
		}
		b, err := mvt.Marshal(mvt.Layers{mvt.NewLayer("findings", fc)})
		if err != nil {
			t.Error(err)
		}
		z := gzip.NewWriter(w)
		_, _ = z.Write(b)
		_ = z.Close()
	}))
	t.Cleanup(s.Close)
	return s
}

func TestMarksCountsStaleTiles(t *testing.T) {
	for late, stale := range map[int]bool{0: false, 1000: true} {
		s := mapServer(t, late)
		m := Marks{Server: s.URL, Client: NewClient(16), Places: []orb.Point{{121.5, 31.6}}, Writes: 20, Reads: 20, For: 500 * time.Millisecond,
			ReadURLs: []string{s.URL + "/tiles/findings/9/1/1.mvt"}}
		f, err := m.Run(t.Context())
		if err != nil || f.Failed != 0 || f.Marks != 10 || f.Reads != 10 || (f.Stale > 0) != stale {
			t.Errorf("%d tiles late: %+v, %v", late, f, err)
		}
	}
}

func TestSendCountsEveryAnswer(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	floor := Floor(map[string]Stored{"/a": {Body: []byte("12345678")}, "/b": {}})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path+r.Header.Get("If-None-Match")]++
		mu.Unlock()
		floor.ServeHTTP(w, r)
	}))
	defer s.Close()
	a, err := Send(t.Context(), NewClient(4), []Ask{{URL: s.URL + "/a"}, {URL: s.URL + "/b", ETag: `"x"`}}, 4, 101)
	if err != nil || a.Bytes != 8*51./101 || asked["/a"] != 51 || asked[`/b"x"`] != 50 || a.Rate <= 0 || a.P99 < a.P50 {
		t.Errorf("%+v, %v, asked %v", a, err, asked)
	}
	bad := httptest.NewServer(http.NotFoundHandler())
	defer bad.Close()
	if _, err := Send(t.Context(), NewClient(1), []Ask{{URL: bad.URL}}, 1, 1); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a 404: %v", err)
	}
}

func TestMeasureSeesWorkAndAllocations(t *testing.T) {
	var keep [][]byte
	sum := 0
	c, whole, err := Measure(10, 0, func(int) error {
		keep = append(keep, make([]byte, 1<<20))
		for end := time.Now().Add(3 * time.Millisecond); time.Now().Before(end); {
			sum++
		}
		return nil
	})
	if err != nil || !whole || c.Wall < 3000 || c.CPU <= 0 || c.Bytes < 1<<20 || c.Allocs < 1 || len(keep) != 10 {
		t.Errorf("%+v, %v, %v", c, whole, err)
	}
	if _, whole, _ := Measure(1, 1, func(int) error { return nil }); whole {
		t.Error("process 1 was taken for a backend")
	}
	if _, _, err := Measure(1, 0, func(int) error { return context.Canceled }); err == nil {
		t.Error("the error of a turn was lost")
	}
}

func TestTheReport(t *testing.T) {
	r := &Report{Version: "1", Tiles: 2, Runs: 2, Notes: []string{"a note"}, Marks: &Freshness{Marks: 3}}
	for _, cpu := range []float64{10, 20} {
		r.AddCost("grids", Ours, Cost{CPU: cpu, Wall: cpu}, true)
		r.AddCost("grids", AsMVT, Cost{CPU: 10 * cpu, Wall: 10 * cpu}, true)
		r.AddCost("heat", Ours, Cost{CPU: cpu, Wall: cpu}, true)
		r.AddCost("heat", AsMVT, Cost{CPU: 1, Wall: 3 * cpu}, false)
		r.AddLoad("grids", Server, 8, Answers{Rate: 100 * cpu})
		r.AddLoad("grids", OnlyBytes, 8, Answers{Rate: 20 * cpu * cpu})
	}
	var text, svg, raw bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"CPU per cold tile of grids: ST_AsMVT / wangge = 10.0×", "15.0 [10.0–20.0]", "not readable", "ST_AsMVT / wangge = 3.0×",
		"with 8 clients: wangge / floor = 0.38 [0.25–0.50]", "of all runs: wangge / floor = 0.38", "a note", "3 marks, 0 stale"} {
		if !strings.Contains(text.String(), says) {
			t.Errorf("%q is not in the report:\n%s", says, text.String())
		}
	}
	if err := r.WriteJSON(&raw); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw.Bytes(), &back); err != nil || back.Made[0].CPU.Median != 15 {
		t.Errorf("%v: %s", err, raw.String())
	}
	if err := r.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	rects := 0
	for d := xml.NewDecoder(&svg); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			rects++
		}
	}
	if rects != 1+3+2 { // the ground; what has no readable CPU is not drawn
		t.Errorf("%d rectangles", rects)
	}
}
