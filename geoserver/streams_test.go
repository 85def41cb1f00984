package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// manyStreams is how many maps a district could have open at once, and then some; mostBytes what they all may cost a server.
const (
	manyStreams = 2000
	mostBytes   = 100 << 20
)

var (
	residentLine   = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)
)

// resident is the memory of the server's process, in bytes.
func (p *process) resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return 1024 * number(t, residentLine, b)
}

func (p *process) goroutines(t *testing.T) int {
	t.Helper()
	b, err := httpGet(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return number(t, goroutinesLine, b)
}

func number(t *testing.T, line *regexp.Regexp, b []byte) int {
	t.Helper()
	m := line.FindSubmatch(b)
	if m == nil {
		t.Fatalf("no %v in %.200s", line, b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// event is one message of the stream.
type event struct {
	name, id string
	data     struct {
		Generation string
		Layers     map[grids.Subject]int64
		Changed    []struct {
			Layer  string
			Bounds [][4]float64
		}
	}
}

// stream is an open event stream.
type stream struct {
	net.Conn
	lines *bufio.Reader
}

// openStream asks for the events over a connection of its own and reads the first one.
func openStream(url string, d net.Dialer) (*stream, error) {
	conn, err := d.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return nil, err
	}
	s := &stream{conn, bufio.NewReaderSize(conn, 512)}
	if _, err := fmt.Fprintf(conn, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return nil, err
	}
	head, err := s.lines.ReadString('\n')
	if err != nil || !strings.Contains(head, " 200 ") {
		return nil, fmt.Errorf("%q, %w", head, err)
	}
	_, err = s.next()
	return s, err
}

// next reads up to the end of the next event; chunk sizes and comments between are skipped.
func (s *stream) next() (e event, err error) {
	for {
		if err := s.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return e, err
		}
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				return e, err
			}
		case "":
			if e.data.Generation != "" {
				return e, nil
			}
		}
	}
}

// until reads events until one names that version of the findings or a later one.
func (s *stream) until(version int64) (e event, err error) {
	for e.data.Layers[grids.OnFindings] < version && err == nil {
		e, err = s.next()
	}
	return e, err
}

// openMany opens the streams; close ends them all.
func openMany(t *testing.T, url string) (list []*stream, close func()) {
	t.Helper()
	list = make([]*stream, manyStreams)
	faults := make([]error, manyStreams)
	var all sync.WaitGroup
	slots := make(chan bool, 50)
	for i := range list {
		slots <- true
		all.Go(func() {
			list[i], faults[i] = openStream(url, net.Dialer{})
			<-slots
		})
	}
	all.Wait()
	for _, err := range faults {
		if err != nil {
			t.Fatalf("a stream did not open: %v", err)
		}
	}
	return list, func() {
		for _, s := range list {
			_ = s.Close() // all is read that matters
		}
	}
}

// version is the version of the findings that the server holds.
func findingsVersion(t *testing.T, url string) int64 {
	t.Helper()
	var m struct {
		Layers []struct {
			ID      string
			Version int64
		}
	}
	decodeJSON(t, url+"/api/meta", &m)
	for _, l := range m.Layers {
		if l.ID == "findings" {
			return l.Version
		}
	}
	t.Fatal("there is no layer of findings")
	return 0
}

// Two thousand open streams cost little, each hears of a mark, and what they took is given back.
func testManyStreams(t *testing.T, p *process) {
	before, routines := p.resident(t), p.goroutines(t)
	for wave := range 2 {
		list, end := openMany(t, p.url)
		p.mark(t)
		version := findingsVersion(t, p.url)
		for i, s := range list {
			if _, err := s.until(version); err != nil {
				t.Fatalf("stream %d did not hear of the mark: %v", i, err)
			}
		}
		now := p.resident(t)
		t.Logf("wave %d: %d streams, %.1f MB more, %d goroutines more", wave+1, manyStreams, float64(now-before)/1e6, p.goroutines(t)-routines)
		if now-before > mostBytes {
			t.Errorf("%d streams cost %d MB", manyStreams, (now-before)>>20)
		}
		end()
		for until := time.Now().Add(time.Minute); p.goroutines(t) > routines+100; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%d goroutines are left; there were %d", p.goroutines(t), routines)
			}
		}
	}
}

// narrow gives each connection a small buffer, so that a reader who does not read is soon noticed.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(4 << 10)
	}
	return c, err
}

// A client that opens a stream and never reads is dropped; the others hear of every change.
func TestASlowReaderIsDropped(t *testing.T) {
	s := newServer(t, pgtest.Database(t))
	var open atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		s.Config.Handler.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(narrow{l}) }()
	t.Cleanup(func() { _ = server.Close() })
	url := "http://" + l.Addr().String()
	quick, err := openStream(url, net.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	slow, err := openStream(url, net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2<<10) }) // only makes the test shorter
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Close() }()
	if open.Load() != 2 {
		t.Fatalf("%d streams are open, want 2", open.Load())
	}
	end := time.Now().Add(5 * time.Minute)
	for marks := 0; open.Load() == 2; marks++ {
		if time.Now().After(end) {
			t.Fatalf("after %d marks nobody was dropped", marks)
		}
		s.markAt(t, 121.41, 31.65)
		if _, err := quick.until(findingsVersion(t, s.URL)); err != nil {
			t.Fatalf("the reader that reads lost its stream: %v", err)
		}
	}
	s.markAt(t, 121.41, 31.65)
	if _, err := quick.until(findingsVersion(t, s.URL)); err != nil || open.Load() != 1 {
		t.Errorf("%d streams are open (%v), want the one that reads", open.Load(), err)
	}
}

// An event says what changed: a map has to fetch those tiles and no others. Its id names the state for a reader that comes back.
func TestAnEventSaysWhatChanged(t *testing.T) {
	s := newServer(t, pgtest.Database(t))
	reader, err := openStream(s.URL, net.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	s.markAt(t, 121.41, 31.65)
	e, err := reader.until(findingsVersion(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := grids.ParseVersions(e.id); e.name != "change" || err != nil || v.Of[grids.OnFindings] != e.data.Layers[grids.OnFindings] || v.Generation != e.data.Generation {
		t.Errorf("event %q with the id %q: %v", e.name, e.id, err)
	}
	said := map[string]bool{}
	for _, c := range e.data.Changed {
		said[c.Layer] = true
		if c.Layer != "findings" {
			continue
		}
		if len(c.Bounds) != 1 || c.Bounds[0][0] > 121.41 || c.Bounds[0][2] < 121.41 || c.Bounds[0][1] > 31.65 || c.Bounds[0][3] < 31.65 || c.Bounds[0][2]-c.Bounds[0][0] > .1 {
			t.Errorf("the mark at 121.41 31.65 changed %v", c.Bounds)
		}
	}
	for _, layer := range []string{"findings", "grids", "villages", "towns"} {
		if !said[layer] {
			t.Errorf("a mark changes %s, and the event says %+v", layer, e.data.Changed)
		}
	}
	for _, layer := range []string{"heat", "district", "surveys", "labels", "land"} {
		if said[layer] {
			t.Errorf("a mark does not change %s, and the event says so", layer)
		}
	}
}
