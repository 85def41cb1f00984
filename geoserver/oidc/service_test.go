package oidc

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wangge/grids"
)

// signIn is a real sign-in service: discovery, keys, codes that are good once, PKCE, a client secret, RS256. It signs in everybody as
// its subject, and a test may bend what it says.
type signIn struct {
	*httptest.Server
	key     *rsa.PrivateKey
	clients map[string]string // id → secret
	codes   map[string]url.Values
	subject string
	bend    func(header, claims map[string]any) // of the next tokens
	sign    func(header, claims map[string]any) string
	answer  func(q url.Values)         // bends the way back
	says    func(about map[string]any) // bends the discovery
	asked   int                        // for discovery
}

var b64 = base64.RawURLEncoding

func newSignIn(t *testing.T) *signIn {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &signIn{key: key, clients: map[string]string{"wangge": "hush"}, codes: map[string]url.Values{}, subject: "248289761001"}
	s.sign = s.rs256
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		s.asked++
		about := map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"}, "authorization_response_iss_parameter_supported": true}
		if s.says != nil {
			s.says(about)
		}
		_ = json.NewEncoder(w).Encode(about)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		e := big.NewInt(int64(key.E)).Bytes()
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(e)}}})
	})
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.token)
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *signIn) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if _, ok := s.clients[q.Get("client_id")]; !ok || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	s.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {s.URL}}
	if s.answer != nil {
		s.answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (s *signIn) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	q, known := s.codes[r.PostFormValue("code")]
	delete(s.codes, r.PostFormValue("code"))
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	if want, ok := s.clients[id]; !ok || secret != want || !known || q.Get("client_id") != id || q.Get("redirect_uri") != r.PostFormValue("redirect_uri") || q.Get("code_challenge") != b64.EncodeToString(challenge[:]) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	header := map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}
	claims := map[string]any{"iss": s.URL, "sub": s.subject, "aud": id, "nonce": q.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"preferred_username": "duty-officer", "email": "duty@example.org"}
	if s.bend != nil {
		s.bend(header, claims)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": s.sign(header, claims)})
}

// unsigned is a token up to its signature.
func unsigned(header, claims map[string]any) string {
	h, _ := json.Marshal(header) // maps of plain values
	c, _ := json.Marshal(claims)
	return b64.EncodeToString(h) + "." + b64.EncodeToString(c)
}

func (s *signIn) rs256(header, claims map[string]any) string {
	text := unsigned(header, claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64.EncodeToString(sig)
}

// hs256 signs with something that others know, too.
func hs256(header, claims map[string]any, key []byte) string {
	header = maps.Clone(header)
	header["alg"] = "HS256"
	text := unsigned(header, claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + b64.EncodeToString(mac.Sum(nil))
}

// provider is the settings for the service.
func (s *signIn) provider(t *testing.T, id string) Provider {
	t.Helper()
	dir := t.TempDir()
	ca, secret := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret")
	for name, b := range map[string][]byte{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), secret: []byte("hush\n")} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Provider{ID: id, Title: grids.Text{ZH: "统一身份认证", EN: "the district's sign-in"}, Issuer: s.URL, ClientID: "wangge", SecretFile: secret, CAFile: ca, Scopes: []string{"profile"}, NameClaim: "preferred_username"}
}

// strangersKey signs tokens of nobody's service.
var strangersKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

// with is an address with a parameter set, or without it.
func with(address, name string, value ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	if q.Del(name); len(value) > 0 {
		q.Set(name, value[0])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func valueOf(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u.Query().Get(name)
}

// age makes the attempt in a browser's cookie a minute too old.
func (b *browser) age(t *testing.T, h *house) {
	t.Helper()
	at, _ := url.Parse(h.URL)
	for _, c := range b.Jar.Cookies(at) {
		plain, err := b64.DecodeString(c.Value)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(plain), " ")
		parts[4] = strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10)
		c.Value, c.Secure, c.Path = b64.EncodeToString([]byte(strings.Join(parts, " "))), true, "/"
		b.Jar.SetCookies(at, []*http.Cookie{c})
	}
}
