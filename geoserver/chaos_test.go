package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg/pgtest"
)

// chaos does to the database of a running server what can happen to it.
type chaos struct {
	*soak
	t         *testing.T
	data, dsn string
	dump      string   // file of the backup
	dumped    *history // the log as of the backup
	cuts      int
	kills     int
	restores  int
}

// run does one thing after the other until the test has made its way: mostly it cuts all connections, every tenth time it
// kills PostgreSQL, once it makes a backup and once it restores that.
func (c *chaos) run() {
	steps := 30
	if c.limit > 0 {
		steps = 300
	}
	for i := 1; i <= steps && !c.over.Load(); i++ {
		for c.progress() < float64(i)/float64(steps+1) && !c.over.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		switch {
		case i == steps/5:
			c.backup()
		case i == steps/2:
			c.restore()
		case i%10 == 3:
			c.kill()
		default:
			c.cut()
		}
	}
	for c.progress() < 1 && !c.over.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	c.over.Store(true)
}

// of is the address of another database of the cluster.
func (c *chaos) of(database string) string {
	u, err := url.Parse(c.dsn)
	if err != nil {
		c.t.Error(err)
	}
	u.Path = "/" + database
	return u.String()
}

// sql runs statements in the database postgres, again and again while PostgreSQL is on its way back.
func (c *chaos) sql(statements ...string) {
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = c.try(&statements); err == nil {
			return
		}
	}
	c.fail("%v: %v", statements, err)
	c.over.Store(true)
}

// try runs the statements and takes off those that are done.
func (c *chaos) try(statements *[]string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.of("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for len(*statements) > 0 {
		if _, err := conn.Exec(ctx, (*statements)[0]); err != nil {
			return err
		}
		*statements = (*statements)[1:]
	}
	return nil
}

const cutAll = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'wangge'"

func (c *chaos) cut() {
	c.sql(cutAll)
	c.cuts++
}

func (c *chaos) kill() {
	if err := syscall.Kill(postmaster(c.t, c.data), syscall.SIGKILL); err != nil {
		c.fail("kill: %v", err)
	}
	c.kills++
}

// tool runs one of PostgreSQL's own programs.
func (c *chaos) tool(name string, args ...string) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is well formed
	if len(found) == 0 {
		c.fail("%s is not installed", name)
		return
	}
	if out, err := exec.Command(slices.Max(found), args...).CombinedOutput(); err != nil {
		c.fail("%s: %v %s", name, err, out)
	}
}

// backup dumps the database between two writes, so that the log says exactly what is in it.
func (c *chaos) backup() {
	c.dump = filepath.Join(pgtest.Folder(c.t), "wangge.dump")
	c.gate.Lock()
	defer c.gate.Unlock()
	c.sql("select 1") // it may be on its way back from a kill
	c.tool("pg_dump", "-Fc", "-Z1", "-f", c.dump, c.dsn)
	c.dumped = c.now.Load().copied()
}

// restore puts the backup in the place of the database, as an operator would: beside it first, then by name.
func (c *chaos) restore() {
	was := c.generation()
	c.sql("create database wangge_restored")
	c.tool("pg_restore", "-d", c.of("wangge_restored"), c.dump)
	c.gate.Lock()
	c.epoch.Add(1)
	c.sql("alter database wangge allow_connections false", cutAll, "alter database wangge rename to wangge_lost", "alter database wangge_restored rename to wangge")
	c.before.Store(c.now.Load())
	c.now.Store(c.dumped)
	c.epoch.Add(1)
	c.gate.Unlock()
	c.sql("drop database wangge_lost with (force)")
	for end := time.Now().Add(30 * time.Second); c.generation() == was; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.fail("after the restore the district is still that of %q", was)
			break
		}
	}
	c.restores++
}

// generation is another word when the server has begun anew.
func (c *chaos) generation() string {
	res, err := httpGet(c.url + "/api/meta")
	var m struct {
		Layers []struct{ ID, Revision string }
	}
	if err == nil {
		err = json.Unmarshal(res, &m)
	}
	if err != nil {
		c.fail("meta: %v", err)
	}
	for _, l := range m.Layers {
		if l.ID == "district" { // which nobody writes
			return l.Revision
		}
	}
	return ""
}
