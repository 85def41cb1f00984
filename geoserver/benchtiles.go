package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"wangge/geoserver/bench"
	"wangge/grids"
	"wangge/tiles"
)

// layerSets is what the tiles are asked for: each layer with many features alone, and what a map asks for at once.
func layerSets() [][]string {
	return [][]string{{"grids"}, {"villages"}, {tiles.Heat}, {"grids", "villages", tiles.Heat, tiles.Findings}}
}

// tileOracle makes a layer's tiles in the database, out of a stored EPSG:3857 column. Not safe for concurrent use.
type tileOracle interface {
	Tile(ctx context.Context, z, x, y int) ([]byte, error)
	BackendPID() int
	Close() error
}

// tileBench is one measurement.
type tileBench struct {
	cmd        *benchTilesCmd
	report     *bench.Report
	warm, cold *measured
	floor      *measured
	client     *http.Client
	walk       []bench.Tile
	kept       map[string]bench.Stored // what the warm server answered, by path
	open       func(layer string, over grids.Territory) (tileOracle, error)
	oracles    map[string]tileOracle // by layer; nil for one that has none
	filters    int                   // filters used up so far
	ends       []func() error
}

// close ends the servers and the oracles.
func (b *tileBench) close() {
	for _, end := range b.ends {
		_ = end() // nothing is served any more
	}
	for _, o := range b.oracles {
		if o != nil {
			_ = o.Close() // it only read
		}
	}
}

// asks is the requests of the walk.
func (b *tileBench) asks(of *measured, layers []string) (list []bench.Ask) {
	for _, t := range b.walk {
		list = append(list, bench.Ask{URL: of.url + "/tiles/" + strings.Join(layers, ",") + "/" + t.String() + ".mvt"})
	}
	return list
}

// run makes every measurement in turn, as many times as there are runs, so that noise of the machine hits all alike.
func (b *tileBench) run(ctx context.Context) (err error) {
	b.kept, b.oracles = map[string]bench.Stored{}, map[string]tileOracle{}
	for _, layers := range layerSets() {
		kept, err := bench.Collect(ctx, b.client, b.asks(b.warm, layers))
		if err != nil {
			return err
		}
		maps.Copy(b.kept, kept)
		if err := b.openOracles(layers); err != nil {
			return err
		}
	}
	if b.floor, err = b.listen(bench.Floor(b.kept)); err != nil {
		return err
	}
	for range b.cmd.Runs {
		for _, layers := range layerSets() {
			if err := b.make(ctx, layers); err != nil {
				return err
			}
			for _, clients := range b.cmd.Concurrency {
				if err := b.load(ctx, layers, clients); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// openOracles opens the oracles of the layers that have none yet.
func (b *tileBench) openOracles(layers []string) error {
	for _, layer := range layers {
		if _, there := b.oracles[layer]; there {
			continue
		}
		o, err := b.open(layer, b.warm.api.View.State().Territory())
		if grids.KindOf(err) == grids.NotFound {
			b.report.Notes = append(b.report.Notes, err.Error())
		} else if err != nil {
			return err
		}
		b.oracles[layer] = o
	}
	return nil
}

// load sends the walk over HTTP by so many clients at once.
func (b *tileBench) load(ctx context.Context, layers []string, clients int) error {
	warm := (b.cmd.Requests + len(b.walk) - 1) / len(b.walk) * len(b.walk) // whole walks: the same tiles in every way
	again := b.asks(b.warm, layers)
	for i, a := range again {
		again[i].ETag = b.kept[strings.TrimPrefix(a.URL, b.warm.url)].ETag
	}
	for _, way := range []struct {
		name  string
		asks  []bench.Ask
		total int
	}{
		{bench.OnlyBytes, b.asks(b.floor, layers), warm},
		{bench.Server, b.asks(b.warm, layers), warm},
		{bench.NotModified, again, warm},
		{bench.ColdServer, b.asks(b.cold, layers), len(b.walk)},
	} {
		a, err := bench.Send(ctx, b.client, way.asks, clients, way.total)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", way.name, strings.Join(layers, ","), err)
		}
		b.report.AddLoad(strings.Join(layers, ","), way.name, clients, a)
	}
	return nil
}

// make makes every tile of the walk anew, without HTTP, in each way there is.
func (b *tileBench) make(ctx context.Context, layers []string) error {
	name := strings.Join(layers, ",")
	set := b.cold.api.View.Tiles()
	for _, pack := range []bool{false, true} {
		way := bench.Ours
		if pack {
			way = bench.Packed
		}
		if err := b.cost(name, way, len(b.walk), 0, func(i int) error {
			_, err := set.Render(ctx, b.request(layers, i), pack)
			return err
		}); err != nil {
			return err
		}
	}
	if name == tiles.Heat {
		if err := b.newFilters(ctx, set); err != nil {
			return err
		}
	}
	return b.asMVT(ctx, layers, name)
}

// request is the i-th tile of the walk.
func (b *tileBench) request(layers []string, i int) tiles.Request {
	t := b.walk[i%len(b.walk)]
	return tiles.Request{Layers: layers, Z: t.Z, X: t.X, Y: t.Y}
}

// cost measures one way of making tiles, once.
func (b *tileBench) cost(name, way string, turns, backend int, f func(int) error) error {
	c, whole, err := bench.Measure(turns, backend, f)
	if err == nil {
		b.report.AddCost(name, way, c, whole)
	}
	return err
}

// filtersARun is how many filters are new in a run.
const filtersARun = 20

// newFilters makes heat tiles under filters that nobody asked for before: disclosure and hexagons anew each time.
func (b *tileBench) newFilters(ctx context.Context, set *tiles.Set) error {
	spans := set.Cube().Spans(tiles.Filter{})
	if len(spans) == 0 {
		return nil
	}
	first := spans[0].Period.From
	months := int(spans[len(spans)-1].Period.To-first) + 1
	return b.cost(tiles.Heat, bench.NewSheet, filtersARun, 0, func(i int) error {
		r := b.request([]string{tiles.Heat}, i*len(b.walk)/filtersARun)
		n := b.filters // every range of months once
		from := n % months
		to := from + (n/months)%(months-from)
		r.Filter.Period = grids.Period{From: first + grids.Month(from), To: first + grids.Month(to)}
		b.filters++
		_, err := set.Tile(ctx, r)
		return err
	})
}

// asMVT lets the database make the tiles; what a layer set costs is the sum of its layers.
func (b *tileBench) asMVT(ctx context.Context, layers []string, name string) error {
	var sum bench.Cost
	whole := true
	for _, layer := range layers {
		o := b.oracles[layer]
		if o == nil {
			return nil
		}
		c, readable, err := bench.Measure(len(b.walk), o.BackendPID(), func(i int) error {
			t := b.walk[i]
			_, err := o.Tile(ctx, t.Z, t.X, t.Y)
			return err
		})
		if err != nil {
			return err
		}
		sum = bench.Cost{CPU: sum.CPU + c.CPU, Wall: sum.Wall + c.Wall, Allocs: sum.Allocs + c.Allocs, Bytes: sum.Bytes + c.Bytes}
		whole = whole && readable
	}
	b.report.AddCost(name, bench.AsMVT, sum, whole)
	return nil
}
