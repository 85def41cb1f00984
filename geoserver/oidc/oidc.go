package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wangge/geoserver/gate"
	"wangge/grids"
)

// Identity is who somebody is at a sign-in service. An account is found by Issuer and Subject, which never change.
type Identity struct {
	Provider  string // id in the settings
	Title     grids.Text
	Issuer    string
	Subject   string
	Name      string // "" where the service gave none that it vouches for
	MatchName bool   // an account of that Name is meant where none is linked
	Register  bool   // an account may be made where there is none
}

// Unknown is the refusal of somebody who has no account here. Its kind is Forbidden.
func (id Identity) Unknown() error {
	return grids.Errorf(grids.Forbidden, "you are signed in at %s, but no account here is linked to you: ask the system administrator to link the subject %.80q of the service %s", id.Title.EN, id.Subject, id.Provider)
}

// Accounts knows which account an identity is.
type Accounts interface {
	// SignInIdentity begins a session for the account of an identity and sets its cookie on w, or refuses with an error of kind
	// Forbidden (Identity.Unknown). It writes no status and no body: the caller sends the browser to the map.
	SignInIdentity(ctx context.Context, w http.ResponseWriter, r *http.Request, id Identity) error
}

// Client signs people in by some services. It is safe for concurrent use.
type Client struct {
	services map[string]*service
	order    []string
	accounts Accounts
	log      *slog.Logger
}

// New makes a client of the services; it asks them only when somebody signs in. The error is Invalid for settings that make no sense.
func New(providers []Provider, accounts Accounts, log *slog.Logger) (*Client, error) {
	c := &Client{services: map[string]*service{}, accounts: accounts, log: log}
	for _, p := range providers {
		s, err := newService(p)
		if err != nil {
			return nil, err
		}
		c.services[p.ID] = s
		c.order = append(c.order, p.ID)
	}
	return c, nil
}

// Shown is a service on the page for signing in.
type Shown struct {
	ID    string     `json:"id"`
	Title grids.Text `json:"title"`
}

// Providers lists the services in the order of the settings; empty, not nil, when there are none.
func (c *Client) Providers() []Shown {
	list := make([]Shown, 0, len(c.order))
	for _, id := range c.order {
		list = append(list, Shown{id, c.services[id].Title})
	}
	return list
}

// attemptLasts is how long somebody may take to sign in at the service.
const attemptLasts = 10 * time.Minute

// attempt is a sign-in under way. It is kept by the browser alone, in a cookie that no script can read: whoever comes back must be the
// browser that left, and every server of a group can receive it.
type attempt struct {
	provider, state, nonce, verifier string
	until                            time.Time
}

// Start answers GET /api/oidc/{provider}/start: it sends the browser to the service. Nothing is stored.
func (c *Client) Start(w http.ResponseWriter, r *http.Request, provider string) error {
	s, err := c.service(provider)
	if err != nil {
		return err
	}
	found, err := s.discover(r.Context())
	if err != nil {
		return err
	}
	a := attempt{provider: provider, state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), until: time.Now().Add(attemptLasts)}
	setCookie(w, r, a.text(), int(attemptLasts.Seconds()))
	redirect(w, s.oauth(r, found).AuthCodeURL(a.state, oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)))
	return nil
}

// Callback answers GET /api/oidc/{provider}/callback, where the service sends the browser back: whoever it vouches for is signed in and
// sent to the map, never elsewhere. The error is Forbidden for an answer that is not one to this browser's question, and for whom
// Accounts does not know.
func (c *Client) Callback(w http.ResponseWriter, r *http.Request, provider string) error {
	a, known := readAttempt(r)
	setCookie(w, r, "", -1) // an attempt is good for one answer, whatever it says
	s, err := c.service(provider)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if !known || a.provider != provider || len(q["state"]) != 1 || !same(q["state"][0], a.state) {
		return grids.Errorf(grids.Forbidden, "this answer of the sign-in service does not belong to a sign-in that began in this browser in the last ten minutes: begin again at the map")
	}
	found, err := s.discover(r.Context())
	if err != nil {
		return err
	}
	if iss := q["iss"]; len(iss) > 1 || len(iss) == 1 && iss[0] != s.Issuer || len(iss) == 0 && found.mustIssue {
		return c.refused(s, "the answer names another issuer", nil)
	}
	if why := q.Get("error"); why != "" {
		c.log.Warn("sign-in service refused", "provider", provider, "error", strconv.QuoteToASCII(clip(why)))
		return grids.Errorf(grids.Forbidden, "%s did not sign you in: begin again at the map, or ask the system administrator", s.Title.EN)
	}
	id, err := c.identify(r, s, found, a)
	if err != nil {
		return err
	}
	if err := c.accounts.SignInIdentity(r.Context(), w, r, id); err != nil {
		return err
	}
	redirect(w, "/")
	return nil
}

// identify changes the code of an answer for the token that says who it is.
func (c *Client) identify(r *http.Request, s *service, found *discovered, a attempt) (Identity, error) {
	code := r.URL.Query()["code"]
	if len(code) != 1 || code[0] == "" {
		return Identity{}, c.refused(s, "the answer holds no code", nil)
	}
	ctx := oidc.ClientContext(r.Context(), s.http)
	token, err := s.oauth(r, found).Exchange(ctx, code[0], oauth2.VerifierOption(a.verifier))
	if err != nil {
		return Identity{}, c.refused(s, "the code was not taken", err)
	}
	raw, _ := token.Extra("id_token").(string)
	proof, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return Identity{}, c.refused(s, "the token was not believed", err)
	}
	claims := map[string]any{}
	if err := proof.Claims(&claims); err != nil {
		return Identity{}, c.refused(s, "the token could not be read", err)
	}
	party, named := claims["azp"]
	switch {
	case !same(proof.Nonce, a.nonce):
		return Identity{}, c.refused(s, "the token answers another question", nil)
	case named && party != s.ClientID || !named && len(proof.Audience) > 1:
		return Identity{}, c.refused(s, "the token was made for another party", nil)
	case proof.Subject == "" || len(proof.Subject) > 255:
		return Identity{}, c.refused(s, "the token names nobody", nil)
	}
	return Identity{Provider: s.ID, Title: s.Title, Issuer: proof.Issuer, Subject: proof.Subject, Name: s.name(claims), MatchName: s.MatchName, Register: s.Register}, nil
}

// name is the name that the service vouches for, "" for none.
func (s *service) name(claims map[string]any) string {
	if s.NameClaim == "email" && claims["email_verified"] != true {
		return ""
	}
	name, _ := claims[s.NameClaim].(string)
	return name
}

// refused logs why an answer is not believed, and says to the client that it is not.
func (c *Client) refused(s *service, why string, err error) error {
	text := ""
	if err != nil {
		text = strconv.QuoteToASCII(clip(err.Error()))
	}
	c.log.Warn("sign-in refused", "provider", s.ID, "why", why, "err", text)
	return grids.Errorf(grids.Forbidden, "the answer of %s could not be trusted: begin again at the map, or ask the system administrator", s.Title.EN)
}

// clip bounds what others put into the log.
func clip(text string) string { return text[:min(len(text), 300)] }

func (c *Client) service(id string) (*service, error) {
	s, ok := c.services[id]
	if !ok {
		return nil, grids.Errorf(grids.NotFound, "there is no sign-in service %.40q: choose one at the map", id)
	}
	return s, nil
}

func (s *service) oauth(r *http.Request, found *discovered) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.secret, Endpoint: found.endpoint, Scopes: append([]string{oidc.ScopeOpenID}, s.Scopes...),
		RedirectURL: gate.BaseURL(r) + "/api/oidc/" + s.ID + "/callback"}
}

// redirect sends the browser on; what it was sent from is nobody's business.
func redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// cookieName is the cookie of attempts: bound to this host alone, where there is TLS.
func cookieName(r *http.Request) string {
	if gate.Secure(r) {
		return "__Host-wangge-oidc"
	}
	return "wangge-oidc"
}

// setCookie sets the cookie of an attempt. It is Lax, not Strict: the way back from the service is a link from another site.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	// #nosec G124 -- not Secure only on plain HTTP, which the gate takes from this machine alone: a browser may keep no Secure cookie there
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: gate.Secure(r), SameSite: http.SameSiteLaxMode})
}

func (a attempt) text() string {
	plain := strings.Join([]string{a.provider, a.state, a.nonce, a.verifier, strconv.FormatInt(a.until.Unix(), 10)}, " ")
	return base64.RawURLEncoding.EncodeToString([]byte(plain))
}

// readAttempt reads the attempt that the browser brings, if it brings one that is still good.
func readAttempt(r *http.Request) (attempt, bool) {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return attempt{}, false
	}
	plain, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	parts := strings.Split(string(plain), " ")
	if err != nil || len(parts) != 5 || parts[1] == "" || parts[2] == "" || parts[3] == "" {
		return attempt{}, false
	}
	until, err := strconv.ParseInt(parts[4], 10, 64)
	a := attempt{parts[0], parts[1], parts[2], parts[3], time.Unix(until, 0)}
	return a, err == nil && time.Now().Before(a.until)
}

// same compares secrets in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
