package localpg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"wangge/grids"
)

// binaries are one major version of PostgreSQL, with PostGIS, as Debian and Ubuntu install it.
type binaries struct {
	dir     string      // .../postgresql/15/bin
	major   int         //
	file    os.FileInfo // of the program "postgres", to notice that it was swapped
	version string      // what it says of itself
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries picks the newest installed version that has PostGIS, or exactly the version that made the cluster in
// data when there is one. It changes nothing.
func findBinaries(root, data string) (binaries, error) {
	servers, spatial := installed(root)
	made, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil && !os.IsNotExist(err) {
		return binaries{}, grids.Errorf(grids.Invalid, "the database in %s cannot be read: %w; start the server as root or as the "+
			"folder's owner", data, err)
	}
	if err == nil {
		return matching(root, data, strings.TrimSpace(string(made)), servers, spatial)
	}
	switch {
	case len(spatial) > 0:
		return identify(root, slices.Max(spatial))
	case len(servers) > 0:
		n := slices.Max(servers)
		return binaries{}, grids.Errorf(grids.Unavailable, "PostgreSQL %d is installed but PostGIS is not: install it with "+
			"apt-get install postgresql-%d-postgis-3, or set DATABASE_URL to use another database", n, n)
	}
	return binaries{}, grids.Errorf(grids.Unavailable, "PostgreSQL with PostGIS is not installed: install it with apt-get install "+
		"postgresql postgresql-15-postgis-3 (Debian 12), or set DATABASE_URL to use another database")
}

// matching picks the version that made an existing cluster.
func matching(root, data, made string, servers, spatial []int) (binaries, error) {
	n, err := strconv.Atoi(made)
	if err != nil {
		return binaries{}, grids.Errorf(grids.Conflict, "the database in %s was made by an unknown version of PostgreSQL (%q): choose "+
			"another data folder; nothing was changed", data, made)
	}
	if slices.Contains(spatial, n) {
		return identify(root, n)
	}
	has := "PostgreSQL is not installed here"
	if slices.Contains(servers, n) {
		has = "PostGIS for it is not installed here"
	} else if len(servers) > 0 {
		has = "this machine has " + strings.Trim(fmt.Sprint(servers), "[]")
	}
	return binaries{}, grids.Errorf(grids.Conflict, "the database in %s was made by PostgreSQL %d, and %s: install that version with "+
		"apt-get install postgresql-%d postgresql-%d-postgis-3, or choose another data folder; nothing was changed", data, n, has, n, n)
}

// installed lists the major versions of PostgreSQL under root, and those of them that have PostGIS, ascending.
func installed(root string) (servers, spatial []int) {
	found, _ := filepath.Glob(filepath.Join(root, "/usr/lib/postgresql/*/bin/postgres")) // the pattern is well formed
	for _, f := range found {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(f))))
		if err != nil {
			continue
		}
		servers = append(servers, n)
		if _, err := os.Stat(filepath.Join(root, "/usr/share/postgresql", strconv.Itoa(n), "extension/postgis.control")); err == nil {
			spatial = append(spatial, n)
		}
	}
	slices.Sort(servers)
	slices.Sort(spatial)
	return servers, spatial
}

// identify looks at the program and asks for its version.
func identify(root string, major int) (binaries, error) {
	b := binaries{dir: filepath.Join("/", root, "usr/lib/postgresql", strconv.Itoa(major), "bin"), major: major}
	file, err := os.Stat(b.path("postgres"))
	if err != nil {
		return b, grids.Errorf(grids.Unavailable, "PostgreSQL %d has gone from this machine: %w; install it again with apt-get "+
			"install postgresql-%d postgresql-%d-postgis-3", major, err, major, major)
	}
	out, err := exec.Command(b.path("postgres"), "--version").Output()
	if err != nil {
		return b, grids.Errorf(grids.Unavailable, "%s does not run: %w; install PostgreSQL again", b.path("postgres"), err)
	}
	b.file, b.version = file, strings.TrimSpace(string(out))
	return b, nil
}

// checkSwapped reports that a package upgrade or removal changed the programs under a postmaster started from b: new
// backends would load libraries that do not belong to it. The same version unpacked again is no change.
func (b binaries) checkSwapped(root string) error {
	now, err := os.Stat(b.path("postgres"))
	if err == nil && os.SameFile(now, b.file) && now.Size() == b.file.Size() && now.ModTime().Equal(b.file.ModTime()) {
		return nil
	}
	other, err := identify(root, b.major)
	if err != nil {
		return err
	}
	if other.version != b.version {
		return grids.Errorf(grids.Conflict, "PostgreSQL was upgraded under the running server (started %s, now installed %s): "+
			"restart the server", b.version, other.version)
	}
	return nil
}
