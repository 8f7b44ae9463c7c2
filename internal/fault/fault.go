// Package fault says what kind of failure an error is and what a person may be told about it.
//
// A *Error carries a Kind for machines and a Message that is safe to show to a user; its cause is for the log only.
// Every other error is Internal: its text never leaves the process. Wrap once per package boundary, log once, where the error stops.
package fault

import (
	"errors"
	"fmt"
)

// Kind is a class of failure. It is itself an error, so errors.Is(err, fault.NotFound) works through any wrapping.
type Kind string

// The kinds. Stored and sent as text, so they are never renumbered.
const (
	Internal     Kind = "internal"     // ours; the message is never shown
	Invalid      Kind = "invalid"      // the caller sent something wrong, and the message says what
	Unauthorized Kind = "unauthorized" // who are you
	Forbidden    Kind = "forbidden"    // we know you; you may not
	NotFound     Kind = "not_found"
	Conflict     Kind = "conflict"    // the state has moved on, or the thing exists already
	Expired      Kind = "expired"     // it was valid once
	TooLarge     Kind = "too_large"   // a size or count limit
	TooMany      Kind = "too_many"    // a rate limit
	Unavailable  Kind = "unavailable" // try again later
	NoRoom       Kind = "no_room"     // the server has too little memory for it, and trying again does not help
)

// Error makes a Kind usable as an errors.Is target.
func (k Kind) Error() string { return string(k) }

// Error is a failure with a kind and a message that may be shown to a user.
type Error struct {
	Kind    Kind
	Message string // for people: what was wrong, where, what to do; no secrets
	Cause   error  // for the log; may be nil
}

// New makes an error of a kind with a user-safe message.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause, which reaches the log and never the user.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Error gives the message and its cause: this is the text for the log, not for users (see Message).
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap exposes the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// KindOf is the kind of the outermost *Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Message is the user-safe text of err; errors that carry none, and Internal ones, give a fixed sentence.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Message
	}
	return "internal error; the server's log has the details"
}
