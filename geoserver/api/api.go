// Package api is the server's face: the route table, a file of handlers a noun, errors to statuses, and the event
// stream. Handlers read figures from the view in memory and write through the store; neither gives them a raw count.
package api

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"

	"wangge/geoserver/accounts"
	"wangge/geoserver/analysis"
	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/importers"
)

// Store is what the handlers write to, and read single things from.
type Store interface {
	Mark(ctx context.Context, actor grids.Actor, f grids.Finding) (stored grids.Finding, created bool, v grids.Versions, err error)
	Withdraw(ctx context.Context, actor grids.Actor, id grids.ID) (grids.Finding, grids.Versions, error)
	Finding(ctx context.Context, actor grids.Actor, id grids.ID) (grids.Finding, error)
	Batches(ctx context.Context, actor grids.Actor, limit int) ([]grids.Batch, error)
	CheckTerritory(ctx context.Context, actor grids.Actor, family grids.Family, toleranceM2 float64) (map[grids.Level][]grids.Flaw, error)
	Note(ctx context.Context, actor grids.Actor, action string, subject grids.Subject, detail any) error
}

// Services are the places elsewhere at which people sign in: Start sends the browser there, Callback takes it back.
type Services interface {
	Start(w http.ResponseWriter, r *http.Request, provider string) error
	Callback(w http.ResponseWriter, r *http.Request, provider string) error
}

// Imports takes files: a dry run keeps the file for a while, so that the same bytes can be committed.
type Imports interface {
	DryRun(ctx context.Context, in ImportRequest) (*importers.Report, error)
	Commit(ctx context.Context, actor grids.Actor, id string) (*importers.Report, grids.Versions, error)
	Discard(id string) error
}

// ImportRequest is a file that was received, and how to read it.
type ImportRequest struct {
	Path     string // the received bytes; the callee takes the file over
	Name     string // as the client named it
	Subject  string
	CRS      string // "" = as the file says
	Encoding string // "" = as the file says, or by its bytes
	Family   grids.Family
	Edition  string
	From     grids.Day // from which day the edition is in force; 0 for today
}

// Server is everything that the handlers need. All fields are required.
type Server struct {
	View        *live.View
	Accounts    *accounts.Accounts
	SignIn      Services
	Store       Store
	Imports     Imports
	Analyst     *analysis.Analyst
	Analyses    Analyses
	Writable    func() error // refuses writes while the disk is full
	Healthy     func() error
	WebMap      fs.FS
	Uploads     string // folder for received files
	Log         *slog.Logger
	Version     string
	ToleranceM2 float64
	MaxUpload   int64 // bytes
	Gate        *gate.Gate
	Metrics     http.Handler
	Observe     func(route string, status int, took time.Duration)
}

// Handler is the whole server as one handler.
func (s *Server) Handler() http.Handler {
	r := mux.NewRouter()
	r.NotFoundHandler = s.faults().Plain(func(_ http.ResponseWriter, r *http.Request) error {
		return grids.Errorf(grids.NotFound, "there is nothing at %s; the API is described at /api/openapi.json", r.URL.Path)
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.WriteProblem(w, http.StatusMethodNotAllowed, "this address does not take "+r.Method)
	})
	served := served{way: s.way}
	var tiles http.Handler
	for _, route := range s.routes() {
		match := r.Path // each call of it makes a route
		if strings.HasSuffix(route.pattern, "/") {
			match = r.PathPrefix
		}
		to := served.add(match(route.pattern).Handler(s.faults().Plain(route.handle)).Methods(route.methods...), route.pattern, route.need)
		if route.pattern == tilePrefix {
			tiles = to
		}
	}
	s.register(s.openAPI(r, &served))
	served.add(r.PathPrefix("/").Handler(s.faults().Plain(s.webMap)).Methods(http.MethodGet, http.MethodHead), "web map", accounts.Open)
	served.mustHoldAll(r)
	return s.guard(tilesFirst(r, tiles))
}

// tilesFirst lets tiles, which are most of what is asked for, past the table of routes: what matching one costs is a good part of
// answering it from memory.
func tilesFirst(table, tiles http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, tilePrefix) && readsOnly(r) {
			tiles.ServeHTTP(w, r)
			return
		}
		table.ServeHTTP(w, r)
	})
}

// way is what stands between every route and its handler, from the outside inwards.
func (s *Server) way(name string, need accounts.Need, to http.Handler) http.Handler {
	guarded := s.Accounts.Guard(need, looksAtStore)(s.Gate.ByAccount(accountOf)(packed(to)))
	return s.measured(name, s.freshOfMemory(guarded))
}

// accountOf names the account that asks, "" for none.
func accountOf(r *http.Request) string {
	if id := accounts.ActorOf(r.Context()).ID; !id.IsZero() {
		return string(id[:])
	}
	return ""
}

// served is the routes with what each asks of whoever asks for it.
type served struct {
	needs map[*mux.Route]accounts.Need
	way   func(name string, need accounts.Need, to http.Handler) http.Handler
}

// add puts the way in front of a route's handler, and returns both. It panics for what is no need, so that no server starts with a route that
// nobody thought about.
func (d *served) add(route *mux.Route, name string, need accounts.Need) http.Handler {
	if err := need.Check(); err != nil {
		panic(err)
	}
	if d.needs == nil {
		d.needs = map[*mux.Route]accounts.Need{}
	}
	d.needs[route] = need
	to := d.way(name, need, route.GetHandler())
	route.Handler(to)
	return to
}

// mustHoldAll panics when a route was registered past the table.
func (d *served) mustHoldAll(r *mux.Router) {
	_ = r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error { // the walk itself has no errors
		if _, there := d.needs[route]; !there {
			path, _ := route.GetPathTemplate()
			panic("the route " + path + " says nothing of what it needs")
		}
		return nil
	})
}

// Routes lists every route with what it needs, as "METHOD pattern": for the tests, and for whoever looks the table up.
func (s *Server) Routes() map[string]accounts.Need {
	list := map[string]accounts.Need{}
	for _, route := range s.routes() {
		for _, m := range route.methods {
			list[m+" "+route.pattern] = route.need
		}
	}
	list["GET /"], list["HEAD /"] = accounts.Open, accounts.Open // the web map
	r, served := mux.NewRouter(), served{way: s.way}
	s.register(s.openAPI(r, &served))
	for route, need := range served.needs {
		path, _ := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		for _, m := range methods {
			list[m+" "+path] = need
		}
	}
	return list
}

// looksAtStore reports whether freshOfMemory looked at the store for a request.
func looksAtStore(r *http.Request) bool { return readsMemory(r) && !accounts.Own(r.URL.Path) }

// freshOfMemory is fresh for what is answered out of memory: accounts are read from the store, so that one can sign in while the layers
// are still loading or there is no territory yet.
func (s *Server) freshOfMemory(next http.Handler) http.Handler {
	fresh := s.fresh(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if looksAtStore(r) {
			fresh.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// route is a row of the table of routes that do not speak JSON both ways. A pattern that ends in a slash is for all below it.
type route struct {
	pattern string
	methods []string
	need    accounts.Need
	handle  func(http.ResponseWriter, *http.Request) error
}

func (s *Server) routes() []route {
	get := []string{http.MethodGet, http.MethodHead}
	return []route{
		{tilePrefix, get, look, s.tiles}, // the first: most requests are for it
		{"/healthz", get, accounts.Open, s.healthz},
		{"/readyz", get, accounts.Open, s.readyz},
		{"/metrics", get, accounts.Need(grids.Operate), func(w http.ResponseWriter, r *http.Request) error { s.Metrics.ServeHTTP(w, r); return nil }},
		{"/styles/{theme}-{lang}.json", get, look, s.style},
		{"/api/events", get[:1], look, s.events},
		{"/api/export/{what}.csv", get[:1], accounts.Need(grids.Export), s.export},
		{"/api/analysis/runs/{id}/table.csv", get[:1], accounts.Need(grids.Export), s.analysisTable("csv")},
		{"/api/analysis/runs/{id}/table.xlsx", get[:1], accounts.Need(grids.Export), s.analysisTable("xlsx")},
		{"/api/oidc/{provider}/start", get[:1], accounts.Open, func(w http.ResponseWriter, r *http.Request) error {
			return s.SignIn.Start(w, r, mux.Vars(r)["provider"])
		}},
		{"/api/oidc/{provider}/callback", get[:1], accounts.Open, func(w http.ResponseWriter, r *http.Request) error {
			return s.SignIn.Callback(w, r, mux.Vars(r)["provider"])
		}},
		{"/api/imports", []string{http.MethodPost}, accounts.Need(grids.Import), s.receiveImport},
	}
}

// look is what the map and its figures need.
const look = accounts.Need(grids.Look)

// openAPI is the part of the API that describes itself. Its page of documentation is off: it would load from elsewhere.
func (s *Server) openAPI(r *mux.Router, served *served) huma.API {
	config := huma.DefaultConfig("wangge", s.Version)
	config.DocsPath, config.SchemasPath = "", ""
	config.OpenAPIPath = "/api/openapi"
	config.CreateHooks = nil // no $schema member in answers
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	return humamux.New(r, config, humamux.WithRouteCustomizer(func(op *huma.Operation, route *mux.Route) {
		need := accounts.NeedOf(op)
		if strings.HasPrefix(op.Path, config.OpenAPIPath) { // the description itself, which huma registers
			need = accounts.Open
		}
		served.add(route, op.Path, need)
	}))
}

// schemaName is the name of a type in the description: that of the type, with the package's before it where several packages use short words.
func schemaName(t reflect.Type, hint string) string {
	name, of := huma.DefaultSchemaNamer(t, hint), t
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Array {
		of = of.Elem()
	}
	switch prefix := path.Base(of.PkgPath()); prefix {
	case "analysis", "weights", "stat":
		return strings.ToUpper(prefix[:1]) + prefix[1:] + name
	}
	return name
}

// register lists every self-describing operation.
func (s *Server) register(api huma.API) {
	get(api, look, "/api/meta", "meta", "What the server holds: layers, indicators, words", s.meta)
	get(api, look, "/api/periods", "periods", "Casework by calendar month", s.periods)
	get(api, look, "/api/heat/values", "heat-values", "Counts of the hexagons on the screen in many periods", s.heatValues)
	get(api, look, "/api/legend", "legend", "The classes of an indicator on a level", s.legend)
	get(api, look, "/api/here", "here", "What is at a place", s.here)
	get(api, look, "/api/area/{level}/{code}", "area", "The figures of one unit", s.area)
	get(api, look, "/api/explain", "explain", "Why casework is shown in a unit as it is", s.explain)
	get(api, look, "/api/search", "search", "Places by name, code or coordinates", s.search)
	get(api, accounts.Need(grids.CheckTerritory), "/api/check", "check", "Damage in the stored territory", s.check)
	get(api, accounts.Need(grids.Import), "/api/imports", "imports", "The files imported so far", s.listImports)
	get(api, accounts.Need(grids.LookExact), "/api/findings/{id}", "finding", "One finding", s.finding)
	huma.Register(api, accounts.Needs(accounts.Need(grids.Mark), huma.Operation{OperationID: "mark", Method: http.MethodPost, Path: "/api/findings", Summary: "Mark a finding", DefaultStatus: http.StatusCreated, MaxBodyBytes: 1 << 20}), s.mark)
	huma.Register(api, accounts.Needs(accounts.Need(grids.Mark), huma.Operation{OperationID: "withdraw", Method: http.MethodPost, Path: "/api/findings/{id}/withdraw", Summary: "Take a mark back"}), s.withdraw)
	huma.Register(api, accounts.Needs(accounts.Need(grids.Import), huma.Operation{OperationID: "commit-import", Method: http.MethodPost, Path: "/api/imports/{id}/commit", Summary: "Store what a dry run showed"}), s.commitImport)
	huma.Register(api, accounts.Needs(accounts.Need(grids.Import), huma.Operation{OperationID: "discard-import", Method: http.MethodDelete, Path: "/api/imports/{id}", Summary: "Forget a dry run"}), s.discardImport)
	s.registerAnalysis(api)
	s.Accounts.Register(api)
}

// OpenAPI is the description of the API as indented JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	api := s.openAPI(mux.NewRouter(), &served{way: s.way})
	s.register(api)
	return json.MarshalIndent(api.OpenAPI(), "", "  ")
}

func get[I, O any](api huma.API, need accounts.Need, at, id, summary string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, accounts.Needs(need, huma.Operation{OperationID: id, Method: http.MethodGet, Path: at, Summary: summary}), handle)
}

// body is an answer of one JSON value.
type body[T any] struct {
	Body T
}

// seen is what the actor of a request sees. The error is Unavailable before the first load.
func (s *Server) seen(ctx context.Context) (*live.Sight, *live.State, error) {
	sight := s.View.Sight(classOf(actor(ctx)))
	st := sight.State()
	if st == nil {
		return nil, nil, grids.Errorf(grids.Unavailable, "the layers are still loading; try again shortly")
	}
	return sight, st, nil
}

// classOf is the class by which an actor looks: who may not see findings where they are sees nothing of the class that does.
func classOf(a grids.Actor) grids.Class {
	if c := a.Class(); c != grids.ClassCommand || a.Everywhere(grids.LookExact) {
		return c
	}
	return grids.ClassField
}

// actor is who asks.
func actor(ctx context.Context) grids.Actor { return accounts.ActorOf(ctx) }

func (s *Server) faults() gate.Faults { return gate.Faults{Log: s.Log} }
