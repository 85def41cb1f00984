package gate

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"wangge/grids"
)

// Class is a sort of requests that has a rate of its own.
type Class uint8

// The classes.
const (
	Tiles   Class = iota // what a map asks for by the hundred
	API                  // everything else, pages too
	SignIns              // what checks a password or talks to a sign-in service
	Imports              // files, and their commits
	classes
)

var classNames = [classes]string{"tiles", "api", "sign-in", "imports"}

// classOf is the class of a request.
func classOf(r *http.Request) Class {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/tiles/"):
		return Tiles
	case strings.HasPrefix(path, "/api/oidc/"):
		return SignIns
	case reads(r):
		return API
	case path == "/api/session" && r.Method == http.MethodPost || path == "/api/password":
		return SignIns
	case strings.HasPrefix(path, "/api/imports"):
		return Imports
	}
	return API
}

// Rate is how many requests in a second may come for long, and how many at once. The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates is a rate for each class. The zero value limits nothing.
type Rates [classes]Rate

// UnmarshalText reads class=per-second/burst with commas between, as in tiles=1000/5000,api=50/500; a class that is not named has no
// limit, and the word none limits nothing. The error is Invalid.
func (r *Rates) UnmarshalText(text []byte) error {
	*r = Rates{}
	if string(text) == "none" {
		return nil
	}
	for part := range strings.SplitSeq(string(text), ",") {
		class, rate, err := parseRate(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		if r[class] != (Rate{}) {
			return grids.Errorf(grids.Invalid, "the rate of %s is given twice", classNames[class])
		}
		r[class] = rate
	}
	return nil
}

func parseRate(text string) (Class, Rate, error) {
	bad := grids.Errorf(grids.Invalid, "%.40q is not a rate: write class=per-second/burst, as in api=50/500, with the classes %s, or the word none", text, strings.Join(classNames[:], ", "))
	name, value, _ := strings.Cut(text, "=")
	perSecond, burst, _ := strings.Cut(value, "/")
	for class := range classes {
		if classNames[class] != name {
			continue
		}
		p, err1 := strconv.ParseFloat(perSecond, 64)
		b, err2 := strconv.Atoi(burst)
		if err1 != nil || err2 != nil || !(p >= 0.001 && p <= 1e6) || b < 1 || b > 1e7 || float64(b)/p > 1e6 {
			return 0, Rate{}, bad
		}
		return class, Rate{p, b}, nil
	}
	return 0, Rate{}, bad
}

// MarshalText is the inverse of UnmarshalText.
func (r Rates) MarshalText() ([]byte, error) {
	var parts []string
	for class, rate := range r {
		if rate != (Rate{}) {
			parts = append(parts, fmt.Sprintf("%s=%v/%d", classNames[class], rate.PerSecond, rate.Burst))
		}
	}
	if parts == nil {
		return []byte("none"), nil
	}
	return []byte(strings.Join(parts, ",")), nil
}

// meter remembers how much each key has used of its rate, in memory of a fixed size: a token bucket for every key, kept as the one
// instant at which it will be full again (the generic cell rate algorithm, ITU-T I.371), in a table of which each key has a place in
// every row. Keys that meet in a place count for each other there, so the least of a key's places is believed (a count-min sketch,
// Cormode and Muthukrishnan 2005): nobody is let in too often, and who shares one place has two others. Places are chosen by a seed of
// this process, which no client knows.
type meter struct {
	began time.Time
	seed  maphash.Seed
	rows  [meterRows][meterPlaces]atomic.Int64 // when the bucket will be full, in ns since the beginning
}

const (
	meterRows   = 3
	meterPlaces = 1 << 15
)

func newMeter() *meter { return &meter{began: time.Now(), seed: maphash.MakeSeed()} }

// meterKey is who is limited: an address or an account.
type meterKey struct {
	class   Class
	address netip.Addr
	account string
}

// take uses one request of a key's rate and returns 0, or how long the key has to wait for one.
func (m *meter) take(key meterKey, rate Rate) time.Duration {
	if rate == (Rate{}) {
		return 0
	}
	now := int64(time.Since(m.began))
	step := int64(float64(time.Second) / rate.PerSecond)
	hash := maphash.Comparable(m.seed, key)
	full := int64(1<<63 - 1)
	for i := range m.rows {
		full = min(full, m.place(i, hash).Load())
	}
	if wait := max(full, now) + step - now - step*int64(rate.Burst); wait > 0 {
		return time.Duration(wait)
	}
	for i := range m.rows {
		for place := m.place(i, hash); ; {
			old := place.Load()
			if place.CompareAndSwap(old, max(old, now)+step) {
				break
			}
		}
	}
	return 0
}

func (m *meter) place(row int, hash uint64) *atomic.Int64 {
	return &m.rows[row][hash>>(row*16)%meterPlaces]
}

func tooMany(wait time.Duration) refusal {
	return refusal{http.StatusTooManyRequests, "too many requests from here: wait " + retryAfter(wait) + " s and try again; the administrator of the server sets the limits", wait}
}

// retryAfter is a wait in whole seconds, rounded up.
func retryAfter(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}
