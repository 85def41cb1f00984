package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/mesh"
)

// manyStreams is how many maps a district could have open at once, and then some; mostBytes what they all may cost a server.
const (
	manyStreams = 2000
	offices     = 4 // addresses that they come from
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
	b, err := httpGet(p.operator + "/metrics")
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
	data     struct{ Changed []layerChange }
}

// stream is an open event stream.
type stream struct {
	net.Conn
	lines *bufio.Reader
}

// openStream asks for the events over a connection of its own and reads the first one.
func openStream(url string, d net.Dialer) (*stream, error) {
	req, err := http.NewRequest("GET", url+"/api/events", nil)
	if err != nil {
		return nil, err
	}
	conn, err := d.Dial("tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	signFromURL(req)
	s := &stream{conn, bufio.NewReaderSize(conn, 512)}
	if err := s.begin(req); err != nil {
		_ = conn.Close() // a server would wait for it
		return nil, err
	}
	return s, nil
}

// begin sends the request and reads the first event.
func (s *stream) begin(req *http.Request) error {
	if err := req.Write(s); err != nil {
		return err
	}
	head, err := s.lines.ReadString('\n')
	if err != nil || !strings.Contains(head, " 200 ") {
		return fmt.Errorf("%q, %w", head, err)
	}
	first, err := s.next()
	if err == nil && first.name != "revisions" {
		err = fmt.Errorf("the stream begins with %+v", first)
	}
	return err
}

// next reads up to the end of the next event; chunk sizes and comments between are skipped.
func (s *stream) next() (e event, err error) {
	if err := s.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return e, err
	}
	for {
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
			if e.name != "" {
				return e, nil
			}
		}
	}
}

// until reads events until a change names the findings at a place.
func (s *stream) until(lon, lat float64) (e event, err error) {
	for err == nil && (e.name != "change" || !named(e.data.Changed, "findings", lon, lat)) {
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
			from := net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%offices))} // one address may hold fewer
			list[i], faults[i] = openStream(url, net.Dialer{LocalAddr: &from})
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

// Two thousand open streams cost little, each hears of a mark, and what they took is given back.
func testManyStreams(t *testing.T, p *process) {
	before, routines := p.resident(t), p.goroutines(t)
	for wave := range 2 {
		list, end := openMany(t, p.url)
		p.mark(t)
		for i, s := range list {
			if _, err := s.until(121.45, 31.66); err != nil {
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
	s := newServer(t)
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
	url := s.urlWithToken("http://" + l.Addr().String())
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
		if _, err := quick.until(121.41, 31.65); err != nil {
			t.Fatalf("the reader that reads lost its stream: %v", err)
		}
	}
	s.markAt(t, 121.41, 31.65)
	if _, err := quick.until(121.41, 31.65); err != nil || open.Load() != 1 {
		t.Errorf("%d streams are open (%v), want the one that reads", open.Load(), err)
	}
}

// An event says what changed: a map has to fetch those tiles and no others. Its id names the moment after it for a reader that comes back.
func TestAnEventSaysWhatChanged(t *testing.T) {
	s := newServer(t)
	reader, err := openStream(s.urlWithToken(s.URL), net.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	s.markAt(t, 121.41, 31.65)
	e, err := reader.until(121.41, 31.65)
	if err != nil {
		t.Fatal(err)
	}
	if back := s.listen(t, e.id).next(); back.event != "change" || back.id != e.id || len(back.data.Changed) > 0 {
		t.Errorf("who comes back with the id %q is told %+v", e.id, back)
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

// Who sees findings by cells is told of a mark by the cell it lies in, wherever it lies there; who sees none is told nothing, but that the number of
// findings in a town is in another band when it is.
func testEventsOfLowerClasses(t *testing.T, s *server) {
	all := grids.Scope{Level: grids.LevelDistrict}
	as := func(role grids.Role, scope grids.Scope) *server {
		return s.byToken(t, everything, grids.Actor{Grants: []grids.Grant{granted(role, scope)}})
	}
	town := grids.Scope{Level: grids.LevelTowns, Code: "310151101000"}
	field := map[string]*server{"grid administrator": as(grids.GridAdmin, all), "patrol": as(grids.Patrol, all), "town duty": as(grids.TownDuty, town), "commander of a town": as(grids.Commander, town),
		"commander who may not see exactly": s.byToken(t, []grids.Right{grids.Look}, grids.Actor{Grants: []grids.Grant{granted(grids.Commander, all)}})}
	blind := map[string]*server{"auditor": as(grids.Auditor, all), "volunteer": as(grids.Volunteer, all), "system administrator": as(grids.SystemAdmin, all)}
	readers := map[string]*eventReader{}
	for name, by := range field {
		readers[name] = by.listen(t, "")
		readers[name].next()
	}
	silent := map[string]int{}
	commander := s.listen(t, "")
	commander.next()
	cell, err := mesh.At(orb.Point{121.41, 31.65}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []orb.Point{{121.41, 31.65}, {121.4102, 31.6502}} {
		if c, err := mesh.At(at, 8); err != nil || c != cell {
			t.Fatalf("%v lies in another cell", at)
		}
		before := map[string]message{}
		towns := map[string]string{}
		for name, by := range blind {
			before[name], towns[name] = by.listen(t, "").next(), by.towns(t)
		}
		m := s.markNear(t, at[0], at[1])
		if e := commander.next(); !e.tells("findings", at[0], at[1]) || len(e.bounds("findings")) != 1 || around(e.bounds("findings")[0], cell) {
			t.Fatalf("the commander is told %+v", e)
		}
		for name, r := range readers {
			e := r.next()
			if b := e.bounds("findings"); e.event != "change" || len(b) != 1 || !around(b[0], cell) {
				t.Errorf("the %s is told of the mark at %v by %v, not by its cell", name, at, b)
			}
			if strings.Contains(e.raw+e.id, m.ID) {
				t.Errorf("the %s is told which finding it is: %s", name, e.raw)
			}
		}
		for name, by := range blind {
			was := before[name]
			e, words := by.listen(t, was.id).next(), maps.Clone(was.data.Layers)
			switch {
			case by.towns(t) == towns[name]:
				silent[name]++
				if e.event != "change" || e.id != was.id || len(e.data.Changed) > 0 {
					t.Errorf("the %s is told of the mark: %+v", name, e)
				}
			case e.event != "change" || len(e.data.Changed) != 1 || len(e.bounds("towns")) != 1 || e.tells("towns", at[0], at[1]):
				t.Errorf("the %s is told more than that a town looks different: %+v", name, e)
			default:
				words["towns"] = by.revisions(t)["towns"]
			}
			if now := by.revisions(t); !maps.Equal(now, words) {
				t.Errorf("the %s has the revisions %v, they were %v", name, now, was.data.Layers)
			}
		}
	}
	for name := range blind {
		if silent[name] == 0 {
			t.Errorf("each mark changed what the %s sees: the test shows nothing", name)
		}
	}
}

// towns is a tile of the towns around the marks.
func (s *server) towns(t *testing.T) string {
	t.Helper()
	_, b := s.do(t, "GET", "/tiles/towns/9/428/208.mvt", nil)
	return string(b)
}

// around reports whether the bounds hold the cell and what sticks out of it, and not much more.
func around(b [4]float64, c mesh.Cell) bool {
	const edge = .003 // degrees: a quarter of the cell
	in := c.Boundary().Bound()
	out := in.Pad(edge)
	return b[0] <= in.Min[0] && b[1] <= in.Min[1] && b[2] >= in.Max[0] && b[3] >= in.Max[1] &&
		b[0] >= out.Min[0] && b[1] >= out.Min[1] && b[2] <= out.Max[0] && b[3] <= out.Max[1]
}

// A stream tells nothing more when its reader sees by another class, more or less, or has no grant any more: it ends.
func testAStreamEndsWithItsSight(t *testing.T, s *server) {
	all := grids.Scope{Level: grids.LevelDistrict}
	patrol, commander, volunteer, short := granted(grids.Patrol, all), granted(grids.Commander, all), granted(grids.Volunteer, all), granted(grids.Patrol, all)
	short.Until = time.Now().Add(5 * time.Second)
	revoke := func(grant grids.ID) func(grids.ID) error {
		return func(id grids.ID) error { return s.store.Revoke(t.Context(), grids.Operator, id, grant) }
	}
	add := func(role grids.Role) func(grids.ID) error {
		return func(id grids.ID) error { return s.store.AddGrant(t.Context(), grids.Operator, id, granted(role, all)) }
	}
	type reader struct {
		name   string
		grants []grids.Grant
		change func(grids.ID) error
		ends   bool
		*eventReader
	}
	list := []*reader{
		{name: "the grant is over", grants: []grids.Grant{short}, change: func(grids.ID) error { time.Sleep(time.Until(short.Until)); return nil }, ends: true},
		{name: "the last grant of a patrol is taken", grants: []grids.Grant{patrol}, change: revoke(patrol.ID), ends: true},
		{name: "the last grant of a volunteer is taken", grants: []grids.Grant{volunteer}, change: revoke(volunteer.ID), ends: true},
		{name: "less is seen", grants: []grids.Grant{commander, granted(grids.Volunteer, all)}, change: revoke(commander.ID), ends: true},
		{name: "more is seen", grants: []grids.Grant{granted(grids.Patrol, all)}, change: add(grids.Commander), ends: true},
		{name: "another role, the same class", grants: []grids.Grant{granted(grids.Patrol, all)}, change: add(grids.Volunteer)},
	}
	accounts := make([]grids.Account, len(list))
	for i, r := range list {
		accounts[i] = s.account(t, r.grants...)
		r.eventReader = s.sessionOf(t, accounts[i]).listen(t, "")
		r.next()
	}
	for i, r := range list {
		if err := r.change(accounts[i].ID); err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
	}
	s.markNear(t, 121.47, 31.65)
	for _, r := range list {
		if !r.ends {
			if e := r.next(); e.event != "change" || len(e.bounds("findings")) == 0 {
				t.Errorf("%s: %+v", r.name, e)
			}
			continue
		}
		for r.lines.Scan() {
			if strings.HasPrefix(r.lines.Text(), "event:") {
				t.Errorf("%s: the stream goes on with %s", r.name, r.lines.Text())
			}
		}
		if err := r.lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // closed by the server, not by our clock
			t.Errorf("%s: the stream did not end: %v", r.name, err)
		}
	}
}
