package monitor_test

import (
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v2"
)

// described returns the metrics that a Collector may have, with their labels.
func described() map[string][]string {
	ch := make(chan *prometheus.Desc)
	go func() {
		defer close(ch)
		(&monitor.Collector{}).Describe(ch)
	}()

	found := map[string][]string{}
	parts := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`)
	for d := range ch {
		m := parts.FindStringSubmatch(d.String())
		found[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
	}

	return found
}

// TestLabelsOfPrometheus checks that no metric has a label that Prometheus gives every series: it would be renamed
// to exported_job, and "by (job)" would mean something else.
func TestLabelsOfPrometheus(t *testing.T) {
	t.Parallel()

	for name, labels := range described() {
		if slices.Contains(labels, "job") || slices.Contains(labels, "instance") {
			t.Errorf("%s has the labels %v", name, labels)
		}
	}
}

var (
	metricName = regexp.MustCompile(`\bblotter_\w+`)
	matchers   = regexp.MustCompile(`(blotter_\w+)\{([^}]*)\}`)
	grouping   = regexp.MustCompile(`(?:by|on) \(([^)]*)\)`)
	labelMatch = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	reference  = regexp.MustCompile(`\{\{ ?\$labels\.(\w+)`)
)

// family returns the metric of a series, without the suffixes of a histogram.
func family(series string, known map[string][]string) string {
	for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
		if name, found := strings.CutSuffix(series, suffix); found && known[name] != nil {
			return name
		}
	}
	return ""
}

// checkExpression checks that every metric exists and has the labels of the expression. It returns the number of
// metrics.
func checkExpression(t *testing.T, where, expression string, known map[string][]string) (n int) {
	t.Helper()

	labels := []string{"le", "instance"}
	for _, series := range metricName.FindAllString(expression, -1) {
		name := family(series, known)
		if name == "" {
			t.Errorf("%s names %s, which is not exposed", where, series)
		}
		labels = append(labels, known[name]...)
		n++
	}

	checkAggregation(t, where, expression)
	for _, m := range matchers.FindAllStringSubmatch(expression, -1) {
		for _, l := range labelMatch.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(known[family(m[1], known)], l[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
	}

	for _, g := range grouping.FindAllStringSubmatch(expression, -1) {
		for _, l := range strings.Split(g[1], ",") {
			if !slices.Contains(labels, strings.TrimSpace(l)) {
				t.Errorf("%s: none of its metrics has the label %s", where, l)
			}
		}
	}

	return n
}

var (
	modifiers = regexp.MustCompile(`\s*\b(by|on|without) \([^)]*\)\s*|\{[^}]*\}`)
	token     = regexp.MustCompile(`\w*\(|\)|\bblotter_\w+`)
)

// checkAggregation checks that values of the whole database, which every daemon exposes, are first aggregated by
// max, and values of a process by sum or max.
func checkAggregation(t *testing.T, where, expression string) {
	t.Helper()

	if strings.HasPrefix(expression, "label_values(") {
		return
	}

	var around []string // aggregations that are open; "" for other parentheses
	for _, word := range token.FindAllString(modifiers.ReplaceAllString(expression, ""), -1) {
		switch name, opens := strings.CutSuffix(word, "("); {
		case opens && slices.Contains([]string{"max", "sum", "absent", "avg", "min", "count", "topk"}, name):
			around = append(around, name)
		case opens:
			around = append(around, "")
		case word == ")":
			around = around[:len(around)-1]
		default:
			inner := ""
			for _, name := range around {
				inner = cmp.Or(name, inner)
			}
			if inner != "max" && inner != "absent" && (inner != "sum" || monitor.OfDatabase(word)) {
				t.Errorf("%s aggregates %s by %q first", where, word, inner)
			}
		}
	}
}

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (rules []alert) {
	t.Helper()

	text, err := os.ReadFile("../docs/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}

	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}

	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}

	return rules
}

func TestAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()

	known, seen := described(), map[string]bool{}
	rules := alerts(t)
	if len(known) < 25 || len(rules) < 10 {
		t.Fatalf("%d metrics, %d alerts", len(known), len(rules))
	}

	for _, r := range rules {
		if checkExpression(t, r.Alert, r.Expr, known) == 0 || seen[r.Alert] {
			t.Errorf("alert %q: %s", r.Alert, r.Expr)
		}
		seen[r.Alert] = true
		if s := r.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s has severity %q", r.Alert, s)
		}
		for _, m := range reference.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
			if !strings.Contains(r.Expr, m[1]) {
				t.Errorf("%s uses the label %s, which its expression drops", r.Alert, m[1])
			}
		}
	}
}

// TestSeriesOfAlertTestsExist checks that a Collector exposes the series with which promtool tests the alerts (make
// alerts).
func TestSeriesOfAlertTestsExist(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../docs/prometheus/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}

	known := described()
	series := matchers.FindAllStringSubmatch(string(text), -1)
	for _, m := range series {
		var labels []string
		for _, l := range labelMatch.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "job" && l[1] != "instance" { // which Prometheus adds
				labels = append(labels, l[1])
			}
		}
		if want := known[m[1]]; want == nil || !slices.Equal(labels, want) {
			t.Errorf("%s has the labels %v, want %v", m[1], labels, want)
		}
	}

	if len(series) < 10 {
		t.Errorf("%d series", len(series))
	}
}

func TestDashboardNamesMetricsThatExist(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../docs/grafana/blotter.json")
	if err != nil {
		t.Fatal(err)
	}

	var board struct {
		Title, UID string
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			ID          int
			Title, Type string
			Targets     []struct{ Expr string }
			Datasource  struct{ UID string }
			GridPos     struct{ H, W, X, Y int }
		}
	}

	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}

	known := described()
	shown := map[string]bool{}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 ||
			p.Type != "row" && (len(p.Targets) == 0 || p.Datasource.UID != "${datasource}") {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			checkExpression(t, p.Title, target.Expr, known)
			for _, series := range metricName.FindAllString(target.Expr, -1) {
				shown[family(series, known)] = true
			}
		}
	}

	for name := range known {
		if !shown[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}

	for _, v := range board.Templating.List {
		checkExpression(t, v.Name, v.Definition, known)
	}
}

// TestRunbookIsComplete checks that every check and every alert has a section in the runbook with its meaning, how
// to look, what to do, and what not to do.
func TestRunbookIsComplete(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}

	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		sections[name] = body
	}

	var names []string
	checks := append(monitor.Checks(monitor.Thresholds{}), monitor.SecurityChecks()...)
	for _, check := range append(checks, monitor.PoolCheck(nil, monitor.Thresholds{}), monitor.RedisCheck("")) {
		names = append(names, check.Name)
	}

	for _, r := range alerts(t) {
		names = append(names, r.Alert)
		if _, anchor, _ := strings.Cut(r.Annotations["runbook"], "#"); anchor != strings.ToLower(r.Alert) &&
			anchor != "{{ $labels.check }}" {
			t.Errorf("%s refers to %s", r.Alert, r.Annotations["runbook"])
		}
	}

	for _, name := range names {
		for _, part := range []string{"**Means**", "**Look**", "**Do**", "**Do not**"} {
			if !strings.Contains(sections[name], part) {
				t.Errorf("docs/runbook.md: the section of %s does not say %s", name, part)
			}
		}
	}
}

// TestRunbookNamesThresholds checks that the runbook lists every threshold.
func TestRunbookNamesThresholds(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}

	_, names, found := strings.Cut((&monitor.Thresholds{}).Set("none=1").Error(), "one of ")
	if !found {
		t.Fatal("found no names")
	}

	for name := range strings.SplitSeq(names, ", ") {
		if !strings.Contains(string(text), "\n| `"+name+"` | ") {
			t.Errorf("the runbook does not name the threshold %s", name)
		}
	}
}
