package partition_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/partition"
	"github.com/google/go-cmp/cmp"
)

// The test binary runs itself as a runner that dies: on the database at this URL, after so many steps.
const (
	killedURL   = "BLOTTER_TEST_PARTITIONS_URL"
	killedAfter = "BLOTTER_TEST_PARTITIONS_KILL"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(killedURL); url != "" {
		runAndDie(url)
	}
	os.Exit(m.Run())
}

// runAndDie does what `blotter partitions apply` does, and dies like by kill -9 after some steps.
func runAndDie(url string) {
	left, err := strconv.Atoi(os.Getenv(killedAfter))
	die := func() {
		if left--; left < 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if err == nil {
		err = partition.Run(context.Background(), url, later, retiring, func(partition.Step, string) { die() })
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	os.Exit(0)
}

// TestRunnerKilledBetweenSteps checks that a runner that is killed between any two steps, and a run after it, have
// the same result as one run.
func TestRunnerKilledBetweenSteps(t *testing.T) {
	t.Parallel()

	whole := openNeglected(t)
	steps := plan(t, connect(t, whole), later, retiring)
	kinds := map[partition.Kind]bool{}
	for _, s := range steps {
		kinds[s.Kind] = true
	}

	if len(kinds) != 10 {
		t.Fatalf("the test does not see every kind of step: %v", kinds)
	}

	run(t, whole, later, retiring)
	want := shape(t, whole)
	for _, step := range plan(t, connect(t, whole), later, retiring) {
		if step.Kind != partition.Analyze { // the server reports its ANALYZE late
			t.Errorf("after the run there is still: %s", step)
		}
	}

	for n := range steps {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()

			db := openNeglected(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), killedURL+"="+db.OwnerURL, killedAfter+"="+strconv.Itoa(n))
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("after %d steps the runner was not killed: %v, %s", n, err, out)
			}

			run(t, db, later, retiring)
			if diff := cmp.Diff(want, shape(t, db)); diff != "" {
				t.Errorf("killed after step %d, %s, and run again:\n%s", n, steps[n], diff)
			}
		})
	}
}
