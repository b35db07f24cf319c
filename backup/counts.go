package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// RowCounts has the number of rows of every table and partition, by its name in SQL.
type RowCounts map[string]int64

// Rows returns the number of rows of all tables.
func (c RowCounts) Rows() (n int64) {
	for _, rows := range c {
		n += rows
	}
	return n
}

// differences lists the tables of which the copy has another number of rows.
func (c RowCounts) differences(copied RowCounts) (list []string) {
	names := maps.Clone(c)
	maps.Copy(names, copied)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if c[name] != copied[name] {
			list = append(list, fmt.Sprintf("%s has %s rows in the original and %s in the copy",
				name, term.Thousands(c[name]), term.Thousands(copied[name])))
		}
	}
	return list
}

const sqlTablesToCount = `
select format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname = any($1) and c.oid is distinct from to_regclass($2)
 order by 1`

// countRows counts the rows of every table of blotter that the transaction sees.
func countRows(ctx context.Context, tx pgx.Tx) (RowCounts, error) {
	rows, err := tx.Query(ctx, sqlTablesToCount, schema.Names(), vacuumTable)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}

	counts := RowCounts{}
	for _, name := range names {
		var n int64
		if err := tx.QueryRow(ctx, "select count(*) from only "+name).Scan(&n); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, nil
}

// countDump counts the rows in a dump by reading all of it.
func countDump(ctx context.Context, programs Programs, file string) (RowCounts, error) {
	read, write := io.Pipe()
	counted := make(chan error, 1)
	counts := RowCounts{}
	go func() {
		err := countCopies(bufio.NewReaderSize(read, 1<<16), counts)
		_ = read.CloseWithError(err)
		counted <- err
	}()

	err := runProgram(ctx, programs.Path("pg_restore"), os.Environ(), write, "--data-only", "--file=-", file)
	_ = write.CloseWithError(err) // nil is io.EOF
	if countErr := <-counted; err == nil {
		err = countErr
	}
	return counts, err
}

// countCopies counts the lines of every COPY, each of which is a row.
func countCopies(script *bufio.Reader, counts RowCounts) error {
	const nameMax = 1000 // bytes of a line in which the name of a table stands
	table := ""
	for {
		line, err := script.ReadSlice('\n')
		start := string(line[:min(len(line), nameMax)])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = script.ReadSlice('\n')
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}

		switch {
		case table != "" && start == "\\.\n":
			table = ""
		case table != "":
			counts[table]++
		default:
			table = copiedTable(start)
			if table != "" {
				counts[table] += 0 // tables without rows are compared too
			}
		}
	}
}

// copiedTable returns the table whose rows follow the line, or "".
func copiedTable(line string) string {
	columns, isCopy := strings.CutPrefix(line, "COPY ")
	name, _, hasColumns := strings.Cut(columns, " (")
	if !isCopy || !hasColumns {
		return ""
	}
	return name
}
