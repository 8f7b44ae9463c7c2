package inventory

// Counts are how much some hosts have: what an index of them is made of.
type Counts struct {
	Hosts          int64
	Sets, SetBytes int64 // distinct package sets that they have; their ids as the store keeps them (EncodeSet), a little more than a byte each
	Updates        int64 // distinct updates sections that they have
	UpdateBytes    int64 // of them, as JSON
	Packages       int64 // interned, whoever has them
}
