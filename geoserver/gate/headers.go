package gate

import (
	"net/http"
	"strings"
)

// pageHeaders are those of every answer but a tile. The worker of the map is a file of ours, the icons of its style sheet are data.
var pageHeaders = [...]struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"}},
	{"Referrer-Policy", []string{"same-origin"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"geolocation=(self), fullscreen=(self), camera=(), microphone=(), payment=(), usb=(), serial=()"}},
}

// Header values of every answer.
var (
	nosniff    = []string{"nosniff"}
	sameOrigin = []string{"same-origin"}
	yearOfTLS  = []string{"max-age=31536000"}
)

// setHeaders puts the security headers on an answer. A tile, which no browser shows as a page and nobody frames, has the two that
// concern it: it is most of what is served, and has a dozen headers of its own.
func setHeaders(h http.Header, path, scheme string) {
	h["X-Content-Type-Options"] = nosniff
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if strings.HasPrefix(path, "/tiles/") {
		return
	}
	for i := range pageHeaders {
		h[pageHeaders[i].name] = pageHeaders[i].value
	}
	if scheme == "https" {
		h["Strict-Transport-Security"] = yearOfTLS
	}
}
