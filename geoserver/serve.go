package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"wangge/geoserver/api"
	"wangge/geoserver/demo"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/tiles"
	webmap "wangge/web-map"
)

type serveCmd struct {
	Listen      string `help:"Address to listen on." default:"127.0.0.1:8470" env:"WANGGE_LISTEN"`
	Expose      bool   `help:"Listen on other addresses than loopback: there are no accounts yet, so a proxy with a sign-in must stand in front." env:"WANGGE_EXPOSE"`
	Demo        bool   `help:"Load the demo when the database is empty." env:"WANGGE_DEMO"`
	CacheMB     int    `name:"cache-mb" help:"Bound of the tile cache." default:"64" env:"WANGGE_CACHE_MB"`
	PrewarmZoom int    `help:"After the start, make the tiles over the district up to this zoom; -1 for none." default:"-1" env:"WANGGE_PREWARM_ZOOM"`
	MaxUploadMB int    `name:"max-upload-mb" help:"Largest file that the web takes." default:"512" env:"WANGGE_MAX_UPLOAD_MB"`
}

// Run starts the server and returns when ctx ends and everything is down.
func (c *serveCmd) Run(ctx context.Context, conf *config) (err error) {
	log := conf.logger()
	loopback := isLoopback(c.Listen)
	if !loopback && !c.Expose {
		return grids.Errorf(grids.Invalid, "there are no accounts yet, so the server listens on loopback only: use --listen 127.0.0.1:8470, or put a proxy with a sign-in in front and add --expose")
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return grids.Hide(grids.Conflict, err, "cannot listen on %s: is another server running there? Choose another address with --listen", c.Listen)
	}
	defer func() { _ = listener.Close() }() // the server closes it first when it ran
	began := time.Now()
	db, err := conf.open(ctx, log, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	s, err := c.join(conf, db, log, loopback)
	if err != nil {
		return err
	}
	log.Info("database ready", "took", time.Since(began).Round(time.Millisecond))
	return c.serve(ctx, conf, db, s, listener)
}

// join builds the server out of its parts: the one place where they meet.
func (c *serveCmd) join(conf *config, db *database, log *slog.Logger, loopback bool) (*api.Server, error) {
	view, err := live.New(db.Store, live.Options{Land: demo.Land(), Policy: disclosure.Policy{K: conf.K}, Weights: risk.Default(), CacheBytes: int64(c.CacheMB) << 20, Log: log})
	if err != nil {
		return nil, err
	}
	uploads, err := conf.uploads()
	if err != nil {
		return nil, err
	}
	metrics := newMetrics(view)
	return &api.Server{
		View: view, Store: db.Store, Imports: newImports(db.Store, conf, uploads), Uploads: uploads, WebMap: webmap.Files(), Log: log, Version: version,
		ToleranceM2: conf.ToleranceM2, MaxUpload: int64(c.MaxUploadMB) << 20, Loopback: loopback, Metrics: metrics.handler(), Observe: metrics.observe,
		Writable: func() error {
			if db.cluster == nil {
				return nil
			}
			return db.cluster.Writable()
		},
		Healthy: func() error {
			if db.cluster == nil {
				return nil
			}
			return db.cluster.Health()
		},
	}, nil
}

// serve answers requests until ctx ends or the database is lost for good.
func (c *serveCmd) serve(ctx context.Context, conf *config, db *database, s *api.Server, listener net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx }, // event streams end with the server
	}
	filled := s.View.Busy("the server is filling its memory")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	go c.fill(ctx, conf, db, s, listener.Addr(), filled)
	var lost <-chan error
	if db.cluster != nil {
		lost = db.cluster.Failed()
	}
	var err error
	select {
	case <-ctx.Done():
		s.Log.Info("stopping")
	case err = <-lost:
		err = fmt.Errorf("the private database is lost: %w", err)
	case err = <-served:
		return err
	}
	stop(nil)
	wait, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(wait))
}

// fill loads the demo if asked to, then follows the store. The server answers meanwhile: /readyz says what is missing.
func (c *serveCmd) fill(ctx context.Context, conf *config, db *database, s *api.Server, at net.Addr, filled func()) {
	if c.Demo {
		if err := loadDemoIfEmpty(ctx, conf, db.Store, s.Log); err != nil && ctx.Err() == nil {
			s.Log.Error("the demo could not be loaded", "err", explain(err))
		}
	}
	err := s.View.Fresh(ctx)
	filled()
	switch {
	case err == nil:
		fmt.Fprintf(os.Stderr, "\n  网格 wangge is ready: http://%s/\n  Try: choose an indicator, drag over the months below, click a grid, press ? for the keys.\n\n", at)
	case ctx.Err() == nil:
		fmt.Fprintf(os.Stderr, "\n  wangge listens on http://%s/ but has nothing to show: %s\n\n", at, explain(err))
	}
	if err == nil && c.PrewarmZoom >= 0 {
		began := time.Now()
		if err := s.View.Prewarm(ctx, c.PrewarmZoom, tiles.Names()...); err != nil && ctx.Err() == nil {
			s.Log.Error("the tiles could not be made beforehand", "err", explain(err))
		}
		s.Log.Info("tiles made beforehand", "tiles", s.View.Tiles().Usage().Tiles, "took", time.Since(began).Round(time.Millisecond))
	}
	s.View.Run(ctx)
}
