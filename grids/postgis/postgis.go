// Package postgis is everything the server says to PostgreSQL + PostGIS: opening, migrations, the one kind of write
// (change + version + outbox + audit in one transaction), and a file of queries a noun. No other package imports pgx.
//
// Geometry crosses the wire as EWKB with SRID 4326, lon before lat. A [Store] is safe for concurrent use. Errors are
// *grids.Error: Unavailable when the database does not answer, with the database's own text kept as the cause only.
package postgis

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
	"github.com/paulmach/orb"
	"github.com/twpayne/go-geom"
	"github.com/twpayne/go-geom/encoding/ewkb"

	"wangge/grids"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the connections to one database, and the district it works for.
type Store struct {
	pool     *pgxpool.Pool // answers requests, bound by row-level security
	load     *pgxpool.Pool // imports, and nothing else
	copies   bool          // load may COPY into the tables: it is not bound by row-level security
	queue    *queue        // of analyses
	district grids.DistrictID
}

// Options say how to get into a database.
type Options struct {
	Owner string       // of the schema: a URL or key=value string. It is used for migrations and for making logins, then closed
	App   string       // of a login made by hand that owns nothing; "" for logins that the server makes
	Log   *slog.Logger // nil is slog.Default()
}

// maxLoading is how many imports may be under way in the database; further ones wait.
const maxLoading = 2

// Open is OpenWith for a database whose owner may make roles.
func Open(ctx context.Context, dsn string, district grids.DistrictID) (*Store, error) {
	return OpenWith(ctx, Options{Owner: dsn}, district)
}

// OpenWith brings the schema up to date as its owner, then connects by logins that own nothing and returns the store of one
// district. The caller closes it. Errors: Unavailable (no answer), Invalid (bad address, PostGIS missing, the owner may make no
// roles and no login was given, a login that may do too much).
func OpenWith(ctx context.Context, o Options, district grids.DistrictID) (s *Store, err error) {
	defer wrap(&err, "open the database")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s = &Store{district: district}
	app, load, err := s.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if !s.copies {
		o.Log.Warn("imports are slower than they could be: the owner of the database may not grant BYPASSRLS, so rows go through a staging table", "user", load.ConnConfig.User)
	}
	load.MaxConns = maxLoading
	app.MaxConns = max(app.MaxConns, 8)
	if s.pool, err = pgxpool.NewWithConfig(ctx, app); err != nil {
		return nil, err
	}
	if s.load, err = pgxpool.NewWithConfig(ctx, load); err != nil {
		s.pool.Close()
		return nil, err
	}
	err = s.begin(ctx)
	if err == nil {
		err = s.checkIndex(ctx, o.Log)
	}
	if err == nil {
		s.queue, err = newQueue(s.pool, o.Log)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// begin proves that both logins work.
func (s *Store) begin(ctx context.Context) error {
	for _, pool := range []*pgxpool.Pool{s.pool, s.load} {
		err := pool.Ping(ctx)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28") {
			return grids.Hide(grids.Invalid, err, "the database does not let its user %s in: let it sign in with a password from here (pg_hba.conf), as the owner does", pool.Config().ConnConfig.User)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare does as the owner what only the owner can do, and returns how to sign in from then on.
func (s *Store) prepare(ctx context.Context, o Options) (app, load *pgxpool.Config, err error) {
	config, err := poolConfig(o.Owner)
	if err != nil {
		return nil, nil, err
	}
	made := o.App == ""
	if !made {
		if app, err = poolConfig(o.App); err != nil {
			return nil, nil, err
		}
	}
	by := config.ConnConfig.Copy()
	delete(by.RuntimeParams, "search_path") // PostGIS goes where the owner would put it
	conn, err := pgx.ConnectConfig(ctx, by)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close(ctx)
	if err := migrateUp(ctx, conn); err != nil {
		return nil, nil, err
	}
	own := owner{conn}
	if err := errors.Join(own.ready(ctx, s.district), own.makeQueue(ctx)); err != nil {
		return nil, nil, err
	}
	if made {
		first, second, bypass, err := own.logins(ctx)
		s.copies = bypass
		return first.as(config), second.as(config), err
	}
	return app, app.Copy(), own.byHand(ctx, app.ConnConfig.User)
}

// poolConfig reads an address. The error is Invalid.
func poolConfig(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, grids.Hide(grids.Invalid, err, "the database URL is not well formed: write it as postgres://user:password@host:5432/name")
	}
	config.ConnConfig.RuntimeParams["search_path"] = "wangge,public"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "wangge"
	config.AfterConnect = registerGeometry
	return config, nil
}

// Close ends all connections.
func (s *Store) Close() {
	s.pool.Close()
	s.load.Close()
}

// Ping asks the database for an answer. The error is Unavailable.
func (s *Store) Ping(ctx context.Context) (err error) {
	defer wrap(&err, "ping")
	return s.pool.Ping(ctx)
}

// District is the district the store works for.
func (s *Store) District() grids.DistrictID { return s.district }

// migrateUp applies the numbered migrations that the database does not have yet. It holds an advisory lock as long as the
// connection lives: one process at a time prepares a database.
func migrateUp(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(310151)"); err != nil { // two starts at once: create schema and roles are not atomic
		return err
	}
	if _, err := conn.Exec(ctx, "create schema if not exists wangge"); err != nil {
		return err
	}
	m, err := migrate.NewMigrator(ctx, conn, "wangge.schema_version")
	if err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := m.LoadMigrations(files); err != nil {
		return err
	}
	at, err := m.GetCurrentVersion(ctx)
	if err != nil {
		return err
	}
	if int(at) > len(m.Migrations) {
		return grids.Errorf(grids.Conflict, "the database has schema version %d, this program knows %d: use a newer wangge", at, len(m.Migrations))
	}
	err = m.Migrate(ctx)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "0A000" || pg.Code == "58P01") && strings.Contains(pg.Message, "postgis") {
		return grids.Hide(grids.Invalid, err, "the database has no PostGIS: install it on the database server (Debian: postgresql-15-postgis-3)")
	}
	return err
}

// registerGeometry teaches a connection the type geometry as plain bytes (EWKB), which binary COPY needs.
func registerGeometry(ctx context.Context, conn *pgx.Conn) error {
	var oid uint32
	if err := conn.QueryRow(ctx, "select 'geometry'::regtype::oid").Scan(&oid); err != nil {
		return err
	}
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "geometry", OID: oid, Codec: pgtype.ByteaCodec{}})
	return nil
}

// wrap turns whatever came out of the driver into an *grids.Error; an error that is one already passes unchanged.
func wrap(err *error, doing string) {
	if *err == nil {
		return
	}
	var e *grids.Error
	if errors.As(*err, &e) {
		return
	}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(*err, context.Canceled):
	case errors.As(*err, &pg) && !errors.As(*err, &connect):
		*err = fromPostgres(pg, *err, doing)
	default: // the connection: refused, broken, timed out
		*err = grids.Hide(grids.Unavailable, fmt.Errorf("%s: %w", doing, *err), "the database does not answer at the moment; try again shortly")
	}
}

// fromPostgres decides by SQLSTATE and the constraint's name, never by text.
func fromPostgres(pg *pgconn.PgError, err error, doing string) error {
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case constraintSentence(pg.ConstraintName) != "":
		return grids.Hide(grids.Conflict, err, "%s", constraintSentence(pg.ConstraintName))
	case pg.Code == "53100":
		return grids.Hide(grids.Full, err, "the database's disk is full; nothing was stored. Free some space and try again")
	case strings.HasPrefix(pg.Code, "57") || strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53"):
		return grids.Hide(grids.Unavailable, err, "the database does not answer at the moment; try again shortly")
	case pg.Code == "40001" || pg.Code == "40P01":
		return grids.Hide(grids.Unavailable, err, "another change came in between; try again")
	}
	return grids.Hide(grids.Internal, err, "the server could not %s; the log has the cause", doing)
}

// constraintSentence says, by the constraint that refused, what a person should know; "" for the others.
func constraintSentence(name string) string {
	switch name {
	case "town_district", "grid_edition_district":
		return "there is no district yet: import the district's outline first"
	case "village_town":
		return "a village names a town that is not stored (or a stored village would lose its town): import all towns first"
	case "grid_town":
		return "a grid names a town that is not stored (or a stored grid would lose its town): import all towns first"
	case "grid_edition_published":
		return "another edition of this grid family was published at the same moment; look at it and import again"
	}
	return ""
}

// srid is the reference system of every geometry column: WGS 84, lon before lat.
const srid = 4326

// encode is the EWKB of g with SRID 4326. Multi-part types stay what they are. The error is Invalid.
func encode(g orb.Geometry) ([]byte, error) {
	var t geom.T
	switch g := g.(type) {
	case orb.Point:
		t = geom.NewPointFlat(geom.XY, g[:]).SetSRID(srid)
	case orb.Polygon:
		flat, ends := flatten(g, nil)
		t = geom.NewPolygonFlat(geom.XY, flat, ends).SetSRID(srid)
	case orb.MultiPolygon:
		var flat []float64
		endss := make([][]int, 0, len(g))
		for _, p := range g {
			var ends []int
			flat, ends = flatten(p, flat)
			endss = append(endss, ends)
		}
		t = geom.NewMultiPolygonFlat(geom.XY, flat, endss).SetSRID(srid)
	default:
		return nil, grids.Errorf(grids.Invalid, "a %T cannot be stored: points and polygons can", g)
	}
	return ewkb.Marshal(t, binary.LittleEndian)
}

// flatten appends the rings' coordinates to flat; the ends are offsets into the whole of flat.
func flatten(p orb.Polygon, flat []float64) (all []float64, ends []int) {
	for _, ring := range p {
		for _, c := range ring {
			flat = append(flat, c[0], c[1])
		}
		ends = append(ends, len(flat))
	}
	return flat, ends
}

// decode reads EWKB. It refuses another SRID than 4326, which would silently misplace everything.
func decode(b []byte) (orb.Geometry, error) {
	t, err := ewkb.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	if t.SRID() != srid {
		return nil, grids.Errorf(grids.Internal, "a stored geometry has SRID %d instead of %d", t.SRID(), srid)
	}
	switch t := t.(type) {
	case *geom.Point:
		if t.Empty() {
			return nil, grids.Errorf(grids.Internal, "a stored geometry is an empty point")
		}
		return orb.Point{t.X(), t.Y()}, nil
	case *geom.Polygon:
		return polygon(t.FlatCoords(), t.Ends(), t.Stride(), 0), nil
	case *geom.MultiPolygon:
		var mp orb.MultiPolygon
		from := 0
		for _, ends := range t.Endss() {
			mp = append(mp, polygon(t.FlatCoords(), ends, t.Stride(), from))
			if len(ends) > 0 {
				from = ends[len(ends)-1]
			}
		}
		return mp, nil
	}
	return nil, grids.Errorf(grids.Internal, "a stored geometry is a %T", t)
}

func polygon(flat []float64, ends []int, stride, from int) orb.Polygon {
	p := make(orb.Polygon, 0, len(ends))
	for _, end := range ends {
		ring := make(orb.Ring, 0, (end-from)/stride)
		for i := from; i < end; i += stride {
			ring = append(ring, orb.Point{flat[i], flat[i+1]})
		}
		p, from = append(p, ring), end
	}
	return p
}

// multi is g as a MultiPolygon; the error is Internal when it is no area.
func multi(g orb.Geometry) (orb.MultiPolygon, error) {
	switch g := g.(type) {
	case orb.Polygon:
		return orb.MultiPolygon{g}, nil
	case orb.MultiPolygon:
		return g, nil
	}
	return nil, grids.Errorf(grids.Internal, "an area was expected, not a %T", g)
}
