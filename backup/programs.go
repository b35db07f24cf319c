package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/libpq"
	"github.com/blotterdb/blotter/internal/ownership"
)

// Programs is the folder of pg_dump and pg_restore.
type Programs = embedded.Binaries

// FindPrograms finds pg_dump and pg_restore of at least the major version: in the folder, or if that is empty, in PATH
// or an installed PostgreSQL.
func FindPrograms(ctx context.Context, folder string, major int) (Programs, error) {
	if folder != "" {
		return checkPrograms(ctx, Programs{Dir: folder}, major)
	}
	if path, err := ownership.LookPath("pg_dump"); err == nil {
		if found, err := checkPrograms(ctx, Programs{Dir: filepath.Dir(path)}, major); err == nil {
			return found, nil
		}
	}

	found, err := embedded.Find(ctx, "", "", major)
	if err != nil {
		found, err = embedded.Find(ctx, "", "", 0) // too old, which checkPrograms explains
	}
	if err != nil {
		return found, fmt.Errorf("pg_dump and pg_restore are needed: %w", err)
	}
	return checkPrograms(ctx, found, major)
}

var versionOutput = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// checkPrograms returns an error unless both programs run and have at least the major version.
func checkPrograms(ctx context.Context, p Programs, major int) (Programs, error) {
	for _, name := range []string{"pg_dump", "pg_restore"} {
		out, err := exec.CommandContext(ctx, p.Path(name), "--version").Output()
		match := versionOutput.FindSubmatch(out)
		if err != nil || match == nil {
			return p, fmt.Errorf("%s has no %s that runs; "+
				"install PostgreSQL's client programs, or set --postgres to their folder", p.Dir, name)
		}

		p.Major, _ = strconv.Atoi(string(match[1]))
		if p.Major < major {
			return p, fmt.Errorf("%s has version %d and the server has version %d; "+
				"install the client programs of PostgreSQL %[3]d, or set --postgres to their folder",
				p.Path(name), p.Major, major)
		}
	}
	return p, nil
}

// runOnDatabase runs a program that connects to the database of the URL.
func runOnDatabase(ctx context.Context, path, url string, out io.Writer, args ...string) error {
	target, env, err := libpq.Target(url)
	if err != nil {
		return err
	}
	secret, remove, err := libpq.KeySecret(url)
	if err != nil {
		return err
	}
	defer remove()
	args = append([]string{"--dbname=" + target}, args...)
	return runProgram(ctx, path, append(env, secret...), out, args...)
}

// runProgram runs a program. Its error is the first one that the program reports.
func runProgram(ctx context.Context, path string, env []string, out io.Writer, args ...string) error {
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = env
	cmd.Stdout = out
	cmd.Stderr = &complaints
	endWithParent(cmd)
	runtime.LockOSThread()
	err := cmd.Run()
	runtime.UnlockOSThread()
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}

	for line := range strings.Lines(complaints.String()) {
		if _, message, isError := strings.Cut(line, "error: "); isError {
			return fmt.Errorf("%s failed: %s", filepath.Base(path), strings.TrimSpace(message))
		}
	}
	return fmt.Errorf("%s failed: %w", filepath.Base(path), err)
}
