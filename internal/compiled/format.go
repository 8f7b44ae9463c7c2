package compiled

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The file, little endian throughout:
//
//	header    magic, Format, number of sections, then for each its offset, length and checksum; the header's own checksum
//	meta      JSON: feeds and what they cover
//	headers   advisories, each once: checksum, record
//	quiet     by package: what each advisory says of it, with the place of its header, where it matters below some version only
//	blocks    the same where it matters for every version, and where the package's part of quiet is
//	sparse…   first key and checksum of each chunk of a table
//	index     table: hash of a name to the place of its block
//	threats   table: CVE to EPSS and the place of the rest, for each CVE that an advisory here names
//	others    the same for CVEs that none names
//	details   KEV and SSVC, each distinct one once
//
// Small sections are checked when the file is opened; the large ones part by part when they are read, so that only pages of what is
// looked up are touched. What most look-ups need lies together, since a kernel maps sixteen pages where one is touched.
const (
	magic = "staunch\x01"

	// Format is the version of the file: another one is compiled anew.
	Format = 2

	sectionMeta = iota - 2
	sectionHeaders
	sectionQuiet
	sectionBlocks
	sectionIndexSparse
	sectionIndex
	sectionThreatSparse
	sectionThreat
	sectionOtherSparse
	sectionOther
	sectionDetails
	sections

	sectionEntry = 8 + 8 + 4
	headerSize   = len(magic) + 4 + 4 + sections*sectionEntry + 4
)

// ErrDamaged is a file that this program did not write, wrote in another format, or that has changed since.
var ErrDamaged = errors.New("damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

type section struct {
	offset, length uint64
	sum            uint32 // of the whole; zero where it is checked part by part
}

func encodeHeader(table [sections]section) []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = binary.LittleEndian.AppendUint32(b, sections)
	for _, s := range table {
		b = binary.LittleEndian.AppendUint64(b, s.offset)
		b = binary.LittleEndian.AppendUint64(b, s.length)
		b = binary.LittleEndian.AppendUint32(b, s.sum)
	}
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// decodeHeader gives the sections of a file, each inside it.
func decodeHeader(file []byte) ([sections]section, error) {
	var table [sections]section
	if len(file) < headerSize || string(file[:len(magic)]) != magic {
		return table, damaged("not a file of compiled feeds")
	}
	rest := file[len(magic):headerSize]
	if v := binary.LittleEndian.Uint32(rest); v != Format {
		return table, damaged("format %d, and this program reads %d", v, Format)
	}
	if checksum(file[:headerSize-4]) != binary.LittleEndian.Uint32(file[headerSize-4:]) || binary.LittleEndian.Uint32(rest[4:]) != sections {
		return table, damaged("the header does not match its checksum")
	}
	rest = rest[8:]
	for i := range table {
		s := section{binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:]), binary.LittleEndian.Uint32(rest[16:])}
		if s.offset > uint64(len(file)) || s.length > uint64(len(file))-s.offset {
			return table, damaged("section %d ends outside the file", i)
		}
		table[i], rest = s, rest[sectionEntry:]
	}
	return table, nil
}

// Kinds of blocks: what a name in the index is of.
const (
	kindPackage   = 'p' // ecosystem, package
	kindLifecycle = 'l' // product
	kindThreat    = 't' // a CVE whose id does not fit the table of threats
)

// hash is FNV-1a of 64 bits over a name of a kind. Names that collide lie side by side and are told apart by the names in their blocks.
func hash(kind byte, a, b string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (uint64(offset) ^ uint64(kind)) * prime
	for i := range len(a) {
		h = (h ^ uint64(a[i])) * prime
	}
	h *= prime // a zero byte between the two
	for i := range len(b) {
		h = (h ^ uint64(b[i])) * prime
	}
	return h
}

// cveKey packs a CVE id so that packed ones order by year, then digits, then number; false for what is none or has too many digits.
func cveKey(id string) (uint64, bool) {
	const digits = 13 // 10^13 < 2^44
	if len(id) < len("CVE-2024-1") || len(id) > len("CVE-2024-")+digits || id[:4] != "CVE-" || id[8] != '-' {
		return 0, false
	}
	number := func(s string) (n uint64, ok bool) {
		for i := range len(s) {
			if s[i] < '0' || s[i] > '9' {
				return 0, false
			}
			n = n*10 + uint64(s[i]-'0')
		}
		return n, true
	}
	year, ok := number(id[4:8])
	n, ok2 := number(id[9:])
	return year<<50 | uint64(len(id)-9)<<45 | n, ok && ok2
}
