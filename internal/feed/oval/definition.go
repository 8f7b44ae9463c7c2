package oval

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Definition is what we use of one definition.
type Definition struct {
	ID       string   `xml:"id,attr"`
	Class    string   `xml:"class,attr"`
	Title    string   `xml:"metadata>title"`
	Text     string   `xml:"metadata>description"`
	Refs     []Ref    `xml:"metadata>reference"`
	Severity string   `xml:"metadata>advisory>severity"`
	Issued   Date     `xml:"metadata>advisory>issued"`
	Updated  Date     `xml:"metadata>advisory>updated"`
	CVEs     []string `xml:"metadata>advisory>cve"`
	Criteria criteria `xml:"criteria"`
}

// Ref is a reference of a definition.
type Ref struct {
	Source string `xml:"source,attr"`
	ID     string `xml:"ref_id,attr"`
}

// Date is an element with its date as an attribute, YYYY-MM-DD.
type Date struct {
	Date string `xml:"date,attr"`
}

type criteria struct {
	Operator  string      `xml:"operator,attr"`
	Negate    string      `xml:"negate,attr"`
	Criterion []criterion `xml:"criterion"`
	Criteria  []criteria  `xml:"criteria"`
	Extend    []struct{}  `xml:"extend_definition"`
}

type criterion struct {
	Negate  string `xml:"negate,attr"`
	Comment string `xml:"comment,attr"`
}

// isTrue: of XML's boolean; what is neither true nor false is not taken for false.
func isTrue(boolean string) bool { return boolean != "" && boolean != "false" && boolean != "0" }

// Dialect is how one vendor writes definitions.
type Dialect struct {
	// ID names the advisory that a definition becomes; empty: it is none.
	ID func(d *Definition) string
	// Leaf says what a criterion's comment means.
	Leaf func(comment string) Leaf
	// Tidy reduces the ranges that a definition gives one package; nil: they stay.
	Tidy func([]advisory.Range) []advisory.Range
}

// Leaf is what one criterion asks. The zero Leaf is one that we do not know.
type Leaf struct {
	Kind        Kind
	Ecosystem   string // Installed: the release; empty: a product that is no release of an operating system
	Entitlement string // Installed: what its updates need
	Stream      string // Enabled
	Package     string // Says
	Range       advisory.Range
	Status      advisory.Status // Says, without a range: of every version
}

// Kind of a Leaf.
type Kind int

// Kinds.
const (
	Unknown   Kind = iota
	Always         // nothing to us: a signature, an architecture
	Silent         // of a package that we can say nothing of
	Installed      // a product is installed
	Enabled        // a module's stream is enabled
	Says           // something of a package
)

// where is what holds for a part of the tree: the products of which one is installed, and the module's stream.
type where struct {
	products []Leaf
	stream   string
}

// reduce walks the criteria and gives what they say of packages. A part that asks what we do not know, or for several packages at once
// (SUSE asks so of live patches), says nothing: the error names the first, beside what the others say.
func (d Dialect) reduce(c *criteria, in where) ([]advisory.Affected, error) {
	switch {
	case isTrue(c.Negate) || len(c.Extend) > 0:
		return nil, errors.New("it negates or extends criteria")
	case c.Operator == "OR":
		return d.any(c, in)
	case c.Operator == "AND", c.Operator == "":
		return d.all(c, in)
	}
	return nil, fmt.Errorf("it joins criteria by %s", intake.Shown(c.Operator))
}

// all reduces criteria that must all hold: products, a module, and one package or one part that names packages.
func (d Dialect) all(c *criteria, in where) ([]advisory.Affected, error) {
	var says []Leaf
	for _, each := range c.Criterion {
		leaf, err := d.leaf(each)
		if err != nil {
			return nil, err
		}
		switch leaf.Kind {
		case Installed:
			in.products = []Leaf{leaf}
		case Enabled:
			in.stream = leaf.Stream
		case Says:
			says = append(says, leaf)
		}
	}
	var parts []*criteria
	for i := range c.Criteria {
		products, err := d.products(&c.Criteria[i])
		if err != nil {
			return nil, err
		}
		if products != nil {
			in.products = products
			continue
		}
		parts = append(parts, &c.Criteria[i])
	}
	switch {
	case len(says)+len(parts) > 1:
		return nil, errors.New("it asks for several packages at once")
	case len(parts) == 1:
		return d.reduce(parts[0], in)
	}
	return in.say(says)
}

// any reduces alternatives.
func (d Dialect) any(c *criteria, in where) (out []advisory.Affected, wrong error) {
	add := func(more []advisory.Affected, err error) {
		out = append(out, more...)
		wrong = cmp.Or(wrong, err)
	}
	for _, each := range c.Criterion {
		switch leaf, err := d.leaf(each); {
		case err != nil:
			add(nil, err)
		case leaf.Kind == Says:
			add(in.say([]Leaf{leaf}))
		case leaf.Kind != Silent:
			add(nil, errors.New("it has a package or something else as alternatives"))
		}
	}
	for i := range c.Criteria {
		add(d.reduce(&c.Criteria[i], in))
	}
	return out, wrong
}

// products of criteria that ask for nothing but products; nil for other criteria.
func (d Dialect) products(c *criteria) ([]Leaf, error) {
	if len(c.Criteria) > 0 || len(c.Criterion) == 0 || c.Operator != "OR" && len(c.Criterion) > 1 {
		return nil, nil
	}
	var out []Leaf
	for _, each := range c.Criterion {
		leaf, err := d.leaf(each)
		if err != nil {
			return nil, err
		}
		if leaf.Kind != Installed {
			return nil, nil
		}
		out = append(out, leaf)
	}
	return out, nil
}

func (d Dialect) leaf(c criterion) (Leaf, error) {
	leaf := d.Leaf(strings.TrimSpace(c.Comment))
	if isTrue(c.Negate) {
		return Leaf{}, errors.New("it negates criteria")
	}
	if leaf.Kind == Unknown {
		return Leaf{}, fmt.Errorf("we do not know what this asks: %s", intake.Shown(c.Comment))
	}
	return leaf, nil
}

// say makes entries of what is said of packages, for each product that is a release.
func (w where) say(says []Leaf) ([]advisory.Affected, error) {
	if len(says) > 0 && len(w.products) == 0 {
		return nil, errors.New("it names no product")
	}
	var out []advisory.Affected
	for _, said := range says {
		for _, product := range w.products {
			if product.Ecosystem == "" {
				continue
			}
			a := advisory.Affected{Ecosystem: product.Ecosystem, Entitlement: product.Entitlement, Package: said.Package, Stream: w.stream, Status: said.Status}
			wrong := intake.CheckPackage(said.Package)
			if said.Range.Fixed != "" {
				a.Ranges = []advisory.Range{said.Range}
				wrong = intake.CheckFixed(said.Package, said.Range.Fixed)
			}
			if wrong != nil {
				return nil, fmt.Errorf("%w: %s", wrong, intake.Shown(said.Package))
			}
			out = append(out, a)
		}
	}
	return out, nil
}
