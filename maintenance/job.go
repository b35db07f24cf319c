package maintenance

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// Job is one kind of maintenance work.
type Job struct {
	Name  string        // snake_case, at most 50 characters
	Short string        // what it does, in a few words
	Every time.Duration // how often a Scheduler runs it; 0 means only on request
	// Limit bounds a run. Default 4 h.
	Limit time.Duration
	// Scoped says that the job can be limited to one service, which is a schema.
	Scoped bool
	// Run does the work. It ends soon after its context, can be interrupted at any instant and repeated, and changes
	// nothing in a dry run. The figures say what it did, even if it fails.
	Run func(ctx context.Context, task *Task) (Figures, error)
}

// Figures are counts and sizes of a run, by snake_case names. They are stored as JSON.
type Figures map[string]any

// Task describes one run of a job.
type Task struct {
	Service string // schema to work on, for jobs that are Scoped; "" means all
	DryRun  bool   // report what would be done, and change nothing
	Force   bool   // also do unnecessary work, and work that is refused for its size
	// Say reports a step that was done, or would be, in one line. It is never nil.
	Say func(step string)
	// Progress reports the progress of a long step. It is never nil.
	Progress func(text string)
}

const (
	day          = 24 * time.Hour
	limitDefault = 4 * time.Hour
)

var jobName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

// builtIn returns the jobs of this package in the order in which they run. Old partitions of the log are moved before
// gaps between the others are filled.
func (r *Runner) builtIn() []Job {
	jobs := []Job{
		{
			Name:  "archive_logs",
			Short: "move old logs to the archive, drop the oldest there and old statistics", Every: day,
			Run: r.archiveLogs,
		},
		{
			Name: "partitions", Short: "create partitions that are due, freeze closed ones", Every: day,
			Run: r.partitions,
		},
		{
			Name: "vacuum_analyze", Short: "vacuum and analyze tables and partitions that need it", Every: day,
			Scoped: true, Run: r.vacuumAnalyze,
		},
		{
			Name: "analyze", Short: "gather statistics, of partitioned tables too", Every: day, Scoped: true,
			Run: r.analyze,
		},
	}

	if r.cfg.OpenBook != nil {
		jobs = append(jobs, Job{
			Name: "verify", Short: "verify positions and orders against the trades", Every: day, Run: r.verify,
		})
	}

	return jobs
}

// collect sets the jobs of the runner, with the periods of its configuration.
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

// choose returns the jobs of a request in the order of Jobs. "all" means all jobs, or all that can be limited to the
// service of the request.
func (r *Runner) choose(req Request) ([]Job, error) {
	wanted := map[string]bool{}
	for _, name := range req.Jobs {
		wanted[name] = true
	}

	all := wanted["all"]
	delete(wanted, "all")

	var chosen []Job
	for _, job := range r.jobs {
		named := wanted[job.Name]
		delete(wanted, job.Name)
		switch {
		case named && req.Service != "" && !job.Scoped:
			return nil, blotter.Invalid("service", req.Service, "none, because "+job.Name+" is for the whole database")
		case named || all && (req.Service == "" || job.Scoped):
			chosen = append(chosen, job)
		}
	}

	for name := range wanted {
		return nil, blotter.Invalid("job", name, "all, or one of "+r.names())
	}

	return chosen, nil
}
