package password

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"wangge/grids"
)

const (
	minPassword = 12  // characters
	maxPassword = 256 // bytes
	minDistinct = 5   // different characters
)

//go:embed common.txt
var commonText string // of twelve characters and more: shorter ones are refused anyway

// Choice refuses a password that is too easily found for an account of that name. The error is Invalid and does not repeat it.
func Choice(password, name string) error {
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	plain := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return grids.Errorf(grids.Invalid, "the password is longer than %d bytes, or no text", maxPassword)
	case utf8.RuneCountInString(password) < minPassword:
		return grids.Errorf(grids.Invalid, "the password is too short: take at least %d characters, such as four words", minPassword)
	case len(distinct) < minDistinct:
		return grids.Errorf(grids.Invalid, "the password repeats the same few characters: take at least %d different ones", minDistinct)
	case strings.Contains(grids.FoldName(password), grids.FoldName(name)):
		return grids.Errorf(grids.Invalid, "the password holds the name of the account: take one that does not")
	case common(plain):
		return grids.Errorf(grids.Invalid, "the password is one of those that are tried first: take another")
	}
	return nil
}

// common reports whether a password in small letters is on the list, whatever digits and marks follow it.
func common(plain string) bool {
	bare := strings.TrimRight(plain, "0123456789!?.@#$%&*-_")
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); plain == line || bare != "" && len(bare) >= 6 && bare == line {
			return true
		}
	}
	return false
}

// letters of one-time passwords: none that could be taken for another.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// OneTime is a password to be changed at the first sign-in: 20 letters of 31, 99 bits.
func OneTime() string {
	var b strings.Builder
	for b.Len() < 23 {
		for _, c := range random(32) {
			if c >= 248 || b.Len() == 23 { // 248 = 8 × 31: every letter is as likely
				continue
			}
			if b.Len()%6 == 5 {
				b.WriteByte('-')
			}
			b.WriteByte(letters[c%31])
		}
	}
	return b.String()
}
