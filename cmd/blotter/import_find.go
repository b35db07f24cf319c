package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
)

// found is a file to import.
type found struct {
	path  string
	named bool // by the user; other files come from a folder, and may be something else than bars or fills
	size  int64
}

const (
	standardInput = "-"
	filesMax      = 100_000 // of one import
)

// findFiles returns the files of the arguments, which are files, folders or patterns.
func findFiles(args []string) (files []found, err error) {
	for _, arg := range args {
		if files, err = findArgument(arg, files); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(args, ", "))
	}
	return files, nil
}

// findArgument adds the files of one argument.
func findArgument(arg string, files []found) ([]found, error) {
	if _, err := os.Stat(arg); err != nil {
		arg = strings.TrimSuffix(strings.TrimSuffix(arg, "**"), "**/") // a folder
	}
	if before, after, isDeep := strings.Cut(arg, "**/"); isDeep {
		return findDeep(cmp.Or(before, "."), after, files)
	}
	if arg == standardInput {
		return append(files, found{path: arg, named: true}), nil
	}

	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return findMatches(arg, files)
	case info.IsDir():
		return findBelow(arg, files)
	}
	return append(files, found{path: arg, named: true, size: info.Size()}), nil
}

// findMatches adds the files that match a pattern.
func findMatches(pattern string, files []found) ([]found, error) {
	matches, err := filepath.Glob(pattern)
	if err != nil || len(matches) == 0 {
		return append(files, found{path: pattern, named: true}), nil // opening it returns the error
	}

	withHidden := strings.HasPrefix(filepath.Base(pattern), ".")
	for _, match := range matches {
		if strings.HasPrefix(filepath.Base(match), ".") && !withHidden {
			continue // like shells
		}
		first := len(files)
		if files, err = findBelow(match, files); err != nil {
			return nil, err
		}
		if len(files) == first+1 && files[first].path == match {
			files[first].named = true
		}
	}
	return files, nil
}

// findDeep adds the files in the folder, however deep, whose path ends with a match of the pattern.
func findDeep(root, pattern string, files []found) ([]found, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("invalid pattern %q", pattern)
	}
	below, err := findBelow(root, nil)
	depth := strings.Count(pattern, "/") + 1

	for _, file := range below {
		parts := strings.Split(filepath.ToSlash(file.path), "/")
		end := strings.Join(parts[max(0, len(parts)-depth):], "/")
		if matches, _ := filepath.Match(pattern, end); matches {
			file.named = true
			files = append(files, file)
		}
	}
	if err == nil && len(files) > filesMax {
		err = tooManyFiles(root)
	}
	return files, err
}

// findBelow adds a file, or all files in a folder except hidden ones.
func findBelow(root string, files []found) ([]found, error) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: this user may not read it", path)
		}
		if path != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}

		if len(files) == filesMax {
			return tooManyFiles(root)
		}
		file := found{path: path}
		if info, err := os.Stat(path); err == nil {
			file.size = info.Size()
		}
		files = append(files, file)
		return nil
	})
	return files, err
}

func tooManyFiles(root string) error {
	return fmt.Errorf("%s has more than %s files; import its folders one by one", root, term.Thousands(filesMax))
}
