package app

import (
	"errors"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/staunch-dev/staunch/internal/fault"
)

// maxConfig bounds the file: a configuration of a megabyte is the wrong file.
const maxConfig = 1 << 20

// fromFile applies a YAML file.
func (c *Config) fromFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the configuration cannot be read: %v", err)
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the configuration %s cannot be read", path)
	}
	if len(text) > maxConfig {
		return fault.New(fault.TooLarge, "the configuration %s is larger than %d bytes", path, maxConfig)
	}
	if err := c.fromYAML(text); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s: %s", path, fault.Message(err))
	}
	return nil
}

// fromYAML applies a document: a mapping of settings to scalars, or to lists of scalars where a setting takes several. A key that is
// unknown or comes twice is an error that names it and its line; so is a null, since it would hide a forgotten value.
func (c *Config) fromYAML(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return fault.Wrap(err, fault.Invalid, "not YAML: %v", err)
	}
	if len(doc.Content) == 0 {
		return nil // empty, or comments only
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fault.New(fault.Invalid, "line %d: not a mapping of settings", root.Line)
	}
	known := map[string]setting{}
	for _, s := range settings() {
		known[s.key] = s
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		s, ok := known[key.Value]
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			return fault.New(fault.Invalid, "line %d: there is no setting %q", key.Line, key.Value)
		case seen[key.Value]:
			return fault.New(fault.Invalid, "line %d: %q is set twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		values, err := scalars(value, s.many)
		if err == nil {
			err = s.set(c, values)
		}
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "line %d: %s: %s", value.Line, key.Value, message(err))
		}
	}
	return nil
}

func scalars(n *yaml.Node, many bool) ([]string, error) {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode && many {
		nodes = n.Content
	}
	values := make([]string, 0, len(nodes))
	for _, v := range nodes {
		if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
			return nil, errors.New("not a plain value")
		}
		values = append(values, v.Value)
	}
	if len(values) == 0 {
		return nil, errors.New("an empty list")
	}
	return values, nil
}

// message is for the person who wrote the file: nothing in these errors is a secret.
func message(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return err.Error()
}
