// Package password is what passwords are kept as, which ones may be chosen, and how long whoever guesses has to wait.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"wangge/grids"
)

// cost is what a hash of a password costs to make: argon2id (RFC 9106) with these parameters.
type cost struct {
	memoryKiB, rounds uint32
	lanes             uint8
}

// today is the cost of new hashes: the second choice of RFC 9106 §4 in memory and rounds, in one lane.
var today = cost{memoryKiB: 64 << 10, rounds: 3, lanes: 1}

const (
	saltBytes  = 16
	keyBytes   = 32
	hashers    = 2  // hashes made at once: each takes all its memory
	maxWaiting = 32 // sign-ins that wait for one of them
)

// hash is a hash of a password with what it was made with.
type hash struct {
	cost
	salt, key []byte
}

// String is the hash in the PHC format, as argon2's own tools write it.
func (h hash) String() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.rounds, h.lanes, b.EncodeToString(h.salt), b.EncodeToString(h.key))
}

// parseHash reads what [hash.String] wrote. It refuses costs that would stop the server: the error is Internal.
func parseHash(text string) (h hash, err error) {
	bad := grids.Errorf(grids.Internal, "a stored password hash cannot be read")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return h, bad
	}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return h, bad
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(numbers[i], name)
		if n[i], err = strconv.ParseUint(digits, 10, 32); !ok || err != nil || strconv.FormatUint(n[i], 10) != digits {
			return h, bad
		}
	}
	h.cost = cost{memoryKiB: uint32(n[0]), rounds: uint32(n[1]), lanes: uint8(min(n[2], 255))}
	if h.lanes < 1 || n[2] > 4 || h.rounds < 1 || h.rounds > 16 || h.memoryKiB < 8*uint32(h.lanes) || h.memoryKiB > 256<<10 {
		return h, bad
	}
	b := base64.RawStdEncoding.Strict()
	h.salt, err = b.DecodeString(parts[4])
	if err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return h, bad
	}
	h.key, err = b.DecodeString(parts[5])
	if err != nil || len(h.key) < 16 || len(h.key) > 64 || h.String() != text {
		return h, bad
	}
	return h, nil
}

// Hasher makes hashes, a few at a time. Safe for concurrent use.
type Hasher struct {
	cost
	turns   chan struct{} // one token a hash under way
	waiting chan struct{} // one token for each who waits
	decoy   hash          // what an unknown name is compared with
}

// NewHasher makes hashes of today's cost.
func NewHasher() *Hasher { return newHasher(today) }

func newHasher(c cost) *Hasher {
	h := &Hasher{cost: c, turns: make(chan struct{}, hashers), waiting: make(chan struct{}, maxWaiting)}
	h.decoy = hash{cost: c, salt: random(saltBytes), key: random(keyBytes)} // the hash of no password that anybody could find
	return h
}

// random is n bytes that nobody can guess.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it aborts the program instead
	return b
}

// turn waits until a hash may be made. The errors are Unavailable when too many wait, and the context's.
func (h *Hasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, grids.Errorf(grids.Unavailable, "very many people are signing in at this moment; try again shortly")
	}
	defer func() { <-h.waiting }()
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c cost) key(password string, salt []byte, n int) []byte {
	return argon2.IDKey([]byte(password), salt, c.rounds, c.memoryKiB, c.lanes, uint32(n))
}

// Hash is a hash of a password as text that can be stored, in the PHC format. Errors: Unavailable when too many wait for theirs, and the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := random(saltBytes)
	return hash{cost: h.cost, salt: salt, key: h.key(password, salt, keyBytes)}.String(), nil
}

// Check reports whether the password is the one that was hashed, and whether the hash should be made anew with today's cost. With no
// hash ("": an unknown name, or an account without a password) it does the same work and says no. Errors: Unavailable as of [Hasher.Hash], Internal when the hash
// cannot be read.
func (h *Hasher) Check(ctx context.Context, password, stored string) (same, outdated bool, err error) {
	with := h.decoy
	if stored != "" {
		if with, err = parseHash(stored); err != nil {
			return false, false, err
		}
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	same = subtle.ConstantTimeCompare(with.cost.key(password, with.salt, len(with.key)), with.key) == 1 && stored != ""
	return same, with.cost != h.cost, nil
}
