package gate

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wangge/grids"
)

// served is a gate's server on a port of this machine.
func served(t *testing.T, g *Gate, h http.Handler, change func(*http.Server, *listener)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, counted := g.Server(g.Handler(h)), g.Listener(l).(*listener)
	if change != nil {
		change(s, counted)
	}
	go func() {
		if s.TLSConfig != nil {
			_ = s.ServeTLS(counted, "", "") // ends by Close
			return
		}
		_ = s.Serve(counted) // ends by Close
	}()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func dial(t *testing.T, at string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answers reports whether a connection gets an answer to a request.
func answers(t *testing.T, c net.Conn) bool {
	t.Helper()
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body) // the connection is used again
	return res.StatusCode == 200
}

// An address gets no more connections than its share, and none is lost when one is closed.
func TestConnectionsOfAnAddress(t *testing.T) {
	at := served(t, made(t, Settings{}), seen, func(_ *http.Server, l *listener) { l.mostOf = 2 })
	a, b := dial(t, at), dial(t, at)
	if !answers(t, a) || !answers(t, b) {
		t.Fatal("no answer within the share")
	}
	if answers(t, dial(t, at)) {
		t.Error("a third connection is served")
	}
	_ = a.Close()
	for i := 0; !answers(t, dial(t, at)); i++ { // until the server has seen the end
		if time.Sleep(10 * time.Millisecond); i > 500 {
			t.Fatal("the place of a closed connection is not given again")
		}
	}
	at = served(t, made(t, Settings{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}), seen, func(_ *http.Server, l *listener) { l.mostOf, l.most = 1, 3 })
	for range 3 {
		if !answers(t, dial(t, at)) {
			t.Error("a trusted proxy has the share of one client")
		}
	}
	if answers(t, dial(t, at)) {
		t.Error("more connections are served than all together")
	}
}

// One who sends a header byte by byte, or too much of it, is cut off.
func TestSlowAndLongHeaders(t *testing.T) {
	g := made(t, Settings{})
	if s := g.Server(seen); s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes != maxHeader {
		t.Errorf("a limit is missing: %+v", s)
	}
	at := served(t, g, seen, func(s *http.Server, _ *listener) { s.ReadHeaderTimeout = 100 * time.Millisecond })
	c := dial(t, at)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if b, err := io.ReadAll(c); err != nil || strings.Contains(string(b), "200") { // ends only when the server closes
		t.Errorf("half a header: %q %v", b, err)
	}
	c = dial(t, at)
	go func() {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "+strings.Repeat("x", 2*maxHeader)+"\r\n\r\n")
	}() // cut off
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "431") {
		t.Errorf("a long header: %q %v", line, err)
	}
}

// certificateFor writes a new self-signed certificate and its key, and returns the roots that trust it.
func certificateFor(t *testing.T, certFile, keyFile string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return roots
}

// TLS from 1.2, HTTP/2, HSTS, an https address, and a new certificate without a new start; a broken one changes nothing.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	log := slog.New(slog.DiscardHandler)
	for _, files := range [][2]string{{cert, ""}, {"", key}, {cert, key}} {
		if _, err := TLS(files[0], files[1], log); grids.KindOf(err) != grids.Invalid {
			t.Errorf("%v: %v", files, err)
		}
	}
	roots := certificateFor(t, cert, key, 1)
	p := &pair{certFile: cert, keyFile: key, log: log}
	if err := p.load(p.stamp()); err != nil {
		t.Fatal(err)
	}
	conf, err := TLS(cert, key, log)
	if err != nil {
		t.Fatal(err)
	}
	if conf.MinVersion != tls.VersionTLS12 {
		t.Errorf("from version %x", conf.MinVersion)
	}
	conf.GetCertificate = p.certificate
	at := served(t, made(t, Settings{}), seen, func(s *http.Server, _ *listener) { s.TLSConfig = conf })
	serial := func(roots *x509.CertPool, version uint16) (int64, *http.Response, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: version}, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
		req, err := http.NewRequest("GET", "https://"+at+"/api/meta", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "localhost"
		res, err := client.Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		if !strings.Contains(string(b), "https://localhost true") {
			t.Errorf("the handler saw %s", b)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.Int64(), res, nil
	}
	n, res, err := serial(roots, 0)
	if err != nil || n != 1 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" || res.TLS.Version != tls.VersionTLS13 {
		t.Fatalf("%d %v %v", n, res, err)
	}
	if _, _, err := serial(roots, tls.VersionTLS12); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, _, err := serial(roots, tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	later := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.looked = time.Time{} // as if some seconds had passed
	}
	old := roots
	roots = certificateFor(t, cert, key, 22)
	later()
	if n, _, err := serial(roots, 0); err != nil || n != 22 {
		t.Errorf("the new certificate: %d %v", n, err)
	}
	if _, _, err := serial(old, 0); err == nil {
		t.Error("the old certificate is still shown")
	}
	if err := os.WriteFile(key, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	if n, _, err := serial(roots, 0); err != nil || n != 22 {
		t.Errorf("with a broken key: %d %v", n, err)
	}
}

func TestWhereToListen(t *testing.T) {
	names := []string{"map.example.org"}
	for _, c := range []struct {
		address string
		tls     bool
		proxies []netip.Prefix
		names   []string
		says    string
	}{
		{"127.0.0.1:8470", false, nil, nil, ""}, {"localhost:8470", false, nil, nil, ""}, {"[::1]:8470", false, nil, nil, ""},
		{"0.0.0.0:8470", false, nil, names, "--tls-cert"}, {":8470", false, nil, names, "--trusted-proxy"}, {"192.0.2.7:8470", false, nil, names, "plain HTTP"},
		{"0.0.0.0:8470", true, nil, nil, "--public-name"}, {"0.0.0.0:8470", true, nil, names, ""}, {"0.0.0.0:8470", false, proxies, names, ""},
	} {
		err := CheckListener(c.address, c.tls, c.proxies, c.names)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
