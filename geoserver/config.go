package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/alecthomas/kong"

	"wangge/geoserver/localpg"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/importers/sandbox"
)

// config is every setting, read once. Options win over the environment.
type config struct {
	Data         string  `help:"Folder for the private database, uploads and logs." default:"data" env:"WANGGE_DATA" placeholder:"DIR"`
	DatabaseURL  string  `name:"database-url" help:"Use this PostgreSQL with PostGIS instead of a private one; give one with a password in the environment or in a file." env:"DATABASE_URL" placeholder:"URL"`
	DatabaseFile string  `name:"database-url-file" help:"Read the database URL from this file." env:"DATABASE_URL_FILE" placeholder:"FILE"`
	OwnerURL     string  `name:"owner-url" help:"The owner's way into that PostgreSQL, for migrations alone: then --database-url is a login made by hand that owns nothing." env:"WANGGE_OWNER_URL" placeholder:"URL"`
	OwnerFile    string  `name:"owner-url-file" help:"Read the owner's URL from this file." env:"WANGGE_OWNER_URL_FILE" placeholder:"FILE"`
	PGUser       string  `name:"pg-user" help:"System user that runs the private database when started by root." default:"postgres" env:"WANGGE_PG_USER"`
	Reader       string  `help:"The program that reads Shapefile, GeoPackage and KML (default: wangge-reader beside this program)." env:"WANGGE_READER" placeholder:"PATH"`
	K            int     `name:"k" help:"Smallest count of casework that is shown." default:"3" env:"WANGGE_K"`
	ToleranceM2  float64 `name:"tolerance-m2" help:"Gaps and overlaps of territory up to this area are rounding, not damage." default:"10" env:"WANGGE_TOLERANCE_M2"`
	LogLevel     string  `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"WANGGE_LOG_LEVEL"`
	LogFormat    string  `help:"text or json." default:"text" enum:"text,json" env:"WANGGE_LOG_FORMAT"`
}

// AfterApply implements kong's hook: it refuses passwords on the command line, which every user of the machine can see in the list of
// processes, and reads secrets out of their files.
func (c *config) AfterApply(k *kong.Context) (err error) {
	for _, p := range k.Path { // what the environment says is not in it
		if p.Flag == nil || !strings.HasSuffix(p.Flag.Name, "-url") {
			continue
		}
		if url, ok := k.FlagValue(p.Flag).(string); ok && mask(url) != url {
			return grids.Errorf(grids.Invalid, "--%s holds a password, which every user of this machine can see (ps): give it in the environment (%s) or in a file (%[2]s_FILE)", p.Flag.Name, p.Flag.Envs[0])
		}
	}
	if c.DatabaseURL, err = secret("DATABASE_URL", c.DatabaseURL, c.DatabaseFile); err != nil {
		return err
	}
	c.OwnerURL, err = secret("WANGGE_OWNER_URL", c.OwnerURL, c.OwnerFile)
	return err
}

// secret is a setting that is given itself or in a file, not both.
func secret(name, value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", grids.Errorf(grids.Invalid, "%s and %[1]s_FILE are both set: choose one", name)
	}
	b, err := os.ReadFile(file) // #nosec G304 -- the operator names it
	if err != nil {
		return "", grids.Hide(grids.Invalid, err, "the file %s of %s cannot be read", file, name)
	}
	if value = strings.TrimSpace(string(b)); value == "" {
		return "", grids.Errorf(grids.Invalid, "the file %s of %s is empty", file, name)
	}
	return value, nil
}

// check refuses settings that make no sense. The error is Invalid.
func (c *config) check() error {
	if c.K < 1 {
		return grids.Errorf(grids.Invalid, "--k is %d: the smallest shown count is at least 1", c.K)
	}
	if !(c.ToleranceM2 >= 0 && c.ToleranceM2 <= 1e6) {
		return grids.Errorf(grids.Invalid, "--tolerance-m2 is %v: give an area from 0 to 1,000,000 m²", c.ToleranceM2)
	}
	if c.OwnerURL != "" && c.DatabaseURL == "" {
		return grids.Errorf(grids.Invalid, "--owner-url is given without --database-url: name the login that the server works with by --database-url")
	}
	return nil
}

// logger writes structured logs to standard error.
func (c *config) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of four, checked by the parser
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

// database is an open store, and the private cluster below it if this process runs one.
type database struct {
	*postgis.Store
	cluster *localpg.Cluster
}

// close ends the connections, then the cluster.
func (d *database) close() error {
	d.Store.Close()
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Stop(context.Background())
}

// open finds the database: the URL; else the private cluster, for a command beside a running server the server's.
func (c *config) open(ctx context.Context, log *slog.Logger, beside bool) (*database, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	dsn := c.DatabaseURL
	db := &database{}
	if dsn == "" && beside {
		running, ok, err := localpg.Attach(c.Data)
		if err != nil {
			return nil, err
		}
		if ok {
			dsn = running
		}
	}
	if dsn == "" {
		cluster, err := localpg.Start(ctx, localpg.Options{Dir: c.Data, User: c.PGUser, Log: log})
		if err != nil {
			return nil, err
		}
		db.cluster, dsn = cluster, cluster.DSN()
	}
	logins := postgis.Options{Owner: dsn, Log: log}
	if c.OwnerURL != "" {
		logins.Owner, logins.App = c.OwnerURL, dsn
	}
	store, err := postgis.OpenWith(ctx, logins, grids.Chongming)
	if err != nil {
		if db.cluster != nil {
			_ = db.cluster.Stop(context.WithoutCancel(ctx)) // the first error counts
		}
		return nil, err
	}
	db.Store = store
	return db, nil
}

// reader is the program that reads foreign formats; "" when there is none: then those formats are refused with a sentence.
func (c *config) reader() string {
	if c.Reader != "" {
		return c.Reader
	}
	path, err := sandbox.Find()
	if err != nil {
		return ""
	}
	return path
}

// uploads is the folder for received files, made when it is not there.
func (c *config) uploads() (string, error) {
	dir := filepath.Join(c.Data, "uploads")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", grids.Hide(grids.Invalid, err, "the folder %s cannot be made: choose another --data", dir)
	}
	return dir, nil
}

type configCmd struct{}

// Run prints the configuration as JSON, secrets masked.
func (configCmd) Run(c *config) error {
	shown := *c
	shown.DatabaseURL, shown.OwnerURL = mask(c.DatabaseURL), mask(c.OwnerURL)
	shown.Reader = c.reader()
	b, err := json.MarshalIndent(map[string]any{"version": version, "go": runtime.Version(), "config": shown}, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(b))
	return c.check()
}

var passwordWord = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)`)

// mask hides the password of a database address, in both ways of writing one.
func mask(dsn string) string {
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		if q := u.Query(); q.Has("password") {
			q.Set("password", "***")
			u.RawQuery = q.Encode()
		}
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "***")
		}
		return u.String()
	}
	return passwordWord.ReplaceAllString(dsn, "${1}***")
}
