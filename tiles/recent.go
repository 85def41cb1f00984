package tiles

import (
	"container/list"
	"sync"
)

// recent keeps what was used last, up to a limit of bytes, and always the very last. What is new is never refused: a
// sheet is asked for by a dozen tiles at once and then perhaps never again. Safe for concurrent use.
type recent[K comparable, V any] struct {
	limit int64
	mu    sync.Mutex
	size  int64
	order list.List // of *entry[K, V], the latest first
	at    map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	bytes int64
}

func newRecent[K comparable, V any](limit int64) *recent[K, V] {
	return &recent[K, V]{limit: limit, at: map[K]*list.Element{}}
}

// get is what was put under key, if it is still there.
func (r *recent[K, V]) get(key K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// put keeps v, which takes so many bytes, under a key that is not there.
func (r *recent[K, V]) put(key K, v V, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[key] = r.order.PushFront(&entry[K, V]{key, v, bytes})
	r.size += bytes
	for r.size > r.limit && r.order.Len() > 1 {
		old := r.order.Remove(r.order.Back()).(*entry[K, V])
		delete(r.at, old.key)
		r.size -= old.bytes
	}
}

// clear forgets everything.
func (r *recent[K, V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order.Init()
	r.at, r.size = map[K]*list.Element{}, 0
}

// bytes is what the kept values take.
func (r *recent[K, V]) bytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}
