package main

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// suggestionsMax is the greatest number of names that a "did you mean" offers.
const suggestionsMax = 3

// didYouMean returns "; did you mean X?" with the names closest to word, or "" if none is close. An error may end with
// it.
func didYouMean(word string, names []string) string {
	found := closest(word, names)
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + orList(found) + "?"
}

// orList joins names as "a, b or c".
func orList(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// closest returns the names that word may be a misspelling or the beginning of, the most similar first. It ignores
// case.
func closest(word string, names []string) []string {
	typed := strings.ToLower(word)
	if typed == "" {
		return nil
	}
	edits := map[string]int{}
	for _, name := range names {
		known := strings.ToLower(name)
		longest := max(len([]rune(typed)), len([]rune(known)))
		distance := editDistance(typed, known)
		if strings.HasPrefix(known, typed) {
			distance = min(distance, 1)
		}
		if distance <= editsAllowed(longest) {
			edits[name] = distance
		}
	}

	found := slices.Collect(maps.Keys(edits))
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(edits[a]-edits[b], strings.Compare(a, b))
	})
	return found[:min(len(found), suggestionsMax)]
}

// editsAllowed returns how many edits a word of the length may have and still be recognized.
func editsAllowed(length int) int {
	switch {
	case length <= 5:
		return 1
	case length <= 9:
		return 2
	}
	return 3
}

// editDistance returns how many characters must be inserted, deleted, replaced or swapped with their neighbor to turn a
// into b (optimal string alignment).
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	var beforeLast []int
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}

	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			replaced := last[j-1]
			if from[i-1] != to[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		beforeLast, last = last, row
	}
	return last[len(to)]
}

// unknownCommand returns the error for a word that is not a command of cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	hint := cmp.Or(didYouMean(word, names), commandElsewhere(cmd, word), "; "+cmd.CommandPath()+" --help lists them")
	if !cmd.HasParent() {
		return usagef("there is no command %q%s", word, hint)
	}
	return usagef("%s has no command %q%s", cmd.CommandPath(), word, hint)
}

// commandElsewhere returns a hint if word is a subcommand of another command than cmd, otherwise "".
func commandElsewhere(cmd *cobra.Command, word string) string {
	var paths []string
	for _, other := range allCommands(cmd.Root()) {
		if other.Name() == word && other.HasParent() && other.Parent() != cmd && other.IsAvailableCommand() {
			paths = append(paths, other.CommandPath())
		}
	}
	switch {
	case len(paths) == 0:
		return ""
	case len(paths) > suggestionsMax:
		paths = append(paths[:suggestionsMax-1], "another")
	}
	return "; did you mean " + orList(paths) + "?"
}

// flagError returns the usage error for an error of the flag package.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	if words := cmd.Flags().Args(); len(words) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, words[0]) // the flag belongs to a command that does not exist
	}
	help := "; " + cmd.CommandPath() + " --help lists the flags"
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		return usagef("there is no flag -%s; flags have two dashes, such as --account%s", letters, help)
	}

	name := unknown.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, "--"+flag.Name)
		}
	})
	return usagef("%s has no flag --%s%s", cmd.CommandPath(), name, cmp.Or(didYouMean("--"+name, names), help))
}
