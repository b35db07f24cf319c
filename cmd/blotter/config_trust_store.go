package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/spf13/cobra"
)

// The user's configuration folder has a small file for each trusted file. Its name is the hash of the trusted file's
// path, and it contains that path and the hash of the trusted content.

// readFolderFile reads the file of the working folder, or returns nil if there is none. The file may set everything
// only if its content is trusted, because the user did not choose it.
func readFolderFile(root *cobra.Command) (*configFile, error) {
	if _, err := os.Lstat(folderFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	text, err := ownership.Read(folderFile, configBytesMax)
	if errors.Is(err, ownership.ErrNotAFile) {
		return nil, fmt.Errorf("configuration: %s of this folder is not a regular file; "+
			"name the intended file with --config", folderFile)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", cannotRead(folderFile, err))
	}
	file := &configFile{path: folderFile, text: text}
	if err := file.parse(root); err != nil {
		return nil, err
	}

	trusted, err := trustOf(folderFile, text)
	if err != nil {
		return nil, err
	}

	var open *ownership.OpenError
	switch err := ownership.Check(folderFile); {
	case errors.As(err, &open) && trusted == trustedContent:
		return nil, fmt.Errorf("configuration: %w", refusedFile(folderFile, err))
	case errors.As(err, &open):
		file.isOpen = true
		file.distrust = fmt.Sprintf("others can change it (%s: %s)", open.Path, open.Reason)
		file.remedy = open.Remedy
		return file, nil
	case err != nil:
		return nil, fmt.Errorf("configuration: %w", cannotRead(folderFile, err))
	}

	warnOfOpenSecret(folderFile, text)
	switch trusted {
	case trustedContent:
		return file, nil
	case changedSince:
		file.distrust = "the file has changed since it was trusted"
	default:
		file.distrust = "the file is not trusted"
	}
	file.remedy = `read it, then run "blotter config trust" or name it with --config ` + folderFile
	return file, nil
}

// trust says whether a file was trusted.
type trust int

const (
	neverTrusted   trust = iota
	changedSince         // it was trusted with another content
	trustedContent       // it is trusted
)

// trustOf returns whether the file at the path was trusted. Its content is text.
func trustOf(path string, text []byte) (trust, error) {
	entry, full, err := trustEntry(path)
	if err != nil {
		return neverTrusted, nil // without a configuration folder nothing was ever trusted
	}
	known, err := os.ReadFile(entry)
	if errors.Is(err, fs.ErrNotExist) {
		return neverTrusted, nil
	}
	if err == nil {
		err = ownership.Check(entry)
	}

	var open *ownership.OpenError
	switch {
	case errors.As(err, &open):
		return neverTrusted, fmt.Errorf("others can change which files blotter trusts (%s: %s); %s",
			open.Path, open.Reason, open.Remedy)
	case err != nil:
		return neverTrusted, cannotRead(entry, err)
	case string(known) == trustText(full, text):
		return trustedContent, nil
	}
	return changedSince, nil
}

// trustEntry returns the path of the entry for a trusted file, and the full path of the file.
func trustEntry(path string) (entry, full string, err error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", "", fmt.Errorf("there is no configuration folder for the list of trusted files: %w", err)
	}
	if full, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		full = filepath.Join(folder, filepath.Base(full))
	}
	sum := sha256.Sum256([]byte(full))
	return filepath.Join(dir, "blotter", "trusted", hex.EncodeToString(sum[:])), full, nil
}

// trustText returns the content of an entry.
func trustText(full string, text []byte) string {
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%s\n%x\n", full, sum)
}

// trustFile trusts the content of the file.
func trustFile(path string, text []byte) error {
	entry, full, err := trustEntry(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(entry), 0o700); err != nil {
		return cannotWrite(entry, err)
	}
	return writeFile(entry, func(w io.Writer) error {
		_, err := io.WriteString(w, trustText(full, text))
		return err
	})
}

// fileToTrust returns the blotter.toml of the folder in args, the file in args, or the blotter.toml of the working
// folder.
func fileToTrust(args []string) string {
	path := "."
	if len(args) > 0 {
		path = args[0]
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, folderFile)
	}
	return path
}
