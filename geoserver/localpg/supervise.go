package localpg

import (
	"context"
	"slices"
	"syscall"
	"time"

	"wangge/grids"
)

// How supervision goes about a PostgreSQL that does not stay up.
const (
	launches   = 6                      // failed starts in a row before it gives up
	firstWait  = 100 * time.Millisecond // between attempts, doubled each time
	longWait   = 5 * time.Second        // and no longer than this
	settled    = 30 * time.Second       // a run this long was a good one: the next wait is short again
	tendEvery  = 5 * time.Second        // how often the disk is looked at
	orphanWait = time.Minute            // for a postmaster that outlived its server to shut down by itself
)

// supervise keeps PostgreSQL up until Stop, or until it cannot be brought back.
func (c *Cluster) supervise(p *postmaster) {
	defer close(c.ended)
	defer c.release()
	tend := time.NewTicker(tendEvery)
	defer tend.Stop()
	started, quick := time.Now(), 0
	for {
		select {
		case <-tend.C:
			c.makeRoom()
			c.keepBallast()
		case <-c.running.Done():
			c.halt(p)
			return
		case <-p.gone:
			if quick++; time.Since(started) > settled {
				quick = 0
			}
			if p = c.restart(p.end(), quick); p == nil {
				return
			}
			started = time.Now()
		}
	}
}

// restart brings PostgreSQL back after it ended with those words. It is nil when Stop was called, or when it failed too often.
func (c *Cluster) restart(words string, quick int) *postmaster {
	c.setDown(grids.Errorf(grids.Unavailable, "the private PostgreSQL ended (%s) and is being started again", words))
	c.log.Warn("PostgreSQL ended by itself; starting it again", "folder", c.path(""), "said", words)
	var err error
	for n := range launches {
		select {
		case <-c.running.Done():
			return nil
		case <-time.After(backoff(quick + n)):
		}
		var p *postmaster
		if p, err = c.launch(c.running); err == nil {
			c.setDown(nil)
			c.log.Info("PostgreSQL is up again", "pid", p.pid)
			return p
		}
		c.log.Error("PostgreSQL does not start", "attempt", n+1, "of", launches, "error", err)
	}
	if c.running.Err() == nil {
		err = grids.Errorf(grids.KindOf(err), "the private PostgreSQL was started %d times and does not stay up: %w", launches, err)
		c.setDown(err)
		c.failed <- err
		close(c.failed)
	}
	return nil
}

// backoff is the wait before another attempt: none before the first, then doubling up to longWait.
func backoff(attempt int) time.Duration {
	if attempt <= 1 {
		return 0
	}
	return min(firstWait<<min(attempt-2, 10), longWait)
}

// halt is the clean stop.
func (c *Cluster) halt(p *postmaster) {
	c.setDown(grids.Errorf(grids.Unavailable, "the private PostgreSQL is being stopped"))
	_ = announce(c.lock, "") // only a hint to others that connecting is over
	c.makeRoom()             // the checkpoint at the end needs some
	if p.stop(c.patient) {
		c.log.Info("private PostgreSQL stopped", "folder", c.path(""))
		return
	}
	c.stopErr = grids.Errorf(grids.Unavailable, "PostgreSQL in %s was stopped the hard way (%s): the next start will replay its log",
		c.path(""), p.end())
}

func (c *Cluster) setDown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
}

// Stop ends PostgreSQL with a clean shutdown and frees the folder. When ctx ends first, PostgreSQL is ended at once,
// which loses nothing that was committed, and the error says so. Calling it again returns the same answer.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stop()
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.hurry()
		<-c.ended
	}
	return c.stopErr
}

// Failed yields one error, and is closed, when PostgreSQL ended and could not be brought back: the server should
// end too. It yields nothing after a Stop.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Health is nil when all is well. Unavailable: PostgreSQL is down (it may be coming back). Conflict: its programs were
// replaced under it by a package upgrade. Full: see [Cluster.Writable].
func (c *Cluster) Health() error {
	c.mu.Lock()
	bin, down := c.bin, c.down
	c.mu.Unlock()
	if down != nil {
		return down
	}
	if err := bin.checkSwapped(c.root); err != nil {
		return err
	}
	return c.Writable()
}

// endOrphans ends what an earlier postmaster or server left behind. A postmaster that lost its server is already shutting
// down and gets its time; a backend that lost its postmaster keeps the shared memory and must go.
func (c *Cluster) endOrphans(ctx context.Context) error {
	pids := c.processes()
	if len(pids) == 0 {
		return nil
	}
	c.log.Warn("ending what an earlier run of PostgreSQL left behind", "pids", pids)
	if master, _ := c.master(); slices.Contains(pids, master) {
		_ = syscall.Kill(master, syscall.SIGINT)
		if c.awaitNone(ctx, orphanWait, func() []int { return slices.DeleteFunc(c.processes(), func(p int) bool { return p != master }) }) {
			pids = c.processes()
		}
	}
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		for _, pid := range pids {
			_ = syscall.Kill(pid, sig)
		}
		if c.awaitNone(ctx, 10*time.Second, c.processes) {
			return nil
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		pids = c.processes()
	}
	return grids.Errorf(grids.Conflict, "processes %v of an earlier PostgreSQL still use %s and cannot be ended: end them by hand "+
		"and start again", pids, c.path(dataDir))
}

// awaitNone waits until list is empty, and reports whether it became so in time.
func (c *Cluster) awaitNone(ctx context.Context, limit time.Duration, list func() []int) bool {
	deadline := time.After(limit)
	for len(list()) > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-deadline:
			return false
		case <-time.After(pollEvery):
		}
	}
	return true
}
