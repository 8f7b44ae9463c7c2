package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseEmpty refuses a flag that was given without a value: -l "$HOSTS" or --package "$NAME" of a variable that nobody set would mean
// every host and every package, and --as-of "" today.
func refuseEmpty(cmd *cobra.Command, _ []string) error {
	var empty string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		blank := f.Value.Type() == "string" && strings.TrimSpace(f.Value.String()) == ""
		if list, ok := f.Value.(pflag.SliceValue); ok {
			all := list.GetSlice()
			blank = len(all) == 0 || slices.ContainsFunc(all, func(one string) bool { return strings.TrimSpace(one) == "" })
		}
		if blank && empty == "" {
			empty = f.Name
		}
	})
	if empty != "" {
		return usage("--%s is empty: give it a value, or leave it out; see %s --help", empty, cmd.CommandPath())
	}
	return nil
}

// flagError says what is wrong with a flag in our words where the library's are a programmer's.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	if errors.As(err, &invalid) {
		text = fmt.Sprintf("--%s: %s", invalid.GetFlag().Name, errors.Unwrap(invalid))
		switch {
		case !errors.As(err, &number):
		case invalid.GetFlag().Value.Type() == "bool":
			text = fmt.Sprintf("--%s: %q is neither true nor false", invalid.GetFlag().Name, invalid.GetValue())
		default:
			text = fmt.Sprintf("--%s: %q is not a whole number", invalid.GetFlag().Name, invalid.GetValue())
		}
	}
	return usage("%s; see %s --help", text, cmd.CommandPath())
}

// choice is the value of a flag that takes one of a few words.
type choice struct {
	into *string
	of   []string
}

func (c choice) String() string {
	if c.into == nil { // the library asks a value that nobody made
		return ""
	}
	return *c.into
}

// Type is what --help calls the value where its text does not.
func (c choice) Type() string { return "string" }

// Set takes a value from the command line.
func (c choice) Set(text string) error {
	if !slices.Contains(c.of, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(c.of, ", "))
	}
	*c.into = text
	return nil
}

// priorityFlag adds --priority, whose help begins with which.
func priorityFlag(c *cobra.Command, into *string, which string) {
	words := []string{"urgent", "high", "normal", "low", "lowest"}
	c.Flags().Var(choice{into, words}, "priority", which+": urgent, high, normal, low or lowest")
}
