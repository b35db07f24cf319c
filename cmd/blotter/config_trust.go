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

// Trust in a file is remembered in the user's configuration folder, one small file for each: its name is the hash of the
// trusted file's path, and it holds that path and the hash of the content.

// readFolderFile reads the file of the working folder, or returns nil where there is none. The user has not chosen it: it
// may set everything only if it was trusted as it is.
func readFolderFile(root *cobra.Command) (*configFile, error) {
	file := &configFile{path: folderFile}
	if _, err := os.Lstat(folderFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	text, err := ownership.Read(folderFile, configBytesMax)
	if errors.Is(err, ownership.ErrNotAFile) {
		return nil, fmt.Errorf("configuration: %s of this folder is not a regular file; name the file that is meant with --config", folderFile)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", cannotRead(folderFile, err))
	}
	file.text = text
	if err := file.parse(root); err != nil {
		return nil, err
	}

	trusted, err := trustOf(folderFile, text)
	if err != nil {
		return nil, err
	}
	var open *ownership.OpenError
	switch err := ownership.Check(folderFile); {
	case errors.As(err, &open) && trusted == trustedAsItIs:
		return nil, fmt.Errorf("configuration: %w", refusedFile(folderFile, err))
	case errors.As(err, &open):
		file.open = true
		file.distrust = fmt.Sprintf("others can change it (%s: %s)", open.Path, open.Reason)
		file.remedy = open.Remedy
		return file, nil
	case err != nil:
		return nil, fmt.Errorf("configuration: %w", cannotRead(folderFile, err))
	}
	warnOfOpenSecret(folderFile, text)
	switch trusted {
	case trustedAsItIs:
		return file, nil
	case trustedBefore:
		file.distrust = "the file has changed since it was trusted"
	default:
		file.distrust = "the file is not trusted"
	}
	file.remedy = `read it, then run "blotter config trust" or name it with --config ` + folderFile
	return file, nil
}

// trust is what is remembered about a file.
type trust int

const (
	neverTrusted trust = iota
	trustedBefore
	trustedAsItIs
)

// trustOf returns what is remembered about the file at the path, whose content is text.
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
		return neverTrusted, fmt.Errorf("others can change which files blotter trusts (%s: %s); %s", open.Path, open.Reason, open.Remedy)
	case err != nil:
		return neverTrusted, cannotRead(entry, err)
	case string(known) == trustText(full, text):
		return trustedAsItIs, nil
	}
	return trustedBefore, nil
}

// trustEntry returns where trust in the file is remembered, and the file's full path.
func trustEntry(path string) (entry, full string, err error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", "", fmt.Errorf("there is no configuration folder to remember it in: %w", err)
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

// trustText is what is remembered: the path, and the hash of the content.
func trustText(full string, text []byte) string {
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%s\n%x\n", full, sum)
}

// trustFile remembers that the file is trusted as it is.
func trustFile(path string, text []byte) error {
	entry, full, err := trustEntry(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(entry), 0o700); err != nil {
		return cannotWrite(entry, err)
	}
	return writeWhole(entry, func(w io.Writer) error {
		_, err := io.WriteString(w, trustText(full, text))
		return err
	})
}

// fileToTrust returns the file of a folder, of the working folder without an argument, or the file that is named itself.
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

func configCommand(set *settings, named *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings and where they come from, trust a blotter.toml",
		Long: `Show the settings and where they come from, and say which blotter.toml of a
folder may set everything.

Settings are taken from the command line, from BLOTTER_... variables, from
blotter.toml in the working folder, and from blotter/blotter.toml in the user's
configuration folder, in this order; --config FILE replaces both files.

A blotter.toml that happens to be in the working folder may be somebody else's.
Until it is trusted it sets only what cannot run a program, choose a server, a
login or a data folder, write or remove anything, or loosen a check. A file that
others can change is not used at all.`,
		Example: "  blotter config show\n  blotter config trust",
		// The settings are what these commands are about: a file that is not trusted must not stop them.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:              cobra.NoArgs,
	}
	cmd.AddCommand(configShowCommand(set, named), configTrustCommand(), configUntrustCommand())
	return cmd
}

func configTrustCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trust [FOLDER|FILE]",
		Short: "Let the blotter.toml of a folder set everything, as it is now",
		Long: `Let the blotter.toml of a folder (default: the working folder) set everything:
read it first. Trust is in this content at this path: a file that changes must
be trusted again. A file that others can change is refused.`,
		Example: "  blotter config trust\n  blotter config trust ~/strategies/momentum",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fileToTrust(args)
			if filepath.Base(path) != folderFile {
				return usagef("only a %s is taken from a folder unasked; name %s with --config instead", folderFile, path)
			}
			text, err := ownership.Read(path, configBytesMax)
			if errors.Is(err, ownership.ErrNotAFile) {
				return fmt.Errorf("%s is not a regular file; trust the file that it leads to, in its own folder", path)
			}
			if err != nil {
				return cannotRead(path, err)
			}
			if err := ownership.Check(path); err != nil {
				return refusedFile(path, err)
			}
			file := &configFile{path: path, text: text}
			if err := file.parse(cmd.Root()); err != nil {
				return err
			}
			if err := trustFile(path, text); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "trusted %s as it is now\n", path)
			return err
		},
	}
}

func configUntrustCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "untrust [FOLDER|FILE]",
		Short:   "Take back the trust in the blotter.toml of a folder",
		Long:    "Take back the trust in the blotter.toml of a folder (default: the working\nfolder), which need not exist any more.",
		Example: "  blotter config untrust",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fileToTrust(args)
			if filepath.Base(path) != folderFile {
				path = filepath.Join(path, folderFile) // a folder that is gone
			}
			entry, _, err := trustEntry(path)
			if err != nil {
				return err
			}
			said := "no longer trusted: " + path
			switch err := os.Remove(entry); {
			case errors.Is(err, fs.ErrNotExist):
				said = path + " was not trusted"
			case err != nil:
				return cannotWrite(entry, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
			return err
		},
	}
}
