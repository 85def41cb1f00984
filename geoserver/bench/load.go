package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"wangge/grids"
)

// Ask is one request for gzipped bytes; with an ETag it is a revalidation.
type Ask struct{ URL, ETag string }

// Answers is what became of a load.
type Answers struct {
	Rate  float64 // answers a second
	P50   float64 // µs, of an answer read to its end
	P99   float64 // µs
	Bytes float64 // of a body, on average
}

// NewClient is a client whose connections stay open, so many to a server, and which unpacks nothing.
func NewClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxIdleConns: 0, DisableCompression: true,
		IdleConnTimeout: time.Minute, ReadBufferSize: 32 << 10}}
}

// Send replays the requests in turn, total of them, by so many clients at once that each wait for their answer. The error is
// Internal when an answer is none of 200, 204 and 304, or ctx's.
func Send(ctx context.Context, client *http.Client, asks []Ask, concurrency, total int) (Answers, error) {
	requests, err := prepare(ctx, asks)
	if err != nil {
		return Answers{}, err
	}
	var next, bytes atomic.Int64
	took, faults := make([]time.Duration, total), make([]error, concurrency)
	var all sync.WaitGroup
	began := time.Now()
	for worker := range concurrency {
		all.Go(func() {
			buffer := make([]byte, 64<<10)
			for i := next.Add(1) - 1; i < int64(total); i = next.Add(1) - 1 {
				sent := time.Now()
				n, err := roundTrip(client, requests[int(i)%len(requests)], buffer)
				if err != nil {
					faults[worker] = err
					return
				}
				took[i] = time.Since(sent)
				bytes.Add(n)
			}
		})
	}
	all.Wait()
	wall := time.Since(began)
	if err := errors.Join(faults...); err != nil {
		return Answers{}, err
	}
	return Answers{Rate: float64(total) / wall.Seconds(), P50: micros(Percentile(took, .5)), P99: micros(Percentile(took, .99)),
		Bytes: float64(bytes.Load()) / float64(total)}, nil
}

// prepare makes the requests once, so that the loop measures answers and not the making of questions.
func prepare(ctx context.Context, asks []Ask) ([]*http.Request, error) {
	list := make([]*http.Request, len(asks))
	for i, a := range asks {
		u, err := url.Parse(a.URL)
		if err != nil {
			return nil, grids.Hide(grids.Invalid, err, "%q is no address", a.URL)
		}
		h := http.Header{"Accept-Encoding": {"gzip"}}
		if a.ETag != "" {
			h.Set("If-None-Match", a.ETag)
		}
		list[i] = (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h}).WithContext(ctx)
	}
	return list, nil
}

// roundTrip reads one answer to its end and returns the length of its body.
func roundTrip(client *http.Client, request *http.Request, buffer []byte) (int64, error) {
	copied := *request // a request belongs to one round trip at a time
	res, err := client.Transport.RoundTrip(&copied)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	switch res.StatusCode {
	case http.StatusOK, http.StatusNoContent, http.StatusNotModified:
	default:
		return 0, grids.Errorf(grids.Internal, "%s answered %s", request.URL.Path, res.Status)
	}
	var n int64
	for {
		k, err := res.Body.Read(buffer)
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("%s: %w", request.URL.Path, err)
		}
	}
}

// Stored is an answer that was kept: its body and tag.
type Stored struct {
	Body []byte // as it came: gzipped; empty for a 204
	ETag string
}

// Collect asks for every address once and keeps the answers by path.
func Collect(ctx context.Context, client *http.Client, asks []Ask) (map[string]Stored, error) {
	kept := map[string]Stored{}
	requests, err := prepare(ctx, asks)
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		res, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close() // read to its end
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
			return nil, grids.Errorf(grids.Internal, "%s answered %s", r.URL.Path, res.Status)
		}
		kept[r.URL.Path] = Stored{b, res.Header.Get("ETag")}
	}
	return kept, nil
}

// Floor answers with the kept bytes, by path: the least that a server over net/http can do.
func Floor(kept map[string]Stored) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := kept[r.URL.Path].Body
		if len(b) == 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.mapbox-vector-tile")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b) // the client is ours
	})
}
