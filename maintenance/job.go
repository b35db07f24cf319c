package maintenance

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// Job is one kind of maintenance.
type Job struct {
	Name  string        // snake_case, at most 50 characters
	Short string        // what it does, in a few words
	Every time.Duration // how often a Scheduler runs it; 0 is only when asked
	// Limit bounds a run. Default 4 h.
	Limit time.Duration
	// Scoped says that it can be limited to one service, which is a schema.
	Scoped bool
	// Run does it. It ends soon after its context, is safe to cut short at any instant and to repeat, and changes
	// nothing where the task is a dry run. Figures tell the operator what it did, also where it fails.
	Run func(ctx context.Context, task *Task) (Figures, error)
}

// Figures are counts and sizes of a run, by snake_case names. They are stored as JSON.
type Figures map[string]any

// Task is what one run of a job is asked to do.
type Task struct {
	Service string // schema to keep to, for jobs that are Scoped; "" is all
	DryRun  bool   // say what would be done, and change nothing
	Force   bool   // also do what needs no doing, or what is refused for its size
	// Say tells what was done, or would be, one line a step. It is never nil.
	Say func(step string)
	// Progress tells how far a long step is. It is never nil.
	Progress func(text string)
}

const (
	day          = 24 * time.Hour
	limitDefault = 4 * time.Hour
)

var jobName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

// builtIn are the jobs of this package, in the order in which all of them run: the log's old partitions go before holes
// between those that stay are filled.
func (r *Runner) builtIn() []Job {
	jobs := []Job{
		{Name: "archive_logs", Short: "move old log rows to the archive, drop the oldest there and old statistics", Every: day, Run: r.archiveLogs},
		{Name: "partitions", Short: "make partitions that are due, freeze closed ones", Every: day, Run: r.partitions},
		{Name: "vacuum_analyze", Short: "vacuum and analyze tables and partitions that need it", Every: day, Scoped: true, Run: r.vacuumAnalyze},
		{Name: "analyze", Short: "gather statistics, of partitioned tables too", Every: day, Scoped: true, Run: r.analyze},
	}
	if r.cfg.OpenBook != nil {
		jobs = append(jobs, Job{Name: "verify", Short: "prove positions and orders from the trades", Every: day, Run: r.verify})
	}
	return jobs
}

// collect puts the jobs together and applies what the configuration says of their periods.
func (r *Runner) collect() error {
	known := map[string]bool{}
	for _, job := range append(r.builtIn(), r.cfg.Jobs...) {
		switch {
		case !jobName.MatchString(job.Name) || job.Name == "all":
			return blotter.Invalid("Job.Name", job.Name, "a name in snake_case of at most 50 characters, not all")
		case known[job.Name]:
			return blotter.Invalid("Job.Name", job.Name, "a name that no other job has")
		case job.Run == nil:
			return blotter.Invalid("Job.Run", job.Name, "a function")
		}
		known[job.Name] = true
		if every, set := r.cfg.Every[job.Name]; set {
			job.Every = max(0, every)
		}
		job.Limit = cmp.Or(job.Limit, limitDefault)
		r.jobs = append(r.jobs, job)
	}
	for name := range r.cfg.Every {
		if !known[name] {
			return blotter.Invalid("Config.Every", name, "one of "+r.names())
		}
	}
	return nil
}

func (r *Runner) names() string {
	var names []string
	for _, job := range r.jobs {
		names = append(names, job.Name)
	}
	return strings.Join(names, ", ")
}

// choose are the jobs of a request, in the order of Jobs; "all" is all, or all that can be limited to its service.
func (r *Runner) choose(req Request) ([]Job, error) {
	wanted, all := map[string]bool{}, false
	for _, name := range req.Jobs {
		if all = all || name == "all"; name != "all" {
			wanted[name] = true
		}
	}
	var chosen []Job
	for _, job := range r.jobs {
		named := wanted[job.Name]
		delete(wanted, job.Name)
		switch {
		case named && req.Service != "" && !job.Scoped:
			return nil, blotter.Invalid("service", req.Service, fmt.Sprintf("no service: %s is for the whole database", job.Name))
		case named || all && (req.Service == "" || job.Scoped):
			chosen = append(chosen, job)
		}
	}
	for name := range wanted {
		return nil, blotter.Invalid("job", name, "all, or one of "+r.names())
	}
	return chosen, nil
}
