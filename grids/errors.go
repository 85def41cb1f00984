package grids

import (
	"errors"
	"fmt"
)

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
