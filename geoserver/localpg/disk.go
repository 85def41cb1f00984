package localpg

import (
	"errors"
	"os"
	"syscall"

	"wangge/grids"
)

const (
	// ballastSize is kept back on the disk, and given up when less than scarce is free. Without room for one more log segment
	// (16 MiB) PostgreSQL stops with a PANIC and crash recovery cannot run either; without any room even a new
	// session, which only wants to read, may fail to write the cache of its catalogue.
	ballastSize = 64 << 20
	scarce      = 32 << 20
	// firstSize is the least room in which a new cluster is begun: cluster, PostGIS and ballast.
	firstSize = 192 << 20
	// reserveMax is the free space below which writes are refused on disks of 2 GiB and more.
	reserveMax = 512 << 20
)

// space is what a disk offers to an ordinary user, in bytes.
type space struct{ free, total uint64 }

// reserve is the free space that writes may not touch: the larger of 5 % of the disk and 512 MiB, the latter at most a
// quarter of a small disk.
func (s space) reserve() uint64 { return max(s.total/20, min(reserveMax, s.total/4)) }

// space measures the disk of the cluster.
func (f folder) space() (space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(f.path(""), &st); err != nil {
		return space{}, grids.Errorf(grids.Unavailable, "the disk of the data folder %s cannot be measured: %w", f.dir, err)
	}
	unit := uint64(st.Bsize)
	return space{free: st.Bavail * unit, total: st.Blocks * unit}, nil
}

// Writable is nil when the disk has room for writes, and Full when less is free than the larger of 5 % and 512 MiB
// (of a disk under 2 GiB: a quarter). It costs one system call: ask before every write.
func (c *Cluster) Writable() error {
	s, err := c.space()
	if err != nil {
		return err
	}
	if s.free < s.reserve() {
		return grids.Errorf(grids.Full, "the disk of the data folder %s is nearly full: %d MiB are free and %d MiB must stay free; "+
			"reading goes on, writing is refused until space is freed", c.dir, s.free>>20, s.reserve()>>20)
	}
	return nil
}

// checkRoom refuses to begin a new cluster where it would not fit.
func (c *Cluster) checkRoom() error {
	s, err := c.space()
	if err != nil {
		return err
	}
	if s.free < firstSize {
		return grids.Errorf(grids.Full, "the disk of the data folder %s has only %d MiB free, and a new database needs %d MiB: free some "+
			"space, or choose another folder with --data", c.dir, s.free>>20, firstSize>>20)
	}
	return nil
}

// keepBallast makes the ballast when there is none and the disk has room for it beside the reserve.
func (c *Cluster) keepBallast() {
	if info, err := c.pg.Stat(ballastFile); err == nil && info.Sys().(*syscall.Stat_t).Blocks*512 >= ballastSize {
		return
	}
	if s, err := c.space(); err != nil || s.free < s.reserve()+ballastSize {
		return
	}
	f, err := c.pg.OpenFile(ballastFile, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		c.log.Warn("no ballast against a full disk", "error", err)
		return
	}
	if err := errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, ballastSize), f.Close(), c.give(ballastFile)); err != nil {
		c.log.Warn("no ballast against a full disk", "error", err)
		_ = c.pg.Remove(ballastFile)
	}
}

// makeRoom gives the ballast up when the disk has no room left to run on or to recover in.
func (c *Cluster) makeRoom() {
	s, err := c.space()
	if err != nil || s.free >= scarce {
		return
	}
	if c.pg.Remove(ballastFile) == nil {
		c.log.Warn("the disk is full: the ballast was given up so that the database can go on and be read; free some space",
			"folder", c.dir, "freeMiB", s.free>>20, "ballastMiB", ballastSize>>20)
	}
}
