package event

import (
	"testing"
	"time"
)

func TestChainCoversEveryFieldAndTheHashBefore(t *testing.T) {
	t.Parallel()
	base := Event{Seq: 7, At: time.UnixMicro(1), Kind: "k", Actor: "a", Host: "h", Text: "t", Data: map[string]string{"x": "1", "y": "2"}}
	want := Chain("before", base)
	if again := Chain("before", base); again != want {
		t.Fatalf("not deterministic: %s, %s", want, again)
	}
	for name, change := range map[string]func(*Event) string{
		"hash before": func(*Event) string { return "other" },
		"seq":         func(e *Event) string { e.Seq++; return "before" },
		"time":        func(e *Event) string { e.At = e.At.Add(time.Microsecond); return "before" },
		"kind":        func(e *Event) string { e.Kind = "l"; return "before" },
		"actor":       func(e *Event) string { e.Actor = "b"; return "before" },
		"host":        func(e *Event) string { e.Host = "i"; return "before" },
		"text":        func(e *Event) string { e.Text = "u"; return "before" },
		"data":        func(e *Event) string { e.Data = map[string]string{"x": "1", "y": "3"}; return "before" },
		"data moved":  func(e *Event) string { e.Data = map[string]string{"x1": "", "y": "2"}; return "before" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := base
			if Chain(change(&e), e) == want {
				t.Error("the hash did not change")
			}
		})
	}
}
