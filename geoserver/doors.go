package main

import (
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"time"

	"wangge/geoserver/gate"
)

// gate makes what stands before every route.
func (c *serveCmd) gate(uploads string, log *slog.Logger, m *metrics) (*gate.Gate, error) {
	return gate.New(gate.Settings{
		Log: log, Names: c.PublicName, Proxies: c.TrustedProxy, PerAddress: c.RatesByAddress, PerAccount: c.RatesByAccount,
		Uploads: gate.UploadLimits{PerAddress: uploadsOfAnAddress, PerAccount: uploadsOfAnAccount, Waiting: int64(c.MaxWaitingMB) << 20},
		Waiting: func() int64 { return folderBytes(uploads) },
		Refused: func(status int, took time.Duration) { m.observe("gate", status, took) },
	})
}

// folderBytes is what the files of a folder take together.
func folderBytes(dir string) (n int64) {
	entries, _ := os.ReadDir(dir) // what cannot be read is not counted
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// certificates is the server's side of TLS, nil without.
func (c *serveCmd) certificates(log *slog.Logger) (*tls.Config, error) {
	if c.TLSCert == "" && c.TLSKey == "" {
		return nil, nil
	}
	return gate.TLS(c.TLSCert, c.TLSKey, log)
}

// url is the address at which people of this machine open the server.
func (c *serveCmd) url(at net.Addr) string {
	if c.TLSCert == "" {
		return "http://" + at.String() + "/"
	}
	_, port, _ := net.SplitHostPort(at.String()) // of a listener
	name := "localhost"
	if len(c.PublicName) > 0 {
		name = c.PublicName[0]
	}
	return "https://" + net.JoinHostPort(name, port) + "/"
}
