package api

import (
	"encoding/json"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"wangge/geoserver/gate"
	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// refused checks the error of a parser: a sentence for the client, of a kind that is its own fault.
func refused(t *testing.T, err error) {
	t.Helper()
	if status := gate.StatusOf(grids.KindOf(err)); status >= 500 || gate.Sentence(err) == "" {
		t.Errorf("%d: %v", status, err)
	}
}

func FuzzTileRequest(f *testing.F) {
	f.Add("/tiles/grids/12/3430/1665.mvt", "")
	f.Add("/tiles/grids,heat/9/428/208.mvt", "from=2025-01&to=2025-06&kind=tipoff")
	f.Add("/tiles/grids/-1/03/9223372036854775808.mvt", "from=9999-99&From=x&kind=tipoff&kind=tipoff")
	f.Add("/tiles/", "%zz;")
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest("GET", "/tiles/", nil)
		r.URL = &url.URL{Path: tilePrefix + strings.TrimPrefix(path, tilePrefix), RawQuery: query}
		req, err := tileRequest(r)
		if err != nil {
			refused(t, err)
			return
		}
		if again := tilePrefix + strings.Join(req.Layers, ",") + "/" + strconv.Itoa(req.Z) + "/" + strconv.Itoa(req.X) + "/" + strconv.Itoa(req.Y) + ".mvt"; again != r.URL.Path {
			t.Errorf("%q is read as %q: one tile under two addresses", r.URL.Path, again)
		}
		f, err := tiles.ParseFilter(req.Filter.Values())
		if err != nil || !reflect.DeepEqual(f, req.Filter) {
			t.Errorf("%q is read as %+v, and that as %+v: %v", query, req.Filter, f, err)
		}
	})
}

func FuzzBox(f *testing.F) {
	for _, text := range []string{"121.2,31.4,121.9,31.8", "-180,-90,180,90", "NaN,0,0,0", "0,0,Inf,1", "1e309,0,0,0", " 1 , 2,3,4", "0x1p-2,0,1,1", ",,,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		box, err := parseBox(text)
		if err != nil {
			refused(t, err)
			return
		}
		for _, v := range box {
			if math.IsNaN(v) || math.Abs(v) > 180 {
				t.Errorf("%q is the box %v", text, box)
			}
		}
		if box[0] > box[2] || box[1] > box[3] {
			t.Errorf("%q is the box %v", text, box)
		}
	})
}

func FuzzPeriod(f *testing.F) {
	for _, text := range []string{"2024-01..2024-03", "..", "2024-01..", "..2024-03", "2024-13..", "2024-03..2024-01", "0000-00..9999-12", "-001-01..", "２０２４-01.."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePeriod(text)
		if err != nil {
			refused(t, err)
		} else if p.From != 0 && p.To != 0 && p.From > p.To {
			t.Errorf("%q is the period %v", text, p)
		}
	})
}

// The parameter v and the header Last-Event-ID.
func FuzzVersions(f *testing.F) {
	for _, text := range []string{"0123456789abcdef.findings.12", "0123456789abcdef", "0123456789abcdef.findings.12.casework.3", "0123456789abcdef.findings.-1", "0123456789abcdef.findings.1.findings.2", "...", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := grids.ParseVersions(text)
		if err != nil {
			refused(t, err)
			return
		}
		again, err := grids.ParseVersions(v.String())
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%q is read as %+v, and that as %+v: %v", text, v, again, err)
		}
	})
}

func FuzzFinding(f *testing.F) {
	for _, geometry := range []string{
		`{"type":"Point","coordinates":[121.41,31.65]}`, `{"type":"Polygon","coordinates":[[[121.41,31.65],[121.411,31.65],[121.411,31.651]]]}`,
		`{"type":"Polygon","coordinates":[]}`, `{"type":"Polygon","coordinates":[[]]}`, `{"type":"Point","coordinates":[]}`, `{"type":"Point","coordinates":[1e309,0]}`, `{"type":"Point","coordinates":[200]}`, `{"type":"Point","coordinates":[31.65,121.41]}`,
		`{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}`, `{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[0,1],[0,0]]]]}`, `null`, `{"type":"Feature"}`, `[]`,
	} {
		f.Add(`{"id":"0198c1f4-0000-7000-8000-000000000000","kind":"cannabis","confidence":1,"source":"foot","seen_at":"2026-05-01T10:00:00+08:00","geometry":` + geometry + `}`)
	}
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body string) {
		var in NewFinding
		if json.Unmarshal([]byte(body), &in) != nil {
			return // answered before it comes here
		}
		found, err := newFinding(in)
		if err != nil {
			refused(t, err)
			return
		}
		area := mesh.AreaM2(found.Geometry)
		if err := found.Check(now, area); err != nil {
			refused(t, err)
			return
		}
		if b := found.Geometry.Bound(); !(b.Min[0] >= -180 && b.Max[0] <= 180 && b.Min[1] >= -90 && b.Max[1] <= 90) || math.IsNaN(area) || math.IsInf(area, 0) {
			t.Errorf("%s is taken, with the bounds %v and %v m²", body, b, area)
		}
	})
}

// What a form calls its file never becomes a place in the file system.
func FuzzUploadName(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../etc/passwd\"\r\n\r\nx\r\n--b--\r\n", "")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"网格.zip\"\r\n\r\nx\r\n--b--\r\n", "a/b")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n--b--\r\n", "..")
	f.Add("multipart/form-data", "", "/")
	f.Add("application/octet-stream", "x", "")
	dir := f.TempDir()
	s := &Server{Uploads: dir, MaxUpload: 1 << 10}
	f.Fuzz(func(t *testing.T, kind, body, name string) {
		r := httptest.NewRequest("POST", "/api/imports", strings.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		path, asNamed, err := s.receive(httptest.NewRecorder(), r, filepath.Base(name))
		if err != nil {
			refused(t, err)
		} else {
			info, err := os.Lstat(path)
			if err != nil || filepath.Dir(path) != dir || !info.Mode().IsRegular() || info.Size() > s.MaxUpload || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("stored as %s: %v %v", path, info, err)
			}
			if strings.Contains(asNamed, "/") || asNamed == "" {
				t.Errorf("named %q", asNamed)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
