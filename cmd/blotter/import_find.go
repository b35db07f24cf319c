package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// found is a file to import. One that was found in a folder may be something else than bars.
type found struct {
	path  string
	named bool // by the user
	size  int64
}

const (
	standardInput = "-"
	filesMax      = 100_000
)

// findFiles are the files that the arguments name: themselves, those in folders below them, and those that a pattern
// matches.
func findFiles(args []string) (files []found, err error) {
	for _, arg := range args {
		if _, err := os.Stat(arg); err != nil {
			arg = strings.TrimSuffix(strings.TrimSuffix(arg, "**"), "**/")
		}
		if before, after, found := strings.Cut(arg, "**/"); found {
			if files, err = findDeep(cmp.Or(before, "."), after, files); err != nil {
				return nil, err
			}
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case arg == standardInput || err == nil && !info.IsDir():
			one := found{path: arg, named: true}
			if info != nil {
				one.size = info.Size()
			}
			files = append(files, one)
			continue
		case err == nil:
			if files, err = findBelow(arg, files); err != nil {
				return nil, err
			}
			continue
		}
		matches, bad := filepath.Glob(arg)
		if bad != nil || len(matches) == 0 {
			files = append(files, found{path: arg, named: true}) // opening it says what is wrong
			continue
		}
		for _, match := range matches {
			if strings.HasPrefix(filepath.Base(match), ".") && !strings.HasPrefix(filepath.Base(arg), ".") {
				continue // as shells do
			}
			first := len(files)
			if files, err = findBelow(match, files); err != nil {
				return nil, err
			}
			if len(files) == first+1 && files[first].path == match {
				files[first].named = true // by the pattern, as if the shell had
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no files are in there", strings.Join(args, ", "))
	}
	return files, nil
}

// findDeep adds the files below a folder, however deep, whose end of the path matches a pattern.
func findDeep(root, pattern string, files []found) ([]found, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%s is no pattern", pattern)
	}
	below, err := findBelow(root, nil)
	depth := strings.Count(pattern, "/") + 1
	for _, one := range below {
		parts := strings.Split(filepath.ToSlash(one.path), "/")
		if matches, _ := filepath.Match(pattern, strings.Join(parts[max(0, len(parts)-depth):], "/")); matches {
			one.named = true
			files = append(files, one)
		}
	}
	if err == nil && len(files) > filesMax {
		err = fmt.Errorf("%s: more than %s files; import its folders one by one", root, thousands(filesMax))
	}
	return files, err
}

// findBelow adds a file, or all that is in a folder but hidden files.
func findBelow(root string, files []found) ([]found, error) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: this user may not read it", path)
		case path != root && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		case len(files) == filesMax:
			return fmt.Errorf("%s: more than %s files; import its folders one by one", root, thousands(filesMax))
		}
		one := found{path: path}
		if info, err := os.Stat(path); err == nil {
			one.size = info.Size()
		}
		files = append(files, one)
		return nil
	})
	return files, err
}
