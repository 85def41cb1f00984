package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wangge/geoserver/localpg/pgtest"
)

// A secret comes from the environment or a file, never from the command line, and is printed nowhere.
func TestSecretsAreNotSeen(t *testing.T) {
	dir := pgtest.Folder(t)
	file, empty := filepath.Join(dir, "url"), filepath.Join(dir, "empty")
	if err := os.WriteFile(file, []byte("postgres://u:topsecret@h/db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"a URL in the environment":   {[]string{"DATABASE_URL=postgres://u:topsecret@h/db?sslmode=disable"}, nil, 0, "u:%2A%2A%2A@h"},
		"words in the environment":   {[]string{"DATABASE_URL=host=h password=topsecret dbname=d"}, nil, 0, "password=***"},
		"a file in the environment":  {[]string{"DATABASE_URL_FILE=" + file}, nil, 0, "u:%2A%2A%2A@h"},
		"a file on the command line": {nil, []string{"--database-url-file", file}, 0, "u:%2A%2A%2A@h"},
		"a URL without a password":   {nil, []string{"--database-url", "postgres://u@h/db"}, 0, "postgres://u@h/db"},
		"a URL with a password":      {nil, []string{"--database-url=postgres://u:topsecret@h/db"}, 2, "(ps)"},
		"a password as a parameter":  {nil, []string{"--database-url=postgres://u@h/db?password=topsecret"}, 2, "(ps)"},
		"both":                       {[]string{"DATABASE_URL_FILE=" + file}, []string{"--database-url", "postgres://u@h/db"}, 2, "both"},
		"a file that is not there":   {[]string{"DATABASE_URL_FILE=" + file + "x"}, nil, 2, "cannot be read"},
		"an empty file":              {[]string{"DATABASE_URL_FILE=" + empty}, nil, 2, "is empty"},
		"a talkative log":            {[]string{"DATABASE_URL=postgres://u:topsecret@h/db", "WANGGE_LOG_LEVEL=debug"}, nil, 0, "u:%2A%2A%2A@h"},
	} {
		cmd := wangge(t, append([]string{"config"}, c.args...)...)
		cmd.Env = append(cmd.Env, c.env...)
		b, err := cmd.CombinedOutput()
		out := string(b)
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(out, c.says) || strings.Contains(out, "topsecret") {
			t.Errorf("%s: exit %d (%v), want %d with %q:\n%s", name, code, err, c.code, c.says, out)
		}
	}
}

// The server refuses to listen where passwords would be read by others, and settings that make no sense, with a sentence.
func TestWhereTheServerListens(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--listen", "0.0.0.0:0", "--expose"}, 1, "--tls-cert"},
		{[]string{"--listen", "0.0.0.0:0", "--expose", "--trusted-proxy", "10.0.0.0/8"}, 1, "--public-name"},
		{[]string{"--listen", "127.0.0.1:0", "--tls-cert", "/nowhere.pem"}, 1, "--tls-key"},
		{[]string{"--listen", "127.0.0.1:0", "--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"}, 1, "/nowhere.pem"},
		{[]string{"--trusted-proxy", "10.0.0.1/99"}, 2, "--trusted-proxy"},
		{[]string{"--trusted-proxy", "10.0.0.1"}, 2, "--trusted-proxy"},
		{[]string{"--rates-by-address", "tiles=many"}, 2, "class=per-second/burst"},
		{[]string{"--public-name", "https://map.example.org", "--listen", "127.0.0.1:0"}, 1, "without scheme"},
	} {
		if out, code := command(t, append([]string{"serve", "--data", pgtest.Folder(t)}, c.args...)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit %d, want %d with %q:\n%s", c.args, code, c.code, c.says, out)
		}
	}
}

// The zero value limits nothing, and says so; the command's default is another.
func TestRatesAreSettings(t *testing.T) {
	out, code := command(t, "serve", "--help")
	if code != 0 || !strings.Contains(out, "WANGGE_RATES_BY_ACCOUNT") {
		t.Errorf("exit %d: %s", code, out)
	}
	var c commands
	b, err := json.Marshal(c.Serve.RatesByAddress)
	if err != nil || string(b) != `"none"` {
		t.Errorf("%s %v", b, err)
	}
}
