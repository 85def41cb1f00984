package accounts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"wangge/grids"
)

const (
	tokenPrefix  = "wangge_pat_"   // #nosec G101 -- no secret: by it a token is known where it was lost
	secretBytes  = 32              // 256 bits
	secretText   = 43              // characters in base64url
	maxBasic     = 1 << 10         // bytes of a Basic header
	plainCookie  = "wangge"        // on loopback without TLS: browsers keep no Secure cookie there
	secureCookie = "__Host-wangge" // which no other host and no plain HTTP can set
)

var base64url = base64.RawURLEncoding.Strict()

// secret is what a client shows to say who it is, and never stored.
type secret [secretBytes]byte

func newSecret() (s secret) {
	_, _ = rand.Read(s[:]) // never fails: it aborts the program instead
	return s
}

// String is the secret as clients send it.
func (s secret) String() string { return base64url.EncodeToString(s[:]) }

// parseSecret reads what [secret.String] wrote.
func parseSecret(text string) (s secret, ok bool) {
	if len(text) != secretText {
		return s, false
	}
	var in [secretText]byte
	copy(in[:], text)
	n, err := base64url.Decode(s[:], in[:])
	return s, err == nil && n == secretBytes
}

// credential is a secret as the store knows it, and which kind of secret it is.
type credential struct {
	way  grids.Way
	hash [sha256.Size]byte
}

// credentialOf reads the credential of a request: the header Authorization when there is one, else the cookie. Without either ok is
// false. The error is Invalid, a sentence without the secret.
func credentialOf(r *http.Request, cookie string) (c credential, ok bool, err error) {
	if inAddress(r.URL.RawQuery) {
		return c, false, grids.Errorf(grids.Invalid, "a token does not belong into an address, which logs and histories keep: send it in the header Authorization, and revoke this one")
	}
	if header := r.Header["Authorization"]; len(header) > 0 {
		s, ok := parseAuthorization(header[0])
		if !ok || len(header) > 1 {
			return c, false, grids.Errorf(grids.Invalid, "the header Authorization holds no token: send \"Bearer %s…\", or the token as the password of a Basic sign-in", tokenPrefix)
		}
		return credential{grids.ByToken, sha256.Sum256(s[:])}, true, nil
	}
	if s, ok := parseSecret(cookieOf(r.Header, cookie)); ok {
		return credential{grids.BySession, sha256.Sum256(s[:])}, true, nil
	}
	return c, false, nil
}

// inAddress reports whether a query names a token, or holds one.
func inAddress(query string) bool {
	if !strings.Contains(query, "token") && !strings.Contains(query, tokenPrefix) {
		return false
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name == "token" || name == "access_token" || strings.Contains(pair, tokenPrefix) {
			return true
		}
	}
	return false
}

// parseAuthorization reads the token out of a Bearer or Basic header.
func parseAuthorization(header string) (s secret, ok bool) {
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	if strings.EqualFold(scheme, "Basic") {
		if len(value) > maxBasic {
			return s, false
		}
		b, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return s, false
		}
		_, value, _ = strings.Cut(string(b), ":") // any user name
	} else if !strings.EqualFold(scheme, "Bearer") {
		return s, false
	}
	text, ok := strings.CutPrefix(value, tokenPrefix)
	if !ok {
		return s, false
	}
	return parseSecret(text)
}

// cookieOf is the value of a cookie, "" for none. It allocates nothing, as every tile comes by it.
func cookieOf(h http.Header, name string) string {
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key == name {
				return value
			}
		}
	}
	return ""
}
