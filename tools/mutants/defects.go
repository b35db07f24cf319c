package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// defectsFolder is the folder, inside that of a package, of its built-in defects.
const defectsFolder = "testdata/mutants"

// runDefects builds the defects of the packages in, all in one build, and runs their tests that expect to notice them.
// It reports whether each was noticed.
//
// PACKAGE/testdata/mutants holds one patch for each defect, and Go files that are compiled into the package with them:
// the switch that turns one defect on at a time, and the tests. So neither code nor tests of the ordinary build know of
// defects.
func runDefects(ctx context.Context, root string, packages []string) (noticed bool, err error) {
	work, err := os.MkdirTemp("", "blotter-defects-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)

	overlay, err := defectOverlay(root, work, packages)
	if err != nil {
		return false, err
	}
	vet := append([]string{"vet", "-overlay", overlay}, packages...)
	test := append([]string{"test", "-overlay", overlay, "-timeout=10m", "-vet=off", "-run=Mutants"}, packages...)
	for _, args := range [][]string{vet, test} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = root
		cmd.Stdout = os.Stdout
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return false, ctx.Err()
		}
	}
	return true, nil
}

// defectOverlay writes the patched files into work, and returns the path of an overlay that has the go command use
// them.
func defectOverlay(root, work string, packages []string) (path string, err error) {
	patched := map[string]string{} // content by path below root
	replace := map[string]string{}
	for _, pkg := range packages {
		folder := filepath.Join(root, pkg, defectsFolder)
		patches, err := filepath.Glob(filepath.Join(folder, "*.patch"))
		if err != nil {
			return "", err
		}
		for _, patch := range patches {
			if err := applyPatch(root, patch, patched); err != nil {
				return "", fmt.Errorf("%s: %w", filepath.Base(patch), err)
			}
		}

		added, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return "", err
		}
		for _, file := range added {
			replace[filepath.Join(root, pkg, filepath.Base(file))] = file
		}
	}

	for name, text := range patched {
		file := filepath.Join(work, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, name)] = file
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(work, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// applyPatch applies a patch file to the files below root that it names, or to what earlier patches made of them.
func applyPatch(root, path string, patched map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}

	hunks, err := parsePatch(string(text))
	if err != nil {
		return err
	}

	for _, h := range hunks {
		source, known := patched[h.file]
		if !known {
			content, err := os.ReadFile(filepath.Join(root, h.file))
			if err != nil {
				return err
			}
			source = string(content)
		}
		if n := strings.Count(source, h.before); n != 1 {
			return fmt.Errorf("%s contains the old lines of a hunk %d times, want once:\n%s", h.file, n, h.before)
		}
		patched[h.file] = strings.Replace(source, h.before, h.after, 1)
	}

	return nil
}

// hunk is one change of a patch: lines of a file, and the lines in their place.
type hunk struct{ file, before, after string }

// parsePatch reads a unified diff. Hunks are found by their lines alone: line numbers are ignored, and text before the
// first file is a comment.
func parsePatch(text string) (hunks []hunk, err error) {
	file := ""
	inHunk := false
	for line := range strings.Lines(text) {
		name, isFile := strings.CutPrefix(line, "+++ b/")
		switch {
		case isFile:
			file = strings.TrimSpace(name)
			inHunk = false
		case strings.HasPrefix(line, "--- "):
			inHunk = false
		case strings.HasPrefix(line, "@@"):
			if file == "" {
				return nil, fmt.Errorf("a hunk without a file: want +++ b/FILE before it")
			}
			hunks = append(hunks, hunk{file: file})
			inHunk = true
		case inHunk:
			if err := hunks[len(hunks)-1].add(line); err != nil {
				return nil, err
			}
		}
	}

	if len(hunks) == 0 {
		return nil, fmt.Errorf("the patch has no hunk")
	}

	return hunks, nil
}

// add adds a line of a diff to the hunk.
func (h *hunk) add(line string) error {
	content := line[1:]
	switch line[0] {
	case ' ':
		h.before += content
		h.after += content
	case '-':
		h.before += content
	case '+':
		h.after += content
	default:
		return fmt.Errorf("invalid line %q in a hunk of %s: want a space, - or + first", line, h.file)
	}
	return nil
}
