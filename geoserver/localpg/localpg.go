// Package localpg runs a private PostgreSQL cluster with PostGIS inside the server's data folder: it makes the
// cluster when there is none, starts the machine's own PostgreSQL on it as a child process, starts it again when it
// dies, and stops it with the server. Nothing listens on the network: the only way in is a Unix socket in a folder
// that the database's user alone can enter, with a random SCRAM password.
//
// Everything lies in the folder "pg" of the data folder:
//
//	pg/data      the cluster, made by initdb beside its place and renamed into it
//	pg/run       the socket
//	pg/lock      locked by the server that runs the cluster; says its process and, once ready, its socket folder
//	pg/password  of the database's owner, role "wangge"
//	pg/ballast   64 MiB kept back, given up when a full disk would stop crash recovery
//
// PostgreSQL refuses to run as root. A server started by root runs it as the owner of an existing cluster, or
// as [Options.User] when it makes a new one; any other server runs it as itself.
//
// However the server, PostgreSQL or both end, the next start needs no hand: a postmaster that outlived its server is
// stopped, backends that outlived their postmaster are ended, and a lock file that names a process of somebody else is
// mended. postmaster.pid itself is never deleted, because it holds the key by which PostgreSQL finds backends still attached.
package localpg

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// database is the database that Start creates, and role its owner, a superuser of the private cluster.
const (
	database = "wangge"
	role     = "wangge"
)

// Options say where and how to run the cluster.
type Options struct {
	Dir      string            // the server's data folder; made when missing
	User     string            // system user that PostgreSQL runs as when the server is root; "" is "postgres"
	Log      *slog.Logger      // nil is slog.Default()
	Settings map[string]string // PostgreSQL settings over our own; fsync=off also spares initdb its fsync (tests)

	root string // where the system's /usr is looked for; "" is /
}

// Cluster is a running private PostgreSQL. It is safe for concurrent use.
type Cluster struct {
	folder
	log      *slog.Logger
	settings map[string]string
	root     string
	password string
	lock     *os.File
	pg       *os.Root // the folder pg: its owner cannot lead a server run by root out of it with a link

	running context.Context // ends when Stop is called
	stop    context.CancelFunc
	patient context.Context // ends when Stop ran out of time
	hurry   context.CancelFunc
	ended   chan struct{} // closed when supervision is over
	stopErr error         // how the stop went; read after ended
	failed  chan error

	mu   sync.Mutex
	bin  binaries // what the running postmaster was started from
	down error    // why PostgreSQL is not up now
}

// Start brings up the cluster in o.Dir, whatever state a crash left it in, and returns when the database "wangge"
// takes connections. The context limits the start only: end the cluster with Stop.
//
// Errors are *grids.Error. Conflict: another server runs on the folder, or it was made by another major version of
// PostgreSQL (then nothing was touched). Invalid: the folder cannot be written or entered, or its path is too long.
// Full: no room on the disk. Unavailable: PostgreSQL or PostGIS is not installed, or PostgreSQL did not come up.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	c, err := open(o)
	if err != nil {
		return nil, err
	}
	if err = c.occupy(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.release()
		}
	}()
	if err = c.initialise(ctx); err != nil {
		return nil, err
	}
	p, err := c.launch(ctx)
	if err != nil {
		return nil, err
	}
	if err = c.createDatabase(ctx); err == nil {
		err = announce(c.lock, c.path(runDir))
	}
	if ctx.Err() != nil {
		err = interrupted(ctx)
	}
	if err != nil {
		p.stop(c.patient)
		return nil, err
	}
	c.keepBallast()
	c.log.Info("private PostgreSQL is up", "folder", c.path(""), "version", c.bin.version, "pid", p.pid)
	go c.supervise(p)
	return c, nil
}

// interrupted is the error of a start whose context ended.
func interrupted(ctx context.Context) error {
	return grids.Errorf(grids.Unavailable, "the start of the private PostgreSQL was interrupted: %w", ctx.Err())
}

// open looks at the folder and the machine without changing either.
func open(o Options) (*Cluster, error) {
	if o.Dir == "" {
		return nil, grids.Errorf(grids.Invalid, "no data folder was given: name one with --data")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, grids.Errorf(grids.Invalid, "the data folder %q has no absolute path: %w", o.Dir, err)
	}
	c := &Cluster{
		folder: folder{dir: dir}, log: o.Log, settings: o.Settings, root: o.root,
		ended: make(chan struct{}), failed: make(chan error, 1),
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if err := c.checkSocketPath(); err != nil {
		return nil, err
	}
	if c.bin, err = findBinaries(c.root, c.path(dataDir)); err != nil {
		return nil, err
	}
	if c.owner, err = findOwner(o.User, c.path(dataDir)); err != nil {
		return nil, err
	}
	c.running, c.stop = context.WithCancel(context.Background())
	c.patient, c.hurry = context.WithCancel(context.Background())
	return c, nil
}

// createDatabase makes the database that the server uses, once. It is also the proof that the password fits.
func (c *Cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.DSNFor("postgres"))
	if err != nil {
		return grids.Hide(grids.Unavailable, err, "the private PostgreSQL in %s runs but refuses its own server: check "+
			"that %s is the file that was made with it", c.path(""), c.path(passwordFile))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{database}.Sanitize())
	}
	if err != nil {
		return c.diagnose(err.Error(), "the database %q could not be made in %s: %s", database, c.path(""), err)
	}
	return nil
}

// DSN is the connection string (a postgresql:// URI, password included) of the database "wangge". It stays
// the same while the cluster lives, also when PostgreSQL is started again.
func (c *Cluster) DSN() string { return c.DSNFor(database) }

// DSNFor is the connection string of another database of the cluster.
func (c *Cluster) DSNFor(db string) string { return dsn(c.path(runDir), c.password, db) }

func dsn(socket, password, db string) string {
	q := url.Values{"host": {socket}, "port": {socketPort}, "sslmode": {"disable"}}
	u := url.URL{
		Scheme: "postgresql", User: url.UserPassword(role, password), Path: "/" + db,
		RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20"), // libpq takes a plus as a plus
	}
	return u.String()
}

// Attach is the connection string of the database "wangge" of the cluster that another live process runs on the data
// folder dir, so that a command can work beside a running server. ok is false when no server runs there. The error is
// Unavailable while that server is still starting, and Forbidden when its folder belongs to another user.
func Attach(dir string) (connect string, ok bool, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", false, grids.Errorf(grids.Invalid, "the data folder %q has no absolute path: %w", dir, err)
	}
	f := folder{dir: abs}
	h, err := readLock(f.path(lockFile))
	switch {
	case os.IsPermission(err):
		return "", false, grids.Errorf(grids.Forbidden, "the database in %s belongs to another user: run this command as "+
			"root or as that user", f.path(""))
	case os.IsNotExist(err) || err == nil && !h.held:
		return "", false, nil
	case err != nil:
		return "", false, grids.Errorf(grids.Internal, "cannot see whether a server runs on %s: %w", abs, err)
	case h.socket == "":
		return "", false, grids.Errorf(grids.Unavailable, "the server on %s (process %d) is still starting or is stopping: "+
			"try again in a moment", abs, h.pid)
	}
	password, err := os.ReadFile(f.path(passwordFile))
	if err != nil {
		return "", false, grids.Errorf(grids.Forbidden, "the password of the database in %s cannot be read: %w; run this "+
			"command as root or as the owner of that folder", f.path(""), err)
	}
	return dsn(h.socket, string(password), database), true, nil
}
