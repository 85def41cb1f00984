package password

import (
	"sync"
	"time"
)

// Throttle makes whoever guesses wait longer and longer: after some failures for free, each doubles the wait up to a bound, so that
// nobody is locked out for good. It keeps at most so many names as it was made for. Safe for concurrent use.
type Throttle struct {
	free  int           // failures without a wait
	most  time.Duration // the longest wait
	size  int           // names kept; the one whose wait ends first goes
	mu    sync.Mutex
	tries map[string]tries
}

// tries is what is known of a name or an address.
type tries struct {
	failed int
	until  time.Time // no try before
}

// forgetAfter is how long after the last wait the failures count.
const forgetAfter = time.Hour

// NewThrottle lets free failures pass without a wait, makes nobody wait longer than most, and knows at most size names.
func NewThrottle(free int, most time.Duration, size int) *Throttle {
	return &Throttle{free: free, most: most, size: size, tries: map[string]tries{}}
}

// Begin asks to try, and counts the try as failed until [Throttle.Forget] says that it was not: tries side by side gain nothing.
// A wait above zero says that it may not, and when it may.
func (t *Throttle) Begin(key string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.tries[key]
	if now.After(was.until.Add(forgetAfter)) {
		was = tries{}
	}
	if wait := was.until.Sub(now); wait > 0 && was.failed > t.free {
		return wait
	}
	was.failed++
	was.until = now.Add(t.wait(was.failed))
	if _, known := t.tries[key]; !known && len(t.tries) >= t.size {
		t.drop(now)
	}
	t.tries[key] = was
	return 0
}

// wait is how long it takes after so many failures until the next try.
func (t *Throttle) wait(failed int) time.Duration {
	over := failed - t.free
	if over <= 0 {
		return 0
	}
	return min(time.Second<<min(over-1, 30), t.most)
}

// Forget takes back a try that succeeded; all of them when whole. Its wait was over when it began.
func (t *Throttle) Forget(key string, whole bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.tries[key]
	if was.failed--; whole || was.failed <= 0 {
		delete(t.tries, key)
		return
	}
	was.until = now
	t.tries[key] = was
}

// drop makes room: what is forgotten anyway, else the one that waits least.
func (t *Throttle) drop(now time.Time) {
	least := ""
	for key, is := range t.tries {
		if now.After(is.until.Add(forgetAfter)) {
			delete(t.tries, key)
		} else if least == "" || is.until.Before(t.tries[least].until) {
			least = key
		}
	}
	if len(t.tries) >= t.size {
		delete(t.tries, least)
	}
}
