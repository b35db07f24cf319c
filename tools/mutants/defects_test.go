package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestApplyPatch(t *testing.T) {
	t.Parallel()
	const source = "a\nb\nc\nb\n"
	for _, test := range []struct {
		name, patch, want, failure string
	}{
		{"replaced", "A comment.\n\n--- a/f.txt\n+++ b/f.txt\n@@\n a\n-b\n+x\n", "a\nx\nc\nb\n", ""},
		{"two hunks", "+++ b/f.txt\n@@\n+0\n a\n@@ -4 +5 @@\n c\n-b\n", "0\na\nb\nc\n", ""},
		{"ambiguous", "+++ b/f.txt\n@@\n-b\n", "", "2 times"},
		{"missing", "+++ b/f.txt\n@@\n-x\n", "", "0 times"},
		{"no hunk", "+++ b/f.txt\n", "", "no hunk"},
		{"no file", "@@\n-b\n", "", "without a file"},
		{"not a diff", "+++ b/f.txt\n@@\nb\n", "", "invalid line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			patch := filepath.Join(root, "p.patch")
			for path, text := range map[string]string{filepath.Join(root, "f.txt"): source, patch: test.patch} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			patched := map[string]string{}
			err := applyPatch(root, patch, patched)
			switch {
			case test.failure != "" && (err == nil || !strings.Contains(err.Error(), test.failure)):
				t.Errorf("the error is %v, want %q in it", err, test.failure)
			case test.failure == "" && (err != nil || patched["f.txt"] != test.want):
				t.Errorf("got %q, %v; want %q", patched["f.txt"], err, test.want)
			}
		})
	}
}
