// Command mutants builds small defects into the code, one at a time, and reports those that no test notices.
//
// A defect ("mutant") is one change of Go code or of SQL in a string constant: a condition negated, < for <=, Add for
// Sub, a statement dropped, a conjunct of a WHERE that always holds. It reaches the compiler through go test's
// -overlay; the working tree is never edited. Mutants that do not compile are not counted. One whose tests time out is
// noticed.
//
//	go -C tools run ./mutants -n 100 -seed 1
//
// With -defects it builds in the larger defects that packages describe by patches of their own, see runDefects.
//
// The same seed, files and code give the same mutants in the same order. docs/testing.md lists the survivors that are
// accepted, with the reason; the exit status is 1 if another one survives.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var o options
	files := flag.String("files", "money",
		"files to change: patterns as postgres/book*.go separated by commas, or money, or all")
	defects := flag.String("defects", "", "instead, try the built-in defects of these packages: ./events,./chaos")
	flag.StringVar(&o.root, "root", "..", "the root of the module")
	flag.IntVar(&o.count, "n", 100, "mutants to try")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the choice")
	flag.IntVar(&o.parallel, "parallel", 2, "mutants tried at once, 1 to 8")
	flag.DurationVar(&o.limit, "time", 40*time.Minute, "time after which no other mutant is begun")
	flag.StringVar(&o.match, "match", "", "only mutants whose key contains this text")
	flag.BoolVar(&o.quick, "quick", false, "leave out the last, broadest stage of the tests: more survive than would")
	flag.BoolVar(&o.list, "list", false, "list the mutants and try none")
	flag.BoolVar(&o.verbose, "v", false, "print every mutant that was tried")
	flag.Parse()
	o.patterns = strings.Split(*files, ",")
	if *defects != "" {
		o.defects = strings.Split(*defects, ",")
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	clean, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !clean {
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	root     string
	patterns []string
	defects  []string
	count    int
	seed     uint64
	parallel int
	limit    time.Duration
	match    string
	quick    bool
	list     bool
	verbose  bool
}

// acceptedIn is the page that lists the accepted survivors.
const acceptedIn = "docs/testing.md"

// run tries the mutants, and reports whether every one was noticed or is accepted.
func run(ctx context.Context, o options) (clean bool, err error) {
	if o.parallel < 1 || o.parallel > 8 {
		return false, fmt.Errorf("invalid -parallel %d: want 1 to 8", o.parallel)
	}
	if o.root, err = filepath.Abs(o.root); err != nil {
		return false, err
	}
	if len(o.defects) > 0 {
		return runDefects(ctx, o.root, o.defects)
	}

	accepted, err := readAccepted(filepath.Join(o.root, acceptedIn))
	if err != nil {
		return false, err
	}
	all, err := generateAll(o.root, o.patterns)
	if err != nil {
		return false, err
	}
	if len(all) == 0 {
		return false, fmt.Errorf("no mutants in %s", strings.Join(o.patterns, ","))
	}
	stale := accepted.withoutMutant(all)

	chosen := slices.DeleteFunc(slices.Clone(all), func(m mutant) bool { return !strings.Contains(m.key(), o.match) })
	random := rand.New(rand.NewPCG(o.seed, 0))
	random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	if o.list {
		for _, m := range chosen {
			fmt.Printf("%s:%d %s\n", m.file, m.line, m.key())
		}
		return true, nil
	}

	work, err := os.MkdirTemp("", "blotter-mutants-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	r := &runner{options: o, work: work, accepted: accepted, began: time.Now()}
	if err := r.try(ctx, chosen); err != nil && !errors.Is(err, context.Canceled) {
		return false, err
	}
	r.report(os.Stdout, len(chosen))
	for _, key := range stale {
		fmt.Printf("%s accepts what is not a mutant (any more): %s\n", acceptedIn, key)
	}
	return len(r.survivors) == 0, nil
}
