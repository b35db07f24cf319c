package tidy

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Subjects returns the subjects of the last n commits, merges left out, of the repository that root belongs to.
func Subjects(root string, n int) ([]string, error) {
	out, err := exec.Command("git", "-C", root, "log", "--no-merges", "--format=%s", "-n", strconv.Itoa(n)).Output()
	if err != nil {
		return nil, fmt.Errorf("read the commits of %s: %w", root, err)
	}

	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// MeanLength returns the mean number of characters.
func MeanLength(subjects []string) float64 {
	if len(subjects) == 0 {
		return 0
	}

	total := 0
	for _, subject := range subjects {
		total += utf8.RuneCountInString(subject)
	}

	return float64(total) / float64(len(subjects))
}
