package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"wangge/geoserver/api"
	"wangge/geoserver/bench"
	"wangge/geoserver/demo"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/tiles"
)

type benchCmd struct {
	Tiles benchTilesCmd `cmd:"" help:"Tiles warm and cold, against their bare bytes over net/http and against ST_AsMVT; and how soon a mark is in its tile."`
}

type benchTilesCmd struct {
	Concurrency []int  `help:"Clients at once." default:"1,8,64" placeholder:"N,…"`
	Runs        int    `help:"Runs; the figures are medians of them." default:"5"`
	Requests    int    `help:"Warm requests of each kind a run, rounded up to whole walks." default:"5000"`
	Cases       int    `help:"Measure a fresh temporary database with the demo and so many casework events (0 = the real order of magnitude)." default:"-1" placeholder:"N"`
	JSON        string `name:"json" help:"Write the raw figures to this file." placeholder:"FILE"`
	Plot        string `help:"Draw the figures to this file." placeholder:"FILE.svg"`
	Writes      int    `help:"Marks a second, each looked for in its next tile; 0 leaves this part out." default:"50"`
	Reads       int    `help:"Tile requests a second beside the marks." default:"200"`
	Seconds     int    `help:"How long marks are written." default:"20"`
	AllowWrites bool   `help:"Write marks to a database that is not temporary; they are withdrawn, and stay as dismissed."`
}

// check refuses what makes no sense. The error is Invalid.
func (c *benchTilesCmd) check() error {
	switch {
	case len(c.Concurrency) == 0 || slices.Min(c.Concurrency) < 1 || slices.Max(c.Concurrency) > 1000:
		return grids.Errorf(grids.Invalid, "--concurrency %v: give numbers from 1 to 1000", c.Concurrency)
	case c.Runs < 1 || c.Requests < 1:
		return grids.Errorf(grids.Invalid, "--runs and --requests are at least 1")
	case c.Cases < -1 || c.Cases > 5_000_000:
		return grids.Errorf(grids.Invalid, "--cases is %d: give 0 to 5000000, or leave it out to measure the database that is there", c.Cases)
	case c.Writes < 0 || c.Writes > 1000 || c.Reads < 0 || c.Reads > 100_000 || c.Seconds < 1:
		return grids.Errorf(grids.Invalid, "--writes is 0 to 1000, --reads 0 to 100000, --seconds at least 1")
	case c.Writes > 0 && !c.temporary() && !c.AllowWrites:
		return grids.Errorf(grids.Invalid, "marks would be written to a database in use: add --cases N for a temporary one, --writes 0 to leave this part out, or --allow-writes")
	}
	return nil
}

func (c *benchTilesCmd) temporary() bool { return c.Cases >= 0 }

// Run measures and prints.
func (c *benchTilesCmd) Run(ctx context.Context, conf *config) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if c.temporary() {
		own := *conf
		if own.Data, err = os.MkdirTemp("", "wangge-bench-"); err != nil {
			return grids.Hide(grids.Full, err, "there is no room for a temporary database")
		}
		defer func() { err = errors.Join(err, os.RemoveAll(own.Data)) }()
		if err := os.Chmod(own.Data, 0o711); err != nil { // the database may run as another user
			return err
		}
		own.DatabaseURL = ""
		conf = &own
	}
	db, err := conf.open(ctx, conf.quiet(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	if c.temporary() {
		o := demo.Options{Seed: 310151, Cases: c.Cases, Today: grids.DayOf(time.Now())}
		if err := loadDemo(ctx, conf, db.Store, o, func(string) {}); err != nil {
			return err
		}
	}
	report, err := c.measure(ctx, conf, db, func(layer string, over grids.Territory) (tileOracle, error) { return openOracle(ctx, db, layer, over) })
	if err != nil {
		return err
	}
	return errors.Join(report.WriteText(os.Stdout), save(c.JSON, report.WriteJSON), save(c.Plot, report.WriteSVG))
}

// save writes a file, if it has a name.
func save(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	if err := writeFile(path, write); err != nil {
		return grids.Hide(grids.Invalid, err, "%s cannot be written", path)
	}
	return nil
}

// measure joins two whole servers on the database, one that keeps its tiles and one that keeps none, and puts both to work.
func (c *benchTilesCmd) measure(ctx context.Context, conf *config, db *database, open func(layer string, over grids.Territory) (tileOracle, error)) (*bench.Report, error) {
	b := &tileBench{cmd: c, client: bench.NewClient(slices.Max(c.Concurrency)), open: open}
	defer b.close()
	for _, part := range []struct {
		to      **measured
		cacheMB int
	}{{&b.warm, 256}, {&b.cold, 0}} {
		s, err := (&serveCmd{Listen: "127.0.0.1:0", CacheMB: part.cacheMB, MaxUploadMB: 1}).join(conf, db, conf.quiet())
		if err != nil {
			return nil, err
		}
		if err := s.View.Fresh(ctx); err != nil {
			return nil, err
		}
		if *part.to, err = b.listen(signedIn(s)); err != nil {
			return nil, err
		}
		(*part.to).api = s
	}
	state := b.warm.api.View.State()
	if err := b.choose(ctx, state.Territory().District.Geometry.Bound()); err != nil {
		return nil, err
	}
	b.report = &bench.Report{At: time.Now().UTC(), Version: version, Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version()),
		Tiles: len(b.walk), Runs: c.Runs, Notes: []string{
			"ST_AsMVT's CPU is without gzip and disclosure, and with the way of the tile to this process.",
			"wangge counts the casework of a filter once and keeps it for all tiles (\"a new filter\" is the first tile); ST_AsMVT counts for every tile."}}
	if cube := b.warm.api.View.Tiles().Cube(); cube != nil {
		b.report.Events = cube.Told()
	}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	if c.Writes > 0 {
		return b.report, b.marks(ctx, state)
	}
	return b.report, nil
}

// choose makes the walk out of the tiles that the district is in: the others are empty, whoever makes them.
func (b *tileBench) choose(ctx context.Context, over orb.Bound) (err error) {
	b.walk, err = bench.Walk(over, func(t bench.Tile) (bool, error) {
		tile, err := b.cold.api.View.Tiles().Tile(ctx, tiles.Request{Layers: []string{"district"}, Z: t.Z, X: t.X, Y: t.Y})
		return !tile.Empty, err
	})
	if err == nil && len(b.walk) == 0 {
		err = grids.Errorf(grids.NotFound, "the district is in no tile: there is nothing to measure")
	}
	return err
}

// signedIn is a server to which every request comes with a token, which it has to look up like any other.
func signedIn(s *api.Server) http.Handler {
	district := grids.Scope{Level: grids.LevelDistrict}
	token := s.Accounts.Lend(grids.Actor{Name: "bench", Grants: []grids.Grant{{Role: grids.Commander, Scope: district}}, Purpose: "other"})
	authorization, next := []string{"Bearer " + token}, s.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header["Authorization"] = authorization
		next.ServeHTTP(w, r)
	})
}

// measured is a server that listens on loopback.
type measured struct {
	api    *api.Server // nil for the floor
	url    string
	server *http.Server
}

// listen serves h on a free port of loopback until the measurement is closed.
func (b *tileBench) listen(h http.Handler) (*measured, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, grids.Hide(grids.Unavailable, err, "no port of this machine is free")
	}
	m := &measured{url: "http://" + l.Addr().String(), server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = m.server.Serve(l) }() // ends by Close
	b.ends = append(b.ends, m.server.Close)
	return m, nil
}

// places is n places inside the district, the same for the same territory.
func places(state *live.State, n int) (list []orb.Point) {
	r, b := rand.New(rand.NewPCG(1, 2)), state.Territory().District.Geometry.Bound()
	for tries := 0; len(list) < n && tries < 1000*n; tries++ {
		p := orb.Point{b.Min[0] + r.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + r.Float64()*(b.Max[1]-b.Min[1])}
		if _, _, grid, ok := state.Places().Locate(p); ok && grid != "" {
			list = append(list, p)
		}
	}
	return list
}

// marks puts the server that keeps its tiles under a load of marks.
func (b *tileBench) marks(ctx context.Context, state *live.State) error {
	at := places(state, 1000)
	if len(at) == 0 {
		return grids.Errorf(grids.NotFound, "no place lies in a grid: nothing can be marked")
	}
	m := bench.Marks{Server: b.warm.url, Client: b.client, Places: at, Writes: b.cmd.Writes, Reads: b.cmd.Reads,
		For: time.Duration(b.cmd.Seconds) * time.Second, TakenBack: !b.cmd.temporary()}
	for _, layers := range layerSets() {
		for _, a := range b.asks(b.warm, layers) {
			m.ReadURLs = append(m.ReadURLs, a.URL)
		}
	}
	seen, err := m.Run(ctx)
	b.report.Marks = &seen
	return err
}
