package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"wangge/geoserver/gate"
	"wangge/grids"
	"wangge/importers"
)

// receiveTimeout bounds how long a file may take to arrive and be checked.
const receiveTimeout = 30 * time.Minute

// receiveImport answers POST /api/imports: it takes the file (the body itself, or the part "file" of a form) and says
// what an import would do. Nothing is stored.
func (s *Server) receiveImport(w http.ResponseWriter, r *http.Request) error {
	c := http.NewResponseController(w)
	deadline := time.Now().Add(receiveTimeout)
	if err := errors.Join(c.SetReadDeadline(deadline), c.SetWriteDeadline(deadline)); err != nil {
		return grids.Hide(grids.Internal, err, "the upload could not begin")
	}
	q := r.URL.Query()
	in := ImportRequest{Name: filepath.Base(q.Get("file")), Subject: q.Get("subject"), CRS: q.Get("crs"), Encoding: q.Get("encoding"),
		Family: grids.Family(q.Get("family")), Edition: q.Get("edition")}
	var err error
	if in.Path, in.Name, err = s.receive(w, r, in.Name); err != nil {
		return err
	}
	report, err := s.Imports.DryRun(r.Context(), in)
	if err != nil {
		return err
	}
	return gate.WriteJSON(w, report)
}

// receive writes the file of a request to the folder of uploads, at most MaxUpload bytes of it.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, name string) (path, asNamed string, err error) {
	var src io.Reader = http.MaxBytesReader(w, r.Body, s.MaxUpload)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, s.MaxUpload)
		form, err := r.MultipartReader()
		if err != nil {
			return "", "", grids.Errorf(grids.Invalid, "the form could not be read: send the file as the part named file")
		}
		for {
			part, err := form.NextPart()
			if err != nil {
				return "", "", grids.Errorf(grids.Invalid, "the form holds no part named file")
			}
			if part.FormName() == "file" {
				src = part
				if name == "." || name == "" {
					name = filepath.Base(part.FileName())
				}
				break
			}
		}
	}
	if name == "." || name == "" || name == "/" {
		name = "upload"
	}
	f, err := os.CreateTemp(s.Uploads, "upload-*")
	if err != nil {
		return "", "", grids.Hide(grids.Full, err, "the server has no room for the file")
	}
	n, err := io.Copy(f, src)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name()) // the first error counts
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return "", "", grids.Errorf(grids.TooLarge, "the file is larger than %d MB: split it, or import it with the command line", s.MaxUpload>>20)
		}
		return "", "", grids.Hide(grids.Invalid, err, "the file did not arrive whole: send it again")
	}
	if n == 0 {
		_ = os.Remove(f.Name()) // nothing in it
		return "", "", grids.Errorf(grids.Invalid, "the file is empty")
	}
	return f.Name(), name, nil
}

type importID struct {
	ID string `path:"id" maxLength:"64"`
}

// CommittedImport is the report of an import that was stored.
type CommittedImport struct {
	importers.Report
	V string `json:"v,omitempty" doc:"names the change: with ?v= any address is answered only by what holds it; absent when nothing changed"`
}

func (s *Server) commitImport(ctx context.Context, in *importID) (*body[CommittedImport], error) {
	report, v, err := s.Imports.Commit(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	s.View.Nudge()
	return &body[CommittedImport]{CommittedImport{*report, sealed(v)}}, nil
}

func (s *Server) discardImport(_ context.Context, in *importID) (*struct{}, error) {
	return nil, s.faults().Huma(s.Imports.Discard(in.ID))
}

// Batches is the list of imported files.
type Batches struct {
	Batches []grids.Batch `json:"batches"`
}

func (s *Server) listImports(ctx context.Context, _ *struct{}) (*body[Batches], error) {
	list, err := s.Store.Batches(ctx, actor(ctx), 200)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	if list == nil {
		list = []grids.Batch{}
	}
	return &body[Batches]{Batches{list}}, nil
}

// Flaw is one damage in the stored territory.
type Flaw struct {
	Severity string     `json:"severity"`
	Code     string     `json:"code"`
	Subject  string     `json:"subject"`
	Place    string     `json:"place"`
	Message  grids.Text `json:"message"`
	AreaM2   float64    `json:"area_m2"`
}

// Flaws is what a check found.
type Flaws struct {
	Findings []Flaw `json:"findings"`
}

func (s *Server) check(ctx context.Context, _ *struct{}) (*body[Flaws], error) {
	byLevel, err := s.Store.CheckTerritory(ctx, actor(ctx), grids.DrugControl, s.ToleranceM2)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	out := Flaws{Findings: []Flaw{}}
	for _, level := range []grids.Level{grids.LevelDistrict, grids.LevelTowns, grids.LevelVillages, grids.LevelGrids} {
		for _, f := range byLevel[level] {
			out.Findings = append(out.Findings, Flaw{string(f.Severity), string(f.Code), string(level), f.Place, f.Message(), f.AreaM2})
		}
	}
	return &body[Flaws]{out}, nil
}
