package intake

import "time"

// Limits bound what one feed may cost, whatever it claims about itself. Zero fields take the defaults, which leave real feeds some
// ten times their size of 2026: the largest OSV archive is about 200 MB with 250,000 records, EPSS gives 360,000, CISA's catalogue 1.5 MB.
type Limits struct {
	MaxArchive int64         // bytes of a file as fetched; default 1 GiB
	MaxEntries int64         // files in an archive; default 500,000
	MaxRecord  int64         // bytes of one record, uncompressed; default 16 MiB
	MaxRecords int64         // records that a feed gives: what remembers them costs some 50 bytes each; default 5,000,000
	MaxTotal   int64         // bytes of all records, uncompressed; default 8 GiB
	MaxRatio   int64         // uncompressed bytes of an archive over compressed ones, past the first 64 MiB; default 200
	Stall      time.Duration // a transfer that brings nothing for so long is given up; default 30 s
}

// ratioGrace is how much an archive may inflate to before its ratio counts: a few small records compress well.
const ratioGrace = 64 << 20

func (l Limits) OrDefault() Limits {
	set := func(field *int64, value int64) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.MaxArchive, 1<<30)
	set(&l.MaxEntries, 500_000)
	set(&l.MaxRecord, 16<<20)
	set(&l.MaxRecords, 5_000_000)
	set(&l.MaxTotal, 8<<30)
	set(&l.MaxRatio, 200)
	if l.Stall <= 0 {
		l.Stall = 30 * time.Second
	}
	return l
}
