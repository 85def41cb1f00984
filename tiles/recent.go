package tiles

import (
	"container/list"
	"sync"
)

// recent keeps what was used last, up to a limit of bytes, and always the very last. What is new is never refused: a
// sheet is asked for by a dozen tiles at once and then perhaps never again. Safe for concurrent use.
type recent[V any] struct {
	limit int64
	mu    sync.Mutex
	size  int64
	order list.List // of *entry[V], the latest first
	at    map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
	bytes int64
}

func newRecent[V any](limit int64) *recent[V] {
	return &recent[V]{limit: limit, at: map[string]*list.Element{}}
}

// get is what was put under key, if it is still there.
func (r *recent[V]) get(key string) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*entry[V]).value, true
}

// put keeps v, which takes so many bytes, under a key that is not there.
func (r *recent[V]) put(key string, v V, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[key] = r.order.PushFront(&entry[V]{key, v, bytes})
	r.size += bytes
	for r.size > r.limit && r.order.Len() > 1 {
		old := r.order.Remove(r.order.Back()).(*entry[V])
		delete(r.at, old.key)
		r.size -= old.bytes
	}
}

// clear forgets everything.
func (r *recent[V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order.Init()
	r.at, r.size = map[string]*list.Element{}, 0
}

// bytes is what the kept values take.
func (r *recent[V]) bytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}
