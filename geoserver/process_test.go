package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// programs builds wangge and its reader once, as make build does, and returns their folder.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wangge-bin-")
	if err != nil {
		return "", err
	}
	for out, pkg := range map[string]string{"wangge": "wangge/geoserver", "wangge-reader": "wangge/importers/reader"} {
		if b, err := exec.Command("go", "build", "-o", filepath.Join(dir, out), pkg).CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, b)
		}
	}
	return dir, os.Chmod(dir, 0o755) // the reader runs as nobody
})

// process is a running wangge serve.
type process struct {
	*exec.Cmd
	at       string // host and port
	url      string // with a token of the demo's commander, when there is one: clients send it
	operator string // the same with one of the system administrator
	out      output
	done     chan error
}

// output is what a process printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func wangge(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "wangge"), args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL=")
	return cmd
}

// command runs a command to its end and returns what it printed and its exit status.
func command(t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := wangge(t, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	code := 0
	if exit != nil {
		code = exit.ExitCode()
	}
	return string(out), code
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start begins a server that listens on a free port of loopback.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	at := freePort(t)
	p := &process{Cmd: wangge(t, append([]string{"serve", "--listen", at}, args...)...), at: at, url: "http://" + at, done: make(chan error, 1)}
	p.Stdout, p.Stderr = &p.out, &p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Kill()
	})
	return p
}

// serve begins a server with the demo's accounts, and signs in when it is ready.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p := start(t, append([]string{"--data", data}, args...)...)
	p.until(t, "/readyz", http.StatusOK, 3*time.Minute)
	url := p.url
	p.operator = signInDemo(t, url, grids.SystemAdmin, grids.Operate)
	p.url = signInDemo(t, url, grids.Commander, grids.Look, grids.LookExact, grids.Mark)
	return p
}

// until asks until the status comes.
func (p *process) until(t *testing.T, path string, status int, limit time.Duration) []byte {
	t.Helper()
	last := ""
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(p.url + path)
		if err != nil {
			last = err.Error()
			continue
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode == status {
			return b
		}
		last = fmt.Sprint(res.StatusCode, " ", string(b))
	}
	t.Fatalf("%s did not answer %d: %s\n%s", path, status, last, p.out.String())
	return nil
}

// stop sends a signal and returns the exit error.
func (p *process) stop(t *testing.T, sig syscall.Signal) error {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("the server did not stop\n%s", p.out.String())
		return nil
	}
}

func (p *process) mark(t *testing.T) (id string) {
	t.Helper()
	id = grids.NewID().String()
	body := fmt.Sprintf(`{"id":%q,"kind":"cannabis","confidence":2,"source":"foot","seen_at":"2026-05-01T00:00:00Z","geometry":{"type":"Point","coordinates":[121.45,31.66]}}`, id)
	res, err := http.Post(p.url+"/api/findings", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("mark: %d %s", res.StatusCode, b)
	}
	return id
}

// postmaster is the process id of the private PostgreSQL.
func postmaster(t *testing.T, data string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "pg", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// The life of a server: first start, commands beside it, a clean stop, hard kills of everything, and what was
// acknowledged is there after each.
func TestTheLifeOfAServer(t *testing.T) {
	data := pgtest.Folder(t)
	p := serve(t, data, "--demo")
	first := p.mark(t)

	if out, code := command(t, "serve", "--listen", freePort(t), "--data", data); code != 1 || !strings.Contains(out, data) {
		t.Errorf("a second server on the folder: exit %d, %s", code, out)
	}
	if out, code := command(t, "serve", "--listen", p.at, "--data", pgtest.Folder(t)); code != 1 || !strings.Contains(out, "--listen") {
		t.Errorf("a taken port: exit %d, %s", code, out)
	}
	if out, code := command(t, "check", "--data", data); code != 0 || !strings.Contains(out, "grids     0 findings") {
		t.Errorf("check beside the server: exit %d, %s", code, out)
	}
	if out, code := command(t, "demo", "--data", data); code != 1 || !strings.Contains(out, "--force") {
		t.Errorf("the demo over data: exit %d, %s", code, out)
	}
	t.Run("import beside the server", func(t *testing.T) { importBeside(t, p, data) })

	pg := postmaster(t, data)
	if err := p.stop(t, syscall.SIGINT); err != nil {
		t.Errorf("a stop by SIGINT ended with %v\n%s", err, p.out.String())
	}
	if syscall.Kill(pg, 0) == nil {
		t.Error("PostgreSQL outlived the server")
	}

	p = serve(t, data, "--demo")
	if strings.Contains(p.out.String(), "loading the demo") {
		t.Error("the second start loaded the demo again")
	}
	p.until(t, "/api/findings/"+first, 200, time.Second)
	second := p.mark(t)
	_ = p.stop(t, syscall.SIGKILL)

	p = serve(t, data)
	p.until(t, "/api/findings/"+second, 200, time.Second)
	if err := syscall.Kill(postmaster(t, data), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// reads go on from memory while PostgreSQL comes back by itself, and so do writes then
	p.until(t, "/tiles/grids/9/428/208.mvt", 200, time.Second)
	p.until(t, "/readyz", 200, time.Minute)
	p.until(t, "/api/findings/"+first, 200, time.Minute)
	p.mark(t)
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("a stop by SIGTERM ended with %v", err)
	}
}

// importBeside plays a new user's imports: a shapefile in EPSG:4549 with GBK text and no .cpg, and a bad file.
func importBeside(t *testing.T, p *process, data string) {
	dir := pgtest.Folder(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	shp := filepath.Join(dir, "网格.shp")
	if b, err := exec.Command("ogr2ogr", "-f", "ESRI Shapefile", "-t_srs", "EPSG:4549", "-lco", "ENCODING=GBK", "-select", "code,name,town_code", shp, "demo/chongming/grids_synthetic.geojson").CombinedOutput(); err != nil {
		t.Fatalf("ogr2ogr: %v %s", err, b)
	}
	zipped := filepath.Join(dir, "网格.zip")
	f, err := os.Create(zipped)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, ext := range []string{".shp", ".shx", ".dbf", ".prj"} { // no .cpg
		b, err := os.ReadFile(strings.TrimSuffix(shp, ".shp") + ext)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.Create("网格" + ext)
		if err == nil {
			_, err = m.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	edition := func() (name string) {
		var m struct {
			Edition struct{ Name string }
		}
		if err := json.Unmarshal(p.until(t, "/api/meta", 200, time.Second), &m); err != nil {
			t.Fatal(err)
		}
		return m.Edition.Name
	}
	if out, code := command(t, "import", zipped, "--subject", "grids", "--edition", "2026 第二版", "--dry-run", "--data", data); code != 0 || !strings.Contains(out, "accepted 351") || !strings.Contains(out, "nothing was stored") {
		t.Fatalf("dry run: exit %d, %s", code, out)
	}
	if e := edition(); e != "演示 demo" {
		t.Errorf("the dry run published %s", e)
	}
	if out, code := command(t, "import", zipped, "--subject", "grids", "--edition", "2026 第二版", "--data", data); code != 0 || !strings.Contains(out, "stored") || !strings.Contains(out, "EPSG:4549") {
		t.Fatalf("import: exit %d, %s", code, out)
	}
	if e := edition(); e != "2026 第二版" {
		t.Errorf("the server shows the edition %s after another process published one", e)
	}
	var hits struct{ Hits []struct{ Name string } }
	if err := json.Unmarshal(p.until(t, "/api/search?q=310151101W01", 200, time.Second), &hits); err != nil || len(hits.Hits) != 1 || hits.Hits[0].Name != "城桥镇第1网格" {
		t.Errorf("the name came out as %+v (%v)", hits, err)
	}
	bad := filepath.Join(dir, "bad.csv")
	if err := os.WriteFile(bad, []byte("id,kind,date,lon,lat,身份证号\n1,tipoff,2026-03-03,121.41,31.65,x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "import", bad, "--subject", "casework", "--data", data); code != 3 || !strings.Contains(out, "身份证号") {
		t.Errorf("personal data: exit %d, %s", code, out)
	}
	if out, code := command(t, "import", bad, "--subject", "gossip", "--data", data); code != 2 {
		t.Errorf("an unknown subject: exit %d, %s", code, out)
	}
}

func TestCommandsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"serve", "--listen", "0.0.0.0:0"}, 1, "--expose"},
		{[]string{"serve", "--k", "0", "--data", pgtest.Folder(t), "--listen", freePort(t)}, 1, "--k"},
		{[]string{"demo", "--cases", "6000000"}, 1, "--cases"},
		{[]string{"import", "/no/such/file", "--subject", "grids"}, 2, "/no/such/file"},
		{[]string{"dance"}, 2, "dance"},
		{[]string{"version"}, 0, "wangge"},
		{[]string{"config", "--database-url", "postgres://u:topsecret@h/db?sslmode=disable"}, 2, "DATABASE_URL_FILE"},
		{[]string{"config", "--database-url", "host=h password=topsecret dbname=d"}, 2, "DATABASE_URL_FILE"},
		{[]string{"openapi"}, 0, "/api/findings"},
	} {
		out, code := command(t, c.args...)
		if code != c.code || !strings.Contains(out, c.says) || strings.Contains(out, "topsecret") {
			t.Errorf("%v: exit %d, want %d with %q:\n%s", c.args, code, c.code, c.says, out)
		}
	}
}

// With a database of one's own no private cluster is made, and all else is the same.
func TestADatabaseOfOnesOwn(t *testing.T) {
	data := pgtest.Folder(t)
	secret := filepath.Join(data, "url")
	if err := os.WriteFile(secret, []byte(pgtest.Database(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, data, "--database-url-file", secret, "--demo")
	id := p.mark(t)
	p.until(t, "/api/findings/"+id, 200, time.Second)
	if _, err := os.Stat(filepath.Join(data, "pg")); !os.IsNotExist(err) {
		t.Errorf("there is a private cluster, too: %v", err)
	}
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("stop: %v", err)
	}
	if strings.Contains(p.out.String(), "password") {
		t.Error("the log holds the password")
	}
}
