package gate

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"wangge/grids"
)

// Server is an HTTP server that gives up slow senders. Handlers that take long to read or to answer set deadlines of their own.
func (g *Gate) Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(g.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250},
	}
}

// Connections that may be open at a time: a browser holds 6, or 1 with HTTP/2, and many browsers may share an office's address.
const (
	mostConnections      = 8192
	mostConnectionsOfOne = 1024
)

// Listener closes at once the connections that are more than an address may hold, or all together; trusted proxies may hold as many as
// all together.
func (g *Gate) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, gate: g, most: mostConnections, mostOf: mostConnectionsOfOne}
}

// listener counts open connections. It is safe for concurrent use.
type listener struct {
	net.Listener
	gate         *Gate
	most, mostOf int

	mu   sync.Mutex
	open int
	of   map[netip.Addr]int
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var ip netip.Addr
		if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			ip = at.AddrPort().Addr().Unmap()
		}
		if l.enter(ip) {
			return &connection{Conn: c, leave: sync.OnceFunc(func() { l.leave(ip) })}, nil
		}
		_ = c.Close() // nothing was said yet
	}
}

func (l *listener) enter(ip netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.of[network(ip)] >= l.mostOf && !l.gate.trusts(ip) {
		return false
	}
	if l.of == nil {
		l.of = map[netip.Addr]int{}
	}
	l.open++
	l.of[network(ip)]++
	return true
}

func (l *listener) leave(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	ip = network(ip)
	if l.of[ip]--; l.of[ip] == 0 {
		delete(l.of, ip)
	}
}

// connection tells its listener when it is closed.
type connection struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite lets the server end an answer to a request that it did not read to its end, without cutting the answer off.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// CheckListener refuses to listen where passwords would go over plain HTTP, or where no name of the server is known. The error is
// Invalid.
func CheckListener(address string, tls bool, proxies []netip.Prefix, names []string) error {
	if OnLoopback(address) {
		return nil
	}
	if !tls && len(proxies) == 0 {
		return grids.Errorf(grids.Invalid, "%s can be reached from other machines, where plain HTTP lets others read passwords and figures: give --tls-cert and --tls-key, or name the proxy that speaks TLS in front (--trusted-proxy 10.0.0.5/32), or listen on 127.0.0.1", address)
	}
	if len(names) == 0 {
		return grids.Errorf(grids.Invalid, "%s can be reached from other machines: say by which name they open it, as in --public-name map.example.org", address)
	}
	return nil
}

// OnLoopback reports whether an address to listen on is reachable from this machine alone.
func OnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
