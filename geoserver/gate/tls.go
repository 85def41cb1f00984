package gate

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"wangge/grids"
)

// TLS is the side of a server in TLS 1.2 and later with the certificate and key of two PEM files, which are read again when they
// change. The error is Invalid for files that are no pair.
func TLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if certFile == "" || keyFile == "" {
		return nil, grids.Errorf(grids.Invalid, "TLS needs both files: give --tls-cert and --tls-key")
	}
	p := &pair{certFile: certFile, keyFile: keyFile, log: log}
	if err := p.load(p.stamp()); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate}, nil
}

// lookEvery is how long the files of a certificate are not looked at again.
const lookEvery = 5 * time.Second

// pair is a certificate and its key. It is safe for concurrent use.
type pair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	looked time.Time
	tried  [2]stamp // of the files that were read last, in order or not
	loaded *tls.Certificate
}

// stamp tells versions of a file apart.
type stamp struct {
	changed time.Time
	size    int64
}

func (p *pair) stamp() (s [2]stamp) {
	for i, name := range []string{p.certFile, p.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// load reads the files, which bear the stamp s. What was loaded before stays when they are no pair: they may be half replaced.
func (p *pair) load(s [2]stamp) error {
	p.looked, p.tried = time.Now(), s
	c, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return grids.Hide(grids.Invalid, err, "%s and %s are not a certificate and its key in PEM", p.certFile, p.keyFile)
	}
	p.loaded = &c
	return nil
}

// certificate implements tls.Config.GetCertificate.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < lookEvery {
		return p.loaded, nil
	}
	p.looked = time.Now()
	if s := p.stamp(); s != p.tried {
		if err := p.load(s); err != nil {
			p.log.Error("the new certificate cannot be used; the old one stays", "err", err)
		} else {
			p.log.Info("the certificate was read anew")
		}
	}
	return p.loaded, nil
}
