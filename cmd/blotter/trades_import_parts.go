package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/pflag"
)

// bookingFlags are the flags of trades import that decide what is booked. Importing a file again with others is
// refused.
var bookingFlags = []string{
	"cols", "currency", "dates", "decimal", "fees", "format", "multiplier", "repeated-hour", "round", "sheet",
	"strategy", "symbol", "tz",
}

// bookingOptions returns the booking flags that are set, with their values.
func bookingOptions(flags *pflag.FlagSet) map[string]string {
	options := map[string]string{}
	for _, name := range bookingFlags {
		flag := flags.Lookup(name)
		if flag == nil || flag.Value.String() == flag.DefValue {
			continue
		}
		value := flag.Value.String()
		if name == "currency" || name == "symbol" {
			value = strings.ToUpper(value)
		}
		options[name] = value
	}
	return options
}

// partKey identifies the fills of one file and account, which are one import.
type partKey struct {
	file    int
	account string
}

// importPart is an import, and the counts of this run.
type importPart struct {
	id  int64
	run blotter.ImportCounts
}

func (p *importPart) count(r postgres.Receipt) {
	switch r.Outcome {
	case postgres.Applied:
		p.run.Booked++
	case postgres.Duplicate:
		p.run.Duplicates++
	case postgres.Conflict:
		p.run.Conflicts++
	}
}

// beginParts registers the imports, file by file. A file that was imported with other options before is refused, and
// its fills are not booked.
func (i *fillImport) beginParts(ctx context.Context, db *postgres.DB) error {
	trades := map[partKey][]blotter.Trade{}
	for _, f := range i.fills {
		key := partKey{f.file, f.AccountID}
		trades[key] = append(trades[key], f.Trade)
	}

	i.parts = map[partKey]*importPart{}
	for n, file := range i.files {
		var parts []postgres.ImportPart
		for _, account := range i.accounts() {
			if list := trades[partKey{n, account}]; len(list) > 0 {
				parts = append(parts, postgres.ImportPart{Trades: list, Import: i.newImport(file, account)})
			}
		}
		if len(parts) == 0 {
			continue
		}

		begun, err := db.BeginImports(ctx, parts)
		if errors.Is(err, blotter.ErrConflict) {
			i.refuse(n, err)
			continue
		}
		if err != nil {
			return err
		}
		for _, b := range begun {
			i.parts[partKey{n, b.AccountID}] = &importPart{id: b.ID}
			file.Imports = append(file.Imports, b.ID)
		}
	}
	return nil
}

func (i *fillImport) newImport(file *fillResult, account string) blotter.Import {
	return blotter.Import{
		AccountID: account, File: importName(file.File), Source: i.opts.fromAccount,
		Digest: file.digest, Layout: file.Format, Options: i.changedOptions,
	}
}

// importName returns the path of an import as it is stored, or the end of a very long one.
func importName(path string) string {
	const most = 1000
	runes := []rune(strings.ToValidUTF8(strings.ReplaceAll(path, "\x00", ""), "?"))
	return string(runes[max(0, len(runes)-most):])
}

// refuse leaves out the fills of a file.
func (i *fillImport) refuse(file int, err error) {
	i.fills = slices.DeleteFunc(i.fills, func(f fillOf) bool { return f.file == file })
	r := i.files[file]
	*r = fillResult{File: r.File, Format: r.Format, Skipped: r.Skipped, Error: explain(err), err: err}
}

// finishParts completes the imports. Rows of a file that belong to no account, because they were rejected or left out,
// count for its first import.
func (i *fillImport) finishParts(ctx context.Context, db *postgres.DB) error {
	isCounted := map[int]bool{}
	keys := slices.SortedFunc(maps.Keys(i.parts), func(a, b partKey) int {
		return cmp.Or(a.file-b.file, strings.Compare(a.account, b.account))
	})

	for _, key := range keys {
		run := i.parts[key].run
		if file := i.files[key.file]; !isCounted[key.file] {
			isCounted[key.file] = true
			run.Rejected = file.Rejected
			run.LeftOut = file.leftOut()
		}
		run.Rows = run.Booked + run.Duplicates + run.Conflicts + run.Rejected + run.LeftOut
		if err := db.FinishImport(ctx, key.account, i.parts[key].id, run); err != nil {
			return err
		}
	}
	return nil
}
