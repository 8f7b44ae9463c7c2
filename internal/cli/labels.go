package cli

import (
	"maps"
	"slices"
	"strings"
)

// labelText is key=value,… sorted.
func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, key+"="+labels[key])
	}
	return strings.Join(parts, ",")
}

// changeLabels applies key=value (set) and key- (remove) to a copy of labels. What a key or a value may be, the server says.
func changeLabels(labels map[string]string, changes []string) (map[string]string, error) {
	out := maps.Clone(labels)
	if out == nil {
		out = map[string]string{}
	}
	for _, change := range changes {
		key, value, set := strings.Cut(change, "=")
		gone, remove := strings.CutSuffix(change, "-")
		switch {
		case set && key != "":
			out[key] = value
		case !set && remove && gone != "":
			if _, ok := out[gone]; !ok {
				return nil, usage("there is no label %q to remove", gone)
			}
			delete(out, gone)
		default:
			return nil, usage("%q is neither KEY=VALUE nor KEY-", change)
		}
	}
	return out, nil
}

// parseLabels reads env=prod,role=web.
func parseLabels(text string) (map[string]string, error) {
	labels := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return labels, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || key == "" {
			return nil, usage("label %q is not KEY=VALUE", part)
		}
		if _, twice := labels[key]; twice {
			return nil, usage("label %q is given twice", key)
		}
		labels[key] = value
	}
	return labels, nil
}
