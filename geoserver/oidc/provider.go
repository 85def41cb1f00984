// Package oidc signs people in by a sign-in service of the district (OpenID Connect Core 1.0): authorization code with PKCE, state and
// nonce. It finds out who somebody is there; which account that is here, Accounts decides.
package oidc

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wangge/grids"
)

// Provider is one sign-in service, as its settings say. A client secret stands in a file or in the environment, never here.
type Provider struct {
	ID         string     `json:"id"` // part of the addresses: lower-case letters, digits, hyphens
	Title      grids.Text `json:"title"`
	Issuer     string     `json:"issuer"` // https
	ClientID   string     `json:"client_id"`
	SecretFile string     `json:"client_secret_file"`
	SecretEnv  string     `json:"client_secret_env"` // name of the variable
	CAFile     string     `json:"ca_file"`           // PEM of the only roots that are trusted; the system's when empty
	Scopes     []string   `json:"scopes"`            // beside openid
	NameClaim  string     `json:"name_claim"`        // which claim is the name of an account; an e-mail counts only when it is verified
	MatchName  bool       `json:"match_name"`        // an account of that name is meant where none is linked
	Register   bool       `json:"register"`          // an account may be made for somebody unknown
}

var providerID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// ReadProviders reads a JSON list of sign-in services. The error is Invalid.
func ReadProviders(r io.Reader) ([]Provider, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var list []Provider
	if err := dec.Decode(&list); err != nil {
		return nil, grids.Hide(grids.Invalid, err, "the file of sign-in services is not a JSON list of services with the members id, title, issuer, client_id, client_secret_file or client_secret_env, ca_file, scopes, name_claim, match_name, register")
	}
	seen := map[string]bool{}
	for _, p := range list {
		if err := p.check(); err != nil {
			return nil, err
		}
		if seen[p.ID] {
			return nil, grids.Errorf(grids.Invalid, "two sign-in services have the id %q", p.ID)
		}
		seen[p.ID] = true
	}
	return list, nil
}

func (p Provider) check() error {
	if !providerID.MatchString(p.ID) {
		return grids.Errorf(grids.Invalid, "%.40q cannot be the id of a sign-in service: use up to 32 lower-case letters, digits and hyphens", p.ID)
	}
	switch {
	case !isHTTPS(p.Issuer):
		return grids.Errorf(grids.Invalid, "the issuer of the sign-in service %s must be an https address without query", p.ID)
	case p.ClientID == "":
		return grids.Errorf(grids.Invalid, "the sign-in service %s has no client_id", p.ID)
	case p.Title.ZH == "" || p.Title.EN == "":
		return grids.Errorf(grids.Invalid, "the sign-in service %s needs a title in zh and en", p.ID)
	case p.SecretFile != "" && p.SecretEnv != "":
		return grids.Errorf(grids.Invalid, "the sign-in service %s has both client_secret_file and client_secret_env: choose one", p.ID)
	case (p.MatchName || p.Register) && p.NameClaim == "":
		return grids.Errorf(grids.Invalid, "the sign-in service %s needs name_claim for match_name and register", p.ID)
	}
	return nil
}

func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// secret is the client's secret, "" for a client that has none. The error is Invalid.
func (p Provider) secret() (string, error) {
	if p.SecretEnv != "" {
		if v := os.Getenv(p.SecretEnv); v != "" {
			return v, nil
		}
		return "", grids.Errorf(grids.Invalid, "the variable %s, the secret of the sign-in service %s, is not set", p.SecretEnv, p.ID)
	}
	if p.SecretFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(p.SecretFile)
	if err != nil {
		return "", grids.Hide(grids.Invalid, err, "the file %s, the secret of the sign-in service %s, cannot be read", p.SecretFile, p.ID)
	}
	return strings.TrimSpace(string(b)), nil
}

// algorithms are the signatures that are believed: with keys of the service, never "none" and never the client's secret.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// service is a provider in use. It is safe for concurrent use.
type service struct {
	Provider
	secret string
	http   *http.Client

	mu     sync.Mutex
	found  *discovered
	failed time.Time // of the last look that found nothing
}

// discovered is what a service says of itself.
type discovered struct {
	endpoint  oauth2.Endpoint
	verifier  *oidc.IDTokenVerifier
	mustIssue bool // it names itself in its answers (RFC 9207)
}

// Times of asking a service.
const (
	askTimeout = 10 * time.Second
	askAgain   = 10 * time.Second // after it did not answer
	mostAnswer = 1 << 20          // bytes
)

func newService(p Provider) (*service, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	secret, err := p.secret()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if p.CAFile != "" {
		pem, err := os.ReadFile(p.CAFile)
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			return nil, grids.Hide(grids.Invalid, err, "the file %s, the roots of the sign-in service %s, holds no certificates in PEM", p.CAFile, p.ID)
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	client := &http.Client{Transport: bounded{transport}, Timeout: askTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &service{Provider: p, secret: secret, http: client}, nil
}

// bounded cuts answers that are too long. A redirect is no answer: the secret goes to no other address.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, mostAnswer), res.Body}
	}
	return res, err
}

// discover asks the service for its addresses and keys once. The error is Unavailable while it does not answer.
func (s *service) discover(ctx context.Context) (*discovered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found != nil {
		return s.found, nil
	}
	if time.Since(s.failed) < askAgain {
		return nil, s.away(nil)
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, s.http), s.Issuer)
	if err != nil {
		if ctx.Err() == nil { // it is not the client who went away
			s.failed = time.Now()
		}
		return nil, s.away(err)
	}
	var more struct {
		Keys      string `json:"jwks_uri"`
		MustIssue bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, s.away(err)
	}
	e := p.Endpoint()
	if slices.ContainsFunc([]string{e.TokenURL, more.Keys}, func(u string) bool { return !isHTTPS(u) }) || !strings.HasPrefix(e.AuthURL, "https://") {
		return nil, grids.Errorf(grids.Unavailable, "the sign-in service %s names addresses that are not https: tell the system administrator", s.Title.EN)
	}
	s.found = &discovered{endpoint: e, mustIssue: more.MustIssue, verifier: p.Verifier(&oidc.Config{ClientID: s.ClientID, SupportedSigningAlgs: algorithms})}
	return s.found, nil
}

func (s *service) away(err error) error {
	return grids.Hide(grids.Unavailable, err, "the sign-in service %s does not answer: try again in a moment, or sign in with a password", s.Title.EN)
}
