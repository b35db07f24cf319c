package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/spf13/cobra"
)

func configTrustCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trust [FOLDER|FILE]",
		Short: "Let the blotter.toml of a folder set everything",
		Long: `Let the blotter.toml of a folder (default: the working folder) set everything.
Read it first. The trust covers this content at this path: after a change, the
file must be trusted again. A file that others can change is refused.`,
		Example: "  blotter config trust\n  blotter config trust ~/strategies/momentum",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fileToTrust(args)
			if filepath.Base(path) != folderFile {
				return usagef("only %s is read from a folder automatically; name %s with --config instead",
					folderFile, path)
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
