package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func configUntrustCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "untrust [FOLDER|FILE]",
		Short: "No longer trust the blotter.toml of a folder",
		Long: `No longer trust the blotter.toml of a folder (default: the working folder). The
file need not exist.`,
		Example: "  blotter config untrust",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fileToTrust(args)
			if filepath.Base(path) != folderFile {
				path = filepath.Join(path, folderFile) // the folder does not exist
			}
			entry, _, err := trustEntry(path)
			if err != nil {
				return err
			}

			result := "no longer trusted: " + path
			switch err := os.Remove(entry); {
			case errors.Is(err, fs.ErrNotExist):
				result = path + " was not trusted"
			case err != nil:
				return cannotWrite(entry, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), result)
			return err
		},
	}
}
