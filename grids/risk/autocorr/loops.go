package autocorr

import "math/bits"

// The loops below draw 1 to 8 of m positions and count the draws whose sum of codes is less than the observed one. They are written out
// because they are where all the time goes: the positions stay in registers, the comparison with the observed sum has no branch, and a word
// of the stream makes as many positions as it can. A draw with a position twice is made again as a whole, so all k-subsets are equally likely.

// one draws 1.
func (h *hand) one() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		if r < h.last {
			again()
			continue
		}
		s := h.start + int64(code[a])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a)
		}
		left--
	}
	h.stream = st
	return less
}

// two draws 2.
func (h *hand) two() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		if r < h.last || b == a {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b)
		}
		left--
	}
	h.stream = st
	return less
}

// three draws 3.
func (h *hand) three() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if r < h.last || b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c)
		}
		left--
	}
	h.stream = st
	return less
}

// four draws 4.
func (h *hand) four() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		if h.split {
			if r < h.first {
				again()
				continue
			}
			r, st = st.next()
		}
		d, r := bits.Mul64(r, m)
		if r < h.last || d == a || d == b || d == c {
			again()
			continue
		}
		s += int64(code[d])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c, d)
		}
		left--
	}
	h.stream = st
	return less
}

// five draws 5.
func (h *hand) five() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		if h.split {
			if r < h.first {
				again()
				continue
			}
			r, st = st.next()
		}
		d, r := bits.Mul64(r, m)
		e, r := bits.Mul64(r, m)
		if r < h.last || d == a || d == b || d == c || e == a || e == b || e == c || e == d {
			again()
			continue
		}
		s += int64(code[d]) + int64(code[e])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c, d, e)
		}
		left--
	}
	h.stream = st
	return less
}

// six draws 6.
func (h *hand) six() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		if h.split {
			if r < h.first {
				again()
				continue
			}
			r, st = st.next()
		}
		d, r := bits.Mul64(r, m)
		e, r := bits.Mul64(r, m)
		f, r := bits.Mul64(r, m)
		if r < h.last || d == a || d == b || d == c || e == a || e == b || e == c || e == d || f == a || f == b || f == c ||
			f == d || f == e {
			again()
			continue
		}
		s += int64(code[d]) + int64(code[e]) + int64(code[f])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c, d, e, f)
		}
		left--
	}
	h.stream = st
	return less
}

// seven draws 7.
func (h *hand) seven() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		if h.split {
			if r < h.first {
				again()
				continue
			}
			r, st = st.next()
		}
		d, r := bits.Mul64(r, m)
		e, r := bits.Mul64(r, m)
		f, r := bits.Mul64(r, m)
		if d == a || d == b || d == c || e == a || e == b || e == c || e == d || f == a || f == b || f == c || f == d ||
			f == e {
			again()
			continue
		}
		s += int64(code[d]) + int64(code[e]) + int64(code[f])
		if h.split6 {
			if r < h.second {
				again()
				continue
			}
			r, st = st.next()
		}
		g, r := bits.Mul64(r, m)
		if r < h.last || g == a || g == b || g == c || g == d || g == e || g == f {
			again()
			continue
		}
		s += int64(code[g])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c, d, e, f, g)
		}
		left--
	}
	h.stream = st
	return less
}

// eight draws 8.
func (h *hand) eight() (less int) {
	st, m, code := h.stream, h.m, h.code[:h.m]
	for left := h.reps; left > 0; {
		r, next := st.next()
		st = next
		a, r := bits.Mul64(r, m)
		b, r := bits.Mul64(r, m)
		c, r := bits.Mul64(r, m)
		if b == a || c == a || c == b {
			again()
			continue
		}
		s := h.start + int64(code[a]) + int64(code[b]) + int64(code[c])
		if h.split {
			if r < h.first {
				again()
				continue
			}
			r, st = st.next()
		}
		d, r := bits.Mul64(r, m)
		e, r := bits.Mul64(r, m)
		f, r := bits.Mul64(r, m)
		if d == a || d == b || d == c || e == a || e == b || e == c || e == d || f == a || f == b || f == c || f == d ||
			f == e {
			again()
			continue
		}
		s += int64(code[d]) + int64(code[e]) + int64(code[f])
		if h.split6 {
			if r < h.second {
				again()
				continue
			}
			r, st = st.next()
		}
		g, r := bits.Mul64(r, m)
		j, r := bits.Mul64(r, m)
		if r < h.last || g == a || g == b || g == c || g == d || g == e || g == f || j == a || j == b || j == c || j == d ||
			j == e || j == f || j == g {
			again()
			continue
		}
		s += int64(code[g]) + int64(code[j])
		less += int(uint64(s) >> 63)
		if uint64(s) < h.width {
			less += h.near(a, b, c, d, e, f, g, j)
		}
		left--
	}
	h.stream = st
	return less
}
