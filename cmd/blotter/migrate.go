package main

import (
	"context"
	"fmt"
	"io"

	"github.com/blotterdb/blotter/schema"
	"github.com/spf13/cobra"
)

func migrateCommand(set *settings) *cobra.Command {
	return noun("migrate", "Migrate the schema of a database up or down, or check it",
		`  blotter migrate up --url postgres://owner@db.example/trading
  blotter migrate status`, migrateUp(set), migrateDown(set), migrateStatus(set), migrateVerify(set))
}

// owner returns the URL of the owner of the database of the flags. done stops the server if this command had to start
// it.
func (s *settings) owner(ctx context.Context) (url string, done func(), err error) {
	if url := s.urlOf("owner"); url != "" {
		return url, func() {}, nil
	}
	d := &database{ctx: ctx}
	if err := d.startOwn(ctx, s); err != nil {
		return "", nil, err
	}
	return d.state.OwnerURL(), d.Close, nil
}

// migratedOwner does as owner, and first migrates the database if it is blotter's own.
func (s *settings) migratedOwner(ctx context.Context) (url string, done func(), err error) {
	url, done, err = s.owner(ctx)
	if err != nil || s.urlOf("owner") != "" {
		return url, done, err
	}
	if _, err := migrate(ctx, url); err != nil {
		done()
		return "", nil, err
	}
	return url, done, nil
}

// migrator opens the database of the flags as its owner.
func (s *settings) migrator(ctx context.Context) (*schema.Migrator, func(), error) {
	url, done, err := s.owner(ctx)
	if err != nil {
		return nil, nil, err
	}
	m, err := schema.NewMigrator(ctx, url)
	if err != nil {
		done()
		return nil, nil, err
	}

	closeAll := func() {
		_ = m.Close()
		done()
	}
	return m, closeAll, nil
}

// printMigrated prints the migrations that were applied or undone, unless there was an error.
func (s *settings) printMigrated(cmd *cobra.Command, verb string, versions []int64, err error) error {
	if err != nil {
		return err
	}

	report := map[string][]int64{verb: append([]int64{}, versions...)}
	return s.print(cmd, report, func(w io.Writer) error {
		if len(versions) == 0 {
			_, err := fmt.Fprintln(w, "nothing to do")
			return err
		}
		for _, v := range versions {
			fmt.Fprintf(w, "%s %d\n", verb, v)
		}
		return nil
	})
}
