package assess

import (
	"context"
	"runtime"
	"sync"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Heap is what Go has of this process's memory, in bytes.
type Heap struct {
	Objects int64 // what is in use, and what is not known to be garbage yet
	Mapped  int64 // taken of the system and not given back: garbage and what is free again are in it
}

// Room is the memory that there is beside the present index, for what is built on top of it: indexes of the past, and reports. It is given
// out, so that of two who begin at once the second knows of the first. The nil Room knows of no bound.
type Room struct {
	memory func() Memory
	heap   func() Heap

	mu    sync.Mutex
	lent  int64         // to those who are still building: not all of it is on the heap yet
	spare []func() bool // what gives memory back when it is scarce; false: it had nothing
}

// NewRoom makes the room of a process. memory is what there is beside what the process has, heap what it has.
func NewRoom(memory func() Memory, heap func() Heap) *Room { return &Room{memory: memory, heap: heap} }

// Spared registers what gives memory back when it is scarce: what it keeps can be made again. drop is not called from within Take's caller's locks.
func (r *Room) Spared(drop func() bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = append(r.spare, drop)
}

// besideRead is what the store's readers take beside Go's heap: SQLite keeps 2 MiB of pages for each connection, and few read at once.
const besideRead = 16 << 20

// Take lends memory until giveBack is called, when what was built is on the heap, or gone. fault.NoRoom says what is needed, what there is
// and what to do; then nothing is lent. what names the thing that is built, as "the fleet at …", and bytes what it is reckoned to need at
// the most while it is built.
func (r *Room) Take(what string, bytes int64) (giveBack func(), err error) {
	if r == nil {
		return func() {}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fits, needs, there, by := r.fits(bytes)
	if !fits {
		r.makeRoom()
		fits, needs, there, by = r.fits(bytes)
	}
	if !fits {
		return nil, fault.New(fault.NoRoom, "the server has too little memory for %s: that needs about %s, so that the server would have %s with what it holds already, and it can have %s (%s). "+
			"Nothing else is affected. Give the server more memory%s", what, size(bytes), size(needs), size(max(0, there)), by, r.tighter())
	}
	r.lent += bytes
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lent -= bytes
	}), nil
}

// Spare drops what can be made again, and collects it: for whoever sees that memory is scarce. false: there was nothing.
func (r *Room) Spare() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	dropped := false
	for _, drop := range r.spare {
		dropped = drop() || dropped
	}
	if dropped {
		runtime.GC()
	}
	return dropped
}

// makeRoom drops what can be made again, and has what is garbage found out.
func (r *Room) makeRoom() {
	for _, drop := range r.spare {
		drop()
	}
	runtime.GC()
}

// fits says whether so much more can be built: what the process would have at the most, what it can have, and who says so. Without a limit
// of its own Go's heap grows to twice what is in use before it is cleaned up; with one, to a third more (Fit.tight).
func (r *Room) fits(bytes int64) (fits bool, needs, there int64, by string) {
	m, h := r.memory(), r.heap()
	soft := m.Soft
	m.Soft = 0
	if there, by = m.there(); by != "" {
		there += h.Mapped
	}
	all := h.Objects + r.lent + bytes
	needs = 2*all + besideRead
	if soft > 0 {
		needs = all + all/3 + besideRead
		if by == "" || soft < there {
			there, by = soft, "GOMEMLIMIT"
		}
	}
	return by == "" || needs <= there, needs, there, by
}

// tighter is what else may be done.
func (r *Room) tighter() string {
	if r.memory().Soft > 0 {
		return ""
	}
	return ", or set GOMEMLIMIT to what it may have: garbage is collected sooner then, and a third less is needed"
}

// Counted tells how much there is of what an index is made of.
type Counted interface {
	HostCounts(ctx context.Context) (inventory.Counts, error)
	KnowledgeCounts(ctx context.Context) (advisory.Counts, error)
}

// CountsOf asks for both.
func CountsOf(ctx context.Context, of Counted) (Counts, error) {
	h, err := of.HostCounts(ctx)
	if err != nil {
		return Counts{}, err
	}
	k, err := of.KnowledgeCounts(ctx)
	return Counts{Hosts: h.Hosts, Sets: h.Sets, SetBytes: h.SetBytes, Updates: h.Updates, UpdateBytes: h.UpdateBytes, Packages: h.Packages,
		Advisories: k.Advisories, AdvisoryBytes: k.AdvisoryBytes, Overlays: k.Overlays}, err
}

// beside is what an index of these counts takes at the most while it is loaded in a server that runs: without the rest of the server.
func (c Counts) beside() int64 { return Reckon(c, Memory{}).Loading - perServer }
