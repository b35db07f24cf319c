package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// outcome says whether the tests noticed a mutant.
type outcome int

const (
	survived outcome = iota
	noticed
	timedOut
	notCompiled
	notTried
)

// runner tries mutants.
type runner struct {
	options
	work     string // a folder of its own
	accepted acceptedKeys
	began    time.Time

	mu        sync.Mutex
	next      int // of the chosen mutants
	counted   int // tried, or being tried: of those that compile
	noticed   int
	timedOut  int
	broken    int // did not compile
	known     int // accepted survivors
	survivors []survivor
	took      map[tests]time.Duration // without a defect
}

type survivor struct {
	mutant
	diff string
}

// try tries mutants in their order until enough were counted or the time is over.
func (r *runner) try(ctx context.Context, chosen []mutant) error {
	if err := r.baseline(ctx, chosen); err != nil {
		return err
	}

	var workers sync.WaitGroup
	errs := make(chan error, r.parallel)
	for n := range r.parallel {
		workers.Go(func() {
			for {
				m, ok := r.take(chosen)
				if !ok || ctx.Err() != nil {
					return
				}
				got, diff, err := r.one(ctx, n, m)
				if err != nil {
					errs <- err
					return
				}
				r.note(m, got, diff)
			}
		})
	}

	workers.Wait()
	close(errs)
	return <-errs
}

// take returns the next mutant to try. One that turns out not to compile makes room for another.
func (r *runner) take(chosen []mutant) (m mutant, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= len(chosen) || r.counted >= r.count || time.Since(r.began) > r.limit {
		return m, false
	}
	m = chosen[r.next]
	r.next++
	r.counted++
	return m, true
}

func (r *runner) note(m mutant, got outcome, diff string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	word := ""
	switch got {
	case noticed:
		r.noticed++
		word = "noticed"
	case timedOut:
		r.noticed++
		r.timedOut++
		word = "timed out"
	case notCompiled:
		r.broken++
		r.counted--
		word = "does not compile"
	case notTried:
		r.counted--
		return
	case survived:
		if word = "survived"; r.accepted.has(m) {
			r.known++
			word = "survived, accepted"
			break
		}
		r.survivors = append(r.survivors, survivor{m, diff})
	}

	if r.verbose || word == "survived" {
		fmt.Printf("%-18s %s:%d %s\n", word, m.file, m.line, m.key())
	}
}

// baseline runs the tests without a defect: they have to pass, and the time that they take bounds that of a mutant's.
func (r *runner) baseline(ctx context.Context, chosen []mutant) error {
	r.took = map[tests]time.Duration{}

	for _, m := range chosen[:min(len(chosen), 2*r.count)] {
		for _, stage := range r.stages(m) {
			if r.took[stage] > 0 {
				continue
			}

			overlay, err := r.overlay(0, stage, map[string]string{})
			if err != nil {
				return err
			}

			start := time.Now()
			got, output, err := r.test(ctx, stage, overlay, 15*time.Minute)
			switch {
			case err != nil:
				return err
			case got != survived:
				return fmt.Errorf("without a defect, the tests %q of %s fail:\n%s", stage.run, stage.pkg, output)
			}

			r.took[stage] = time.Since(start)
			fmt.Printf("without a defect   %s -run '%s': %s\n", stage.pkg, stage.run, r.took[stage].Round(time.Second))
		}
	}

	return ctx.Err()
}

// stages returns the tests to run for a mutant.
func (r *runner) stages(m mutant) []tests {
	stages := stagesOf(m.file)
	if r.quick {
		return stages[:max(1, len(stages)-1)]
	}
	return stages
}

// one tries a mutant.
func (r *runner) one(ctx context.Context, worker int, m mutant) (outcome, string, error) {
	path := filepath.Join(r.root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	if err != nil {
		return notTried, "", err
	}

	changed := filepath.Join(r.work, "changed"+strconv.Itoa(worker)+".go")
	if err := os.WriteFile(changed, m.apply(source), 0o600); err != nil {
		return notTried, "", err
	}

	for _, stage := range r.stages(m) {
		limit := 30*time.Second + 5*r.took[stage]
		overlay, err := r.overlay(worker, stage, map[string]string{path: changed})
		if err != nil {
			return notTried, "", err
		}
		got, _, err := r.test(ctx, stage, overlay, limit)
		if err != nil || got != survived {
			return got, "", err
		}
	}

	return survived, m.diff(source), nil
}

// overlay writes what the compiler is to find instead of files: the change and, for light tests, no heavy test files.
func (r *runner) overlay(worker int, t tests, replace map[string]string) (path string, err error) {
	if t.light {
		heavy, err := heavyTests(filepath.Join(r.root, filepath.FromSlash(t.pkg)))
		if err != nil {
			return "", err
		}
		for _, file := range heavy {
			replace[file] = ""
		}
	}

	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}

	path = filepath.Join(r.work, "overlay"+strconv.Itoa(worker)+".json")
	return path, os.WriteFile(path, text, 0o600)
}

// heavyTests returns the test files of a folder that import other packages of the module.
func heavyTests(folder string) (heavy []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}

	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(text, []byte("\t\"github.com/blotterdb/blotter/")) {
			heavy = append(heavy, file)
		}
	}

	return heavy, nil
}

// test runs tests of a package. The outcome is survived if all of them pass.
func (r *runner) test(ctx context.Context, t tests, overlay string, limit time.Duration) (outcome, string, error) {
	args := []string{
		"test", "-count=1", "-v", "-failfast", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, t.pkg,
		"-run", t.run, "-timeout", limit.String(),
	}
	args = append(args, strings.Fields(t.args)...)
	ctx, cancel := context.WithTimeout(ctx, limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out := &watch{found: cancel}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	output := out.String()
	switch {
	case out.failed:
		return noticed, output, nil
	case ctx.Err() == context.DeadlineExceeded:
		return timedOut, output, nil
	case ctx.Err() != nil:
		return notTried, output, ctx.Err()
	case err == nil && strings.Contains(output, "no tests to run"):
		return notTried, output, fmt.Errorf("-run %q selects no test of %s", t.run, t.pkg)
	case err == nil:
		return survived, output, nil
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return notCompiled, output, nil
	case strings.Contains(output, "panic: test timed out"):
		return timedOut, output, nil
	}

	return noticed, output, nil
}

// watch keeps what a test binary prints, and ends it at the first test that fails: others, which run beside that one,
// might go on for long.
type watch struct {
	bytes.Buffer
	failed bool
	found  func()
}

func (w *watch) Write(text []byte) (int, error) {
	n, err := w.Buffer.Write(text)
	if !w.failed && bytes.Contains(w.Bytes(), []byte("\n--- FAIL: ")) {
		w.failed = true
		w.found()
	}
	return n, err
}

// report prints survivors and the sum.
func (r *runner) report(w io.Writer, chosen int) {
	for _, s := range r.survivors {
		fmt.Fprintf(w, "\n%s:%d in %s\n%s\n  accept it with: - %s: REASON\n", s.file, s.line,
			s.function, s.diff, s.key())
	}

	fmt.Fprintf(w, "\n%d mutants: %d noticed", r.counted, r.noticed)
	if r.timedOut > 0 {
		fmt.Fprintf(w, " (%d by a timeout)", r.timedOut)
	}
	if r.known > 0 {
		fmt.Fprintf(w, ", %d accepted", r.known)
	}

	fmt.Fprintf(w, ", %d survived\n", len(r.survivors))
	fmt.Fprintf(w, "seed %d, %s; %d more do not compile; %d of %d possible ones were not tried", r.seed,
		time.Since(r.began).Round(time.Second), r.broken, chosen-r.next, chosen)
	if r.counted < min(r.count, chosen-r.broken) {
		fmt.Fprintf(w, ": the time was over (-time %s)", r.limit)
	}

	fmt.Fprintln(w)
}
