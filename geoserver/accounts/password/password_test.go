package password

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wangge/grids"
)

// cheap is a cost that tests can pay often.
var cheap = cost{memoryKiB: 64, rounds: 1, lanes: 1}

func TestAPasswordIsKnownAgain(t *testing.T) {
	h, ctx := newHasher(cheap), t.Context()
	stored, err := h.Hash(ctx, "four words of grass")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(stored, "grass") {
		t.Fatalf("%q %v", stored, err)
	}
	again, _ := h.Hash(ctx, "four words of grass")
	if again == stored {
		t.Error("two hashes of a password are the same: there is no salt")
	}
	for password, want := range map[string]bool{"four words of grass": true, "four words of Grass": false, "": false} {
		if same, outdated, err := h.Check(ctx, password, stored); err != nil || same != want || outdated {
			t.Errorf("%q: %v %v %v", password, same, outdated, err)
		}
	}
	if same, outdated, err := newHasher(cost{128, 1, 1}).Check(ctx, "four words of grass", stored); !same || !outdated || err != nil {
		t.Errorf("with another cost: %v %v %v", same, outdated, err)
	}
	if same, _, err := h.Check(ctx, "", ""); same || err != nil {
		t.Errorf("without a hash: %v %v", same, err)
	}
}

// What the reference program makes is read: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -e.
func TestAHashOfTheReferenceProgram(t *testing.T) {
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if same, _, err := newHasher(cheap).Check(t.Context(), "password", stored); !same || err != nil {
		t.Errorf("%v %v", same, err)
	}
}

func TestOnlySoManyHashesAtOnce(t *testing.T) {
	h := newHasher(cheap)
	var done []func()
	for range hashers {
		d, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	for range maxWaiting {
		go func() { _, err := h.Hash(ctx, "x"); gone <- err }()
	}
	for len(h.waiting) < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, &grids.Error{Kind: grids.Unavailable}) {
		t.Errorf("one more than may wait: %v", err)
	}
	cancel()
	for range maxWaiting {
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("one that went away: %v", err)
		}
	}
	for _, d := range done {
		d()
	}
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWhatCannotBeChosen(t *testing.T) {
	for password, says := range map[string]string{
		"kurz":                          "at least 12",
		"elf zeichen":                   "at least 12",
		"网格网格网格网格网格网":                   "at least 12",
		"aaaaaaaaaaaaaaaa":              "repeats",
		"abababababababab":              "repeats",
		"the-Wang.Li-password":          "name of the account",
		"qwertyuiop12":                  "tried first",
		"Password12345":                 "tried first",
		"Chongming2026!":                "tried first",
		"1qaz2wsx3edc4rfv":              "tried first",
		strings.Repeat("abcdefghi", 40): "longer than",
		"twelve bytes\xff":              "no text",
	} {
		err := Choice(password, "wang.li")
		if !errors.Is(err, &grids.Error{Kind: grids.Invalid}) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), password) {
			t.Errorf("%q: %v, want %q and not the password", password, err, says)
		}
	}
	for _, password := range []string{"four words of grass", "九段沙湿地的候鸟一二三四", "xkcd-936-9-x!kF"} {
		if err := Choice(password, "wang.li"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		p := OneTime()
		if seen[p] || len(p) != 23 || Choice(p, "wang.li") != nil {
			t.Fatalf("one-time password %q", p)
		}
		seen[p] = true
	}
}

func TestWhoGuessesWaits(t *testing.T) {
	th, now := NewThrottle(3, time.Minute, 100), time.Unix(1000, 0)
	var waits []time.Duration
	for range 12 {
		if w := th.Begin("wang.li", now); w != 0 {
			t.Fatalf("a try after the wait was refused for %v", w)
		}
		w := th.Begin("wang.li", now)
		if w > 0 && th.Begin("wang.li", now.Add(w-1)) <= 0 {
			t.Fatal("the wait can be cut short")
		}
		if w == 0 { // it was a try, too
			w = th.Begin("wang.li", now)
		}
		waits = append(waits, w)
		now = now.Add(w)
	}
	for i := 1; i < len(waits); i++ {
		if waits[i] < waits[i-1] || waits[i] > time.Minute {
			t.Errorf("the waits are %v", waits)
		}
	}
	if waits[len(waits)-1] != time.Minute {
		t.Errorf("the longest wait is %v", waits[len(waits)-1])
	}
	if w := th.Begin("other", now); w != 0 {
		t.Errorf("somebody else waits %v", w)
	}
	th.Begin("wang.li", now)
	th.Forget("wang.li", true, now)
	if w := th.Begin("wang.li", now); w != 0 {
		t.Errorf("after a success the wait is %v", w)
	}
	if w := th.Begin("wang.li", now.Add(2*forgetAfter)); w != 0 || th.tries["wang.li"].failed != 1 {
		t.Errorf("after a long time the wait is %v and the failures %d", w, th.tries["wang.li"].failed)
	}
}

// However the tries are spread, so many of them take at least the sum of the waits between them.
func TestThrottleRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th, now := NewThrottle(2, time.Minute, 8), time.Unix(1000, 0)
		passed := 0
		for range rapid.IntRange(1, 60).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			if th.Begin("one", now) == 0 {
				passed++
			}
		}
		// n failures over the free ones take 2^n − 1 seconds, up to the bound
		spent, need := now.Sub(time.Unix(1000, 0)), time.Duration(0)
		for n := 3; n < passed; n++ {
			need += min(time.Second<<(n-3), time.Minute)
		}
		if spent < need {
			t.Fatalf("%d tries passed in %v", passed, spent)
		}
	})
}

func TestMemoryIsBoundedUnderAFlood(t *testing.T) {
	th, now := NewThrottle(0, time.Hour, 50), time.Unix(1000, 0)
	for range 10 {
		th.Begin("victim", now)
		now = now.Add(th.Begin("victim", now))
	}
	th.Begin("victim", now)
	for i := range 10_000 {
		th.Begin(fmt.Sprint("name ", i), now)
	}
	if len(th.tries) != 50 {
		t.Errorf("%d names are kept", len(th.tries))
	}
	if th.Begin("victim", now) <= 0 {
		t.Error("a flood of names made the failures of one forgotten")
	}
}

func FuzzParseHash(f *testing.F) {
	h, _ := newHasher(cheap).Hash(context.Background(), "x")
	for _, s := range []string{h, "", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2id$v=19$m=99999999999,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=+64,t=01,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA", strings.Replace(h, "m=64", "m=4294967295", 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			if !errors.Is(err, &grids.Error{Kind: grids.Internal}) || err.Error() != "a stored password hash cannot be read" {
				t.Errorf("%v", err)
			}
			return
		}
		if h.String() != text || h.memoryKiB > 256<<10 || h.rounds > 16 || h.lanes > 4 || len(h.key) < 16 || len(h.salt) < 8 {
			t.Errorf("%q was read as %+v", text, h)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "four words of grass"); err != nil {
			b.Fatal(err)
		}
	}
}
