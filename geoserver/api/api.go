// Package api is the server's face: the route table, a file of handlers a noun, errors to statuses, and the event
// stream. Handlers read figures from the view in memory and write through the store; neither gives them a raw count.
package api

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"

	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/importers"
)

// Store is what the handlers write to, and read single things from.
type Store interface {
	Mark(ctx context.Context, actor grids.Actor, f grids.Finding) (stored grids.Finding, created bool, v grids.Versions, err error)
	Withdraw(ctx context.Context, actor grids.Actor, id grids.ID) (grids.Finding, grids.Versions, error)
	Finding(ctx context.Context, id grids.ID) (grids.Finding, error)
	Batches(ctx context.Context, limit int) ([]grids.Batch, error)
	CheckTerritory(ctx context.Context, family grids.Family, toleranceM2 float64) (map[grids.Level][]grids.Flaw, error)
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
}

// Server is everything that the handlers need. All fields are required.
type Server struct {
	View        *live.View
	Store       Store
	Imports     Imports
	Writable    func() error // refuses writes while the disk is full
	Healthy     func() error
	WebMap      fs.FS
	Uploads     string // folder for received files
	Log         *slog.Logger
	Version     string
	ToleranceM2 float64
	MaxUpload   int64 // bytes
	Loopback    bool  // listening on loopback: only a loopback Host is answered
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
	for _, route := range s.routes() {
		to := r.Path(route.pattern)
		if strings.HasSuffix(route.pattern, "/") {
			to = r.PathPrefix(route.pattern)
		}
		to.Handler(s.faults().Plain(route.handle)).Methods(route.methods...).Name(route.pattern)
	}
	s.register(s.openAPI(r))
	r.PathPrefix("/").Handler(s.faults().Plain(s.webMap)).Methods(http.MethodGet, http.MethodHead).Name("web map")
	r.Use(s.measured, s.fresh, packed)
	return s.guard(r)
}

// route is a row of the table of routes that do not speak JSON both ways. A pattern that ends in a slash is for all below it.
type route struct {
	pattern string
	methods []string
	handle  func(http.ResponseWriter, *http.Request) error
}

func (s *Server) routes() []route {
	get := []string{http.MethodGet, http.MethodHead}
	return []route{
		{tilePrefix, get, s.tiles}, // the first: most requests are for it
		{"/healthz", get, s.healthz},
		{"/readyz", get, s.readyz},
		{"/metrics", get, func(w http.ResponseWriter, r *http.Request) error { s.Metrics.ServeHTTP(w, r); return nil }},
		{"/styles/{theme}-{lang}.json", get, s.style},
		{"/api/events", get[:1], s.events},
		{"/api/imports", []string{http.MethodPost}, s.receiveImport},
	}
}

// openAPI is the part of the API that describes itself. Its page of documentation is off: it would load from elsewhere.
func (s *Server) openAPI(r *mux.Router) huma.API {
	config := huma.DefaultConfig("wangge", s.Version)
	config.DocsPath, config.SchemasPath = "", ""
	config.OpenAPIPath = "/api/openapi"
	config.CreateHooks = nil // no $schema member in answers
	return humamux.New(r, config)
}

// register lists every self-describing operation.
func (s *Server) register(api huma.API) {
	get(api, "/api/meta", "meta", "What the server holds: layers, indicators, words", s.meta)
	get(api, "/api/periods", "periods", "Casework by calendar month", s.periods)
	get(api, "/api/heat/values", "heat-values", "Counts of the hexagons on the screen in many periods", s.heatValues)
	get(api, "/api/legend", "legend", "The classes of an indicator on a level", s.legend)
	get(api, "/api/here", "here", "What is at a place", s.here)
	get(api, "/api/area/{level}/{code}", "area", "The figures of one unit", s.area)
	get(api, "/api/search", "search", "Places by name, code or coordinates", s.search)
	get(api, "/api/check", "check", "Damage in the stored territory", s.check)
	get(api, "/api/imports", "imports", "The files imported so far", s.listImports)
	get(api, "/api/findings/{id}", "finding", "One finding", s.finding)
	huma.Register(api, huma.Operation{OperationID: "mark", Method: http.MethodPost, Path: "/api/findings", Summary: "Mark a finding", DefaultStatus: http.StatusCreated, MaxBodyBytes: 1 << 20}, s.mark)
	huma.Register(api, huma.Operation{OperationID: "withdraw", Method: http.MethodPost, Path: "/api/findings/{id}/withdraw", Summary: "Take a mark back"}, s.withdraw)
	huma.Register(api, huma.Operation{OperationID: "commit-import", Method: http.MethodPost, Path: "/api/imports/{id}/commit", Summary: "Store what a dry run showed"}, s.commitImport)
	huma.Register(api, huma.Operation{OperationID: "discard-import", Method: http.MethodDelete, Path: "/api/imports/{id}", Summary: "Forget a dry run"}, s.discardImport)
}

// OpenAPI is the description of the API as indented JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	api := s.openAPI(mux.NewRouter())
	s.register(api)
	return json.MarshalIndent(api.OpenAPI(), "", "  ")
}

func get[I, O any](api huma.API, path, id, summary string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary}, handle)
}

// body is an answer of one JSON value.
type body[T any] struct {
	Body T
}

// state is what the server holds; the error is Unavailable before the first load.
func (s *Server) state() (*live.State, error) {
	st := s.View.State()
	if st == nil {
		return nil, grids.Errorf(grids.Unavailable, "the layers are still loading; try again shortly")
	}
	return st, nil
}

// actor is who asks. There are no accounts yet: it is whoever can reach the machine's loopback address.
func actor(context.Context) grids.Actor { return grids.Operator }

func (s *Server) faults() gate.Faults { return gate.Faults{Log: s.Log} }
