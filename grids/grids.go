// Package grids holds the words and rules of the district: ids, actors, errors and one file a noun
// (area, casework, village, survey, patrol). It does no I/O, knows no database and no wire format.
//
// All geometry is orb geometry in EPSG:4326, lon before lat, degrees. Times are UTC instants; a calendar
// day is a [Day], read in Asia/Shanghai. Values are safe for concurrent reads once built.
package grids

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ID names one stored thing: a UUID. The zero ID is "no id".
type ID [16]byte

// NewID makes a UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits.
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[:]) // crypto/rand never fails on the systems we run on: it aborts the program instead
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// IDFrom maps a foreign id (any text of a source file) to a stable UUID: version 8, the first 122 bits of
// SHA-1(namespace NUL text). A text that is a UUID already keeps its value, so a client's own ids survive.
func IDFrom(namespace, text string) ID {
	if len(text) == 36 { // only then is an error worth making: imports call this for every row
		if id, err := ParseID(text); err == nil {
			return id
		}
	}
	h := sha1.Sum([]byte(namespace + "\x00" + text))
	var id ID
	copy(id[:], h[:16])
	id[6] = 0x80 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// ParseID reads the 36-character form of a UUID. The error is Invalid.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, Errorf(Invalid, "%q is not a UUID (36 characters, like 0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e)", clip(s))
	}
	if _, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:])); err != nil {
		return ID{}, Errorf(Invalid, "%q is not a UUID: it holds a character that is not hexadecimal", clip(s))
	}
	return id, nil
}

// String is the 36-character form.
func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// IsZero reports whether id is "no id".
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the 36-character form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the 36-character form. The error is Invalid.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// Shanghai is the calendar the district lives by: UTC+8, no daylight saving since 1992. A fixed zone, so that
// no time-zone database is needed.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// Day is a calendar day in Asia/Shanghai as days since 1970-01-01.
type Day int32

// DayOf is the calendar day in Asia/Shanghai on which t falls.
func DayOf(t time.Time) Day {
	y, m, d := t.In(Shanghai).Date()
	return DayFrom(y, m, d)
}

// DayFrom is the day with that civil date; values out of range normalise as time.Date does.
func DayFrom(y int, m time.Month, d int) Day {
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Date is midnight UTC of the day, for drivers that store dates as times.
func (d Day) Date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Month is the calendar month that holds the day.
func (d Day) Month() Month {
	t := d.Date()
	return Month(t.Year()*12 + int(t.Month()) - 1)
}

// String is the ISO form, 2025-03-09.
func (d Day) String() string { return d.Date().Format("2006-01-02") }

// Month is a calendar month: year × 12 + (month − 1). The zero Month means "not given".
type Month int32

// ParseMonth reads "2025-03". The error is Invalid.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		return 0, Errorf(Invalid, "%q is not a calendar month: write it as 2025-03", clip(s))
	}
	return Month(t.Year()*12 + int(t.Month()) - 1), nil
}

// First is the first day of the month.
func (m Month) First() Day { return DayFrom(int(m)/12, time.Month(int(m)%12+1), 1) }

// Last is the last day of the month.
func (m Month) Last() Day { return (m + 1).First() - 1 }

// Begin is the first moment of the month in Asia/Shanghai, in microseconds since 1970.
func (m Month) Begin() int64 {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, Shanghai).UnixMicro()
}

// MonthAt is the month of a moment in Asia/Shanghai, given in microseconds since 1970.
func MonthAt(unixMicro int64) Month { return DayOf(time.UnixMicro(unixMicro)).Month() }

// String is the ISO form, 2025-03.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", int(m)/12, int(m)%12+1) }

// Period is a closed range of calendar months; a zero end is open.
type Period struct{ From, To Month }

// Contains reports whether the day falls in the period.
func (p Period) Contains(d Day) bool {
	return (p.From == 0 || d >= p.From.First()) && (p.To == 0 || d <= p.To.Last())
}

// clip shortens a foreign text for an error message: at most 60 characters.
func clip(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return s
	}
	return string(r[:57]) + "..."
}

// Kind says what sort of failure an error is; one table in the API maps it to a status.
type Kind uint8

// The kinds of failure.
const (
	Internal    Kind = iota // ours: logged whole, shown as one plain sentence
	Invalid                 // the caller's input; the message says what to change
	NotFound                // nothing of that name
	Conflict                // the state does not allow it (now)
	Forbidden               // the actor may not
	TooLarge                // over a limit that the message names
	Unavailable             // the database is away; try again
	Full                    // no room on the disk
)

var kindNames = [...]string{"internal", "invalid", "not found", "conflict", "forbidden", "too large", "unavailable", "storage full"}

// String is the kind's English name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error is a failure that a person will read: its kind, and a sentence that says what was wrong, where, and
// what to do. Err, if any, is the cause: it goes to the log and never to a client.
type Error struct {
	Kind Kind
	Msg  string
	Err  error
}

// Error is the sentence alone.
func (e *Error) Error() string { return e.Msg }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches another *Error of the same kind with an empty message, so that errors.Is(err, &Error{Kind: NotFound}) asks for the kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Msg == "" && t.Kind == e.Kind
}

// Errorf makes an Error; a %w operand becomes its cause.
func Errorf(k Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// Hide makes an Error whose sentence does not repeat the cause: for causes that a client must not see.
func Hide(k Kind, cause error, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...), Err: cause}
}

// KindOf is the kind of the first Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
