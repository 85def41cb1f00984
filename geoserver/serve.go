package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"wangge/geoserver/analysis"
	"wangge/geoserver/api"
	"wangge/geoserver/demo"
	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/risk"
	"wangge/tiles"
	webmap "wangge/web-map"
)

type serveCmd struct {
	Listen      string `help:"Address to listen on." default:"127.0.0.1:8470" env:"WANGGE_LISTEN"`
	Expose      bool   `help:"Listen on other addresses than loopback, too. Not with accounts of the demo: everybody knows their password." env:"WANGGE_EXPOSE"`
	Demo        bool   `help:"Load the demo when the database is empty, and its accounts when there are none." env:"WANGGE_DEMO"`
	CacheMB     int    `name:"cache-mb" help:"Bound of the tile cache." default:"64" env:"WANGGE_CACHE_MB"`
	PrewarmZoom int    `help:"After the start, make the tiles over the district up to this zoom; -1 for none." default:"-1" env:"WANGGE_PREWARM_ZOOM"`
	MaxUploadMB int    `name:"max-upload-mb" help:"Largest file that the web takes." default:"512" env:"WANGGE_MAX_UPLOAD_MB"`

	TLSCert        string         `name:"tls-cert" help:"PEM file of the certificate and its chain; read again when it changes." env:"WANGGE_TLS_CERT" placeholder:"FILE"`
	TLSKey         string         `name:"tls-key" help:"PEM file of the certificate's key." env:"WANGGE_TLS_KEY" placeholder:"FILE"`
	TrustedProxy   []netip.Prefix `help:"Networks of the proxies that speak TLS in front; what they say of the client (X-Forwarded-For, -Proto, -Host) is believed." env:"WANGGE_TRUSTED_PROXY" placeholder:"CIDR"`
	PublicName     []string       `help:"Names by which other machines open the server; it answers by no other." env:"WANGGE_PUBLIC_NAME" placeholder:"NAME"`
	RatesByAddress gate.Rates     `help:"Requests that one address may send: class=per-second/burst, or none." default:"tiles=4000/20000,api=200/2000,sign-in=1/60,imports=0.5/60" env:"WANGGE_RATES_BY_ADDRESS" placeholder:"RATES"`
	RatesByAccount gate.Rates     `help:"Requests that one account may send." default:"tiles=1000/5000,api=50/500,sign-in=1/60,imports=0.2/30" env:"WANGGE_RATES_BY_ACCOUNT" placeholder:"RATES"`
	SignInServices string         `name:"sign-in-services" help:"JSON file of the OpenID Connect services at which people may sign in; their client secrets stand in files or in the environment." env:"WANGGE_SIGN_IN_SERVICES" placeholder:"FILE"`
	MaxWaitingMB   int            `name:"max-waiting-mb" help:"Most that all files take together between their dry run and their commit." default:"4096" env:"WANGGE_MAX_WAITING_MB"`
}

// Files that may be received at the same time.
const (
	uploadsOfAnAddress = 8
	uploadsOfAnAccount = 2
)

// Run starts the server and returns when ctx ends and everything is down.
func (c *serveCmd) Run(ctx context.Context, conf *config) (err error) {
	log := conf.logger()
	loopback := gate.OnLoopback(c.Listen)
	if !loopback && !c.Expose {
		return grids.Errorf(grids.Invalid, "the address %s can be reached from other machines: add --expose if that is meant, or use --listen 127.0.0.1:8470", c.Listen)
	}
	if err := gate.CheckListener(c.Listen, c.TLSCert != "", c.TrustedProxy, c.PublicName); err != nil {
		return err
	}
	certificates, err := c.certificates(log)
	if err != nil {
		return err
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
	defer keepHeads(ctx, conf, db, log)()
	s, err := c.join(conf, db, log)
	if err != nil {
		return err
	}
	if err := c.first(ctx, db.Store, s.Accounts, c.alone()); err != nil {
		return err
	}
	log.Info("database ready", "took", time.Since(began).Round(time.Millisecond))
	return c.serve(ctx, conf, db, s, listener, certificates)
}

// join builds the server out of its parts: the one place where they meet.
func (c *serveCmd) join(conf *config, db *database, log *slog.Logger) (*api.Server, error) {
	view, err := live.New(db.Store, live.Options{Land: demo.Land(), K: conf.K, Weights: risk.Default(), CacheBytes: int64(c.CacheMB) << 20, Log: log})
	if err != nil {
		return nil, err
	}
	uploads, err := conf.uploads()
	if err != nil {
		return nil, err
	}
	metrics := newMetrics(view)
	door, err := c.gate(uploads, log, metrics)
	if err != nil {
		return nil, err
	}
	who, client, err := c.accounts(db, view, log)
	if err != nil {
		return nil, err
	}
	return &api.Server{
		View: view, Analyst: analysis.New(view, db.Store), Analyses: db.Store, Accounts: who, SignIn: client, Store: db.Store, Imports: newImports(db.Store, conf, uploads), Uploads: uploads, WebMap: webmap.Files(), Log: log, Version: version,
		ToleranceM2: conf.ToleranceM2, MaxUpload: int64(c.MaxUploadMB) << 20, Gate: door, Metrics: metrics.handler(), Observe: metrics.observe,
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
func (c *serveCmd) serve(ctx context.Context, conf *config, db *database, s *api.Server, listener net.Listener, certificates *tls.Config) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := s.Gate.Server(s.Handler())
	server.TLSConfig = certificates
	server.BaseContext = func(net.Listener) context.Context { return ctx } // event streams end with the server
	analysed := c.analyse(ctx, db, s)
	defer func() { stop(nil); analysed() }()
	filled := s.View.Busy("the server is filling its memory")
	served := make(chan error, 1)
	go func() {
		if certificates != nil {
			served <- server.ServeTLS(s.Gate.Listener(listener), "", "")
			return
		}
		served <- server.Serve(s.Gate.Listener(listener))
	}()
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

// analysesAtOnce is how many analyses the server computes at a time: a long one must not take the machine from the map.
const analysesAtOnce = 1

// analyse works off what people ask for; the returned function waits until that has ended.
func (c *serveCmd) analyse(ctx context.Context, db *database, s *api.Server) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := db.Store.WorkOff(ctx, analysesAtOnce, s.Log, s.Analyst.Compute); err != nil && ctx.Err() == nil {
				s.Log.Error("analyses cannot be worked off", "err", explain(err))
				select {
				case <-time.After(5 * time.Second):
				case <-ctx.Done():
				}
			}
		}
	}()
	return func() { <-done }
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
		fmt.Fprintf(os.Stderr, "\n  网格 wangge is ready: %s\n  Try: choose an indicator, drag over the months below, click a grid, press ? for the keys.\n\n", c.url(at))
	case ctx.Err() == nil:
		fmt.Fprintf(os.Stderr, "\n  wangge listens on %s but has nothing to show: %s\n\n", c.url(at), explain(err))
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

// gate makes what stands before every route.
func (c *serveCmd) gate(uploads string, log *slog.Logger, m *metrics) (*gate.Gate, error) {
	return gate.New(gate.Settings{
		Log: log, Names: c.PublicName, Proxies: c.TrustedProxy, PerAddress: c.RatesByAddress, PerAccount: c.RatesByAccount,
		Uploads: gate.UploadLimits{PerAddress: uploadsOfAnAddress, PerAccount: uploadsOfAnAccount, Waiting: int64(c.MaxWaitingMB) << 20},
		Waiting: func() int64 { return folderBytes(uploads) },
		Refused: func(status int, took time.Duration) { m.observe("gate", status, took) },
	})
}

// folderBytes is what the files of a folder take together.
func folderBytes(dir string) (n int64) {
	entries, _ := os.ReadDir(dir) // what cannot be read is not counted
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// certificates is the server's side of TLS, nil without.
func (c *serveCmd) certificates(log *slog.Logger) (*tls.Config, error) {
	if c.TLSCert == "" && c.TLSKey == "" {
		return nil, nil
	}
	return gate.TLS(c.TLSCert, c.TLSKey, log)
}

// url is the address at which people of this machine open the server.
func (c *serveCmd) url(at net.Addr) string {
	if c.TLSCert == "" {
		return "http://" + at.String() + "/"
	}
	_, port, _ := net.SplitHostPort(at.String()) // of a listener
	name := "localhost"
	if len(c.PublicName) > 0 {
		name = c.PublicName[0]
	}
	return "https://" + net.JoinHostPort(name, port) + "/"
}
