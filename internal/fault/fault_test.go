package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestKindAndMessageSurviveWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire at /secret")
	for name, tc := range map[string]struct {
		err     error
		kind    Kind
		message string
	}{
		"plain error is internal":    {cause, Internal, "internal error; the server's log has the details"},
		"fault keeps its message":    {New(NotFound, "no host %q", "a"), NotFound, `no host "a"`},
		"wrapped fault":              {fmt.Errorf("reading: %w", New(Expired, "token expired")), Expired, "token expired"},
		"cause is not shown":         {Wrap(cause, Unavailable, "try later"), Unavailable, "try later"},
		"internal message is hidden": {Wrap(cause, Internal, "secret"), Internal, "internal error; the server's log has the details"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := KindOf(tc.err); got != tc.kind {
				t.Errorf("kind %q, want %q", got, tc.kind)
			}
			if got := Message(tc.err); got != tc.message {
				t.Errorf("message %q, want %q", got, tc.message)
			}
			var e *Error
			if errors.As(tc.err, &e) && !errors.Is(tc.err, tc.kind) {
				t.Errorf("errors.Is(err, %q) is false", tc.kind)
			}
		})
	}
}
