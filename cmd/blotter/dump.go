package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// What backup and restore have in common: PostgreSQL's own programs, and counting what they did.

// checkDumpName refuses "-", which stands for a pipe with other programs.
func checkDumpName(command, file string) error {
	if file == "-" {
		return usagef("%s needs a file, which is read more than once to count its rows; standard input and output are not supported", command)
	}
	return nil
}

// dumpPrograms finds pg_dump and pg_restore of at least the server's major version.
func (s *settings) dumpPrograms(ctx context.Context, state embedded.State, major int) (embedded.Binaries, error) {
	dir := s.postgres
	switch {
	case state.BinDir != "":
		dir = state.BinDir
	case dir == "":
		dir = os.Getenv("BLOTTER_POSTGRES")
	}
	if dir != "" {
		return checkDumpPrograms(ctx, embedded.Binaries{Dir: dir}, major)
	}
	if path, err := ownership.LookPath("pg_dump"); err == nil {
		if b, err := checkDumpPrograms(ctx, embedded.Binaries{Dir: filepath.Dir(path)}, major); err == nil {
			return b, nil
		}
	}
	found, err := embedded.Find(ctx, "", "", major)
	if err != nil {
		if found, err = embedded.Find(ctx, "", "", 0); err != nil {
			return found, fmt.Errorf("pg_dump and pg_restore are needed: %w", err)
		}
	}
	return checkDumpPrograms(ctx, found, major)
}

var programVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func checkDumpPrograms(ctx context.Context, b embedded.Binaries, major int) (embedded.Binaries, error) {
	for _, name := range []string{"pg_dump", "pg_restore"} {
		out, err := exec.CommandContext(ctx, b.Path(name), "--version").Output()
		match := programVersion.FindSubmatch(out)
		if err != nil || match == nil {
			return b, fmt.Errorf("%s holds no %s that runs; install PostgreSQL's client programs, or set --postgres to their folder", b.Dir, name)
		}
		if b.Major, _ = strconv.Atoi(string(match[1])); b.Major < major {
			return b, fmt.Errorf("%s is of PostgreSQL %d and the server is %d; install the client programs of %[3]d, or set --postgres to their folder", b.Path(name), b.Major, major)
		}
	}
	return b, nil
}

// libpqWords are the words of a URL that PostgreSQL's programs know, less those that are secret.
var libpqWords = []string{
	"host", "hostaddr", "port", "dbname", "user", "passfile", "channel_binding", "connect_timeout", "sslmode", "sslcert", "sslkey", "sslrootcert",
	"sslcrl", "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "service", "servicefile", "target_session_attrs", "keepalives", "options",
}

var conninfoWord = regexp.MustCompile(`([a-zA-Z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)`)

// libpq is the URL for the command line of PostgreSQL's programs, which is for everybody to see, and the environment that
// has the password.
func libpq(text string) (target string, env []string, err error) {
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return "", nil, errors.New("the URL does not parse")
	}
	env = append(os.Environ(), "PGAPPNAME=blotter")
	if cfg.Password != "" {
		env = append(env, "PGPASSWORD="+cfg.Password)
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		u, err := url.Parse(text)
		if err != nil {
			return "", nil, errors.New("the URL does not parse")
		}
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		query := u.Query()
		maps.DeleteFunc(query, func(word string, _ []string) bool { return !slices.Contains(libpqWords, word) })
		u.RawQuery = query.Encode()
		if u.Host == "" && u.User == nil && u.Path == "" {
			u.Path = "/" // without any of the three, String leaves out the // too
		}
		return u.String(), env, nil
	}
	var words []string
	for _, match := range conninfoWord.FindAllStringSubmatch(text, -1) {
		if slices.Contains(libpqWords, match[1]) {
			words = append(words, match[0])
		}
	}
	return strings.Join(words, " "), env, nil
}

// runProgram runs one of PostgreSQL's programs. Its error is what the program said last.
func runProgram(ctx context.Context, path string, env []string, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	var complaints bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, &complaints
	endWithParent(cmd)
	runtime.LockOSThread()
	err := cmd.Run()
	runtime.UnlockOSThread()
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	said := ""
	for line := range strings.Lines(complaints.String()) {
		if _, message, isError := strings.Cut(line, "error: "); isError && said == "" {
			said = strings.TrimSpace(message)
		}
	}
	if said == "" {
		said = err.Error()
	}
	return fmt.Errorf("%s failed: %s", filepath.Base(path), said)
}

// rowCounts are the rows of tables, partitions apart, by their names as SQL has them.
type rowCounts map[string]int64

func (c rowCounts) rows() (n int64) {
	for _, rows := range c {
		n += rows
	}
	return n
}

// differences lists where other has not as many rows.
func (c rowCounts) differences(other rowCounts) (list []string) {
	names := maps.Clone(c)
	maps.Copy(names, other)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if c[name] != other[name] {
			list = append(list, fmt.Sprintf("%s has %s rows there and %s here", name, thousands(c[name]), thousands(other[name])))
		}
	}
	return list
}

// vacuumed says which files of tables were vacuumed: it is about files, which no dump has.
const vacuumed = "shared.vacuumed_partitions"

const sqlTablesToCount = `
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname = any($1) and c.oid is distinct from to_regclass($2) order by 1`

// countRows counts the rows of every table of blotter's, all as one transaction sees them.
func countRows(ctx context.Context, tx pgx.Tx) (rowCounts, error) {
	rows, err := tx.Query(ctx, sqlTablesToCount, schema.Names(), vacuumed)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	counts := rowCounts{}
	for _, name := range names {
		var n int64
		if err == nil {
			err = tx.QueryRow(ctx, "select count(*) from only "+name).Scan(&n)
		}
		counts[name] = n
	}
	return counts, err
}

// countDump counts the rows in a dump, by reading all of it.
func countDump(ctx context.Context, programs embedded.Binaries, file string) (rowCounts, error) {
	read, write := io.Pipe()
	counted := make(chan error, 1)
	counts := rowCounts{}
	go func() {
		err := countCopies(bufio.NewReaderSize(read, 1<<16), counts)
		_ = read.CloseWithError(err)
		counted <- err
	}()
	err := runProgram(ctx, programs.Path("pg_restore"), os.Environ(), write, "--data-only", "--file=-", file)
	_ = write.CloseWithError(err) // nil is the end
	if counting := <-counted; err == nil {
		err = counting
	}
	return counts, err
}

// countCopies counts the lines of each COPY, of which every one is a row.
func countCopies(text *bufio.Reader, counts rowCounts) error {
	table := ""
	for {
		line, err := text.ReadSlice('\n')
		start := string(line[:min(len(line), 1000)])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = text.ReadSlice('\n')
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case table == "":
			if name, _, isCopy := strings.Cut(strings.TrimPrefix(start, "COPY "), " ("); isCopy && strings.HasPrefix(start, "COPY ") {
				table = name
				counts[table] += 0
			}
		case start == "\\.\n":
			table = ""
		default:
			counts[table]++
		}
	}
}

// openOwner opens the database of the flags for its owner, without bringing it up to date: a dump is for what is there.
func (s *settings) openOwner(ctx context.Context) (d *database, ownerURL string, err error) {
	d = &database{ctx: ctx}
	if url := s.urlOf("owner"); url != "" {
		return d, url, nil
	}
	if err := d.own(ctx, s); err != nil {
		return nil, "", err
	}
	return d, d.state.OwnerURL(), nil
}

const roleOfDumps = "trading_owner"

// connectForDump connects as the login itself.
func connectForDump(ctx context.Context, text string) (*pgx.Conn, int, error) {
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, 0, errors.New("the URL does not parse")
	}
	maps.Copy(cfg.RuntimeParams, map[string]string{
		"application_name": "blotter", "statement_timeout": "0", "timezone": "UTC",
		"local_preload_libraries": "", "idle_session_timeout": "0", // of a login that altered itself
	})
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, 0, pgerror.Translate(ctx, "connect", err)
	}
	if err := connection.PinLogin(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, 0, err
	}
	var version int
	if err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&version); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, 0, pgerror.Translate(ctx, "connect", err)
	}
	return conn, version / 10_000, nil
}
