package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how wide help is: the least that a terminal has.
const helpWidth = 80

// help shows a command's help with its paragraphs filled to helpWidth.
func help(show func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		cmd.Long = refilled(cmd.Long, helpWidth)
		show(cmd, args)
	}
}

// usageTemplate is cobra's with flags wrapped, and its last line short enough for the longest command.
func usageTemplate(own string) string {
	return strings.NewReplacer(".FlagUsages", ".FlagUsagesWrapped 80", "for more information about a command", "for more about a command").Replace(own)
}

// refilled breaks the lines of each paragraph anew; a paragraph with an indented line is a table or a list, and stays as it is.
func refilled(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if strings.HasPrefix(p, " ") || strings.Contains(p, "\n ") {
			continue
		}
		paragraphs[i] = strings.Join(wrap(strings.ReplaceAll(p, "\n", " "), width), "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}
