package compiled

import (
	"errors"
	"runtime/debug"
	"unsafe"
)

var errChanged = errors.New("the file was changed by another program while it was in use")

// faults turns a page of a mapped file that cannot be had any more into ErrDamaged: somebody cut the file short, or its disk fails. The
// system's answer to reading such a page is SIGBUS, which would end the program without a word. Called as
//
//	defer faults(file, &err, debug.SetPanicOnFault(true))
//
// by each function that reads the file; any other panic goes on.
func faults(file []byte, err *error, before bool) {
	debug.SetPanicOnFault(before)
	switch p := recover().(type) {
	case nil:
	case interface{ Addr() uintptr }: // runtime.Error of a fault, see debug.SetPanicOnFault
		if !within(file, p.Addr()) {
			panic(p)
		}
		*err = damaged("%v; or its disk cannot be read", errChanged)
	default:
		panic(p)
	}
}

func within(file []byte, at uintptr) bool {
	if len(file) == 0 {
		return false
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(file))) //nolint:gosec // compared, and nothing is read at it
	return at >= from && at-from < uintptr(len(file))
}
