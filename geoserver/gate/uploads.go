package gate

import (
	"net/http"
	"sync"
	"time"
)

// UploadLimits bounds the files that are received. A zero is no limit.
type UploadLimits struct {
	PerAddress int   // received at the same time from one address
	PerAccount int   // received at the same time for one account
	Waiting    int64 // bytes of all files that wait for their commit, with those that are being received
}

var (
	tooManyUploads = refusal{http.StatusTooManyRequests, "other files of yours are being received and checked: wait until they are done", 10 * time.Second}
	noRoom         = refusal{http.StatusInsufficientStorage, "too many files wait for their commit: commit or discard them, or wait an hour until they are forgotten", time.Hour}
	largeBody      = refusal{status: http.StatusRequestEntityTooLarge, detail: "the request is larger than 2 MiB"}
)

// isUpload reports whether a request brings a file.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/api/imports"
}

// admitBody bounds what a request that changes something sends. When it gets in, end must be called after it.
func (g *Gate) admitBody(w http.ResponseWriter, r *http.Request, c *client) (end func(), no refusal) {
	if !isUpload(r) {
		if r.ContentLength > maxBody {
			return nil, largeBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		return func() {}, refusal{}
	}
	if g.Waiting != nil && g.Uploads.Waiting > 0 && g.Waiting()+max(r.ContentLength, 0) > g.Uploads.Waiting {
		return nil, noRoom
	}
	key := "address " + network(c.ip).String()
	if !g.uploads.begin(key, g.Uploads.PerAddress) {
		return nil, tooManyUploads
	}
	return func() { g.uploads.end(key) }, refusal{}
}

// turns counts what each key has under way. It holds only keys that have something.
type turns struct {
	mu sync.Mutex
	by map[string]int
}

// begin takes a turn unless the key has most already; 0 is no limit.
func (t *turns) begin(key string, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if most > 0 && t.by[key] >= most {
		return false
	}
	if t.by == nil {
		t.by = map[string]int{}
	}
	t.by[key]++
	return true
}

func (t *turns) end(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by[key]--; t.by[key] == 0 {
		delete(t.by, key)
	}
}
