package blotter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"go.yaml.in/yaml/v2"
)

var (
	// pinnedImage has a version with a patch number.
	pinnedImage = regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*$`)
	// secretName is how names of secrets look.
	secretName = regexp.MustCompile(`(?i)password|secret|token`)
	// pinnedAction is an action of GitHub at a commit.
	pinnedAction = regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`)
	// urlPassword is a password in a URL that is not a variable.
	urlPassword = regexp.MustCompile(`://[^:/@\s]+:[^$@/\s][^@/\s]*@`)
)

func readFile(t *testing.T, name string) string {
	t.Helper()

	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()

	if err := yaml.Unmarshal([]byte(readFile(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// instructions returns the instructions of a Dockerfile, continued lines joined, comments left out.
func instructions(text string) []string {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\\\n", " ")

	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

func TestDockerfile(t *testing.T) {
	t.Parallel()

	user := ""
	for _, line := range instructions(readFile(t, "deploy/Dockerfile")) {
		verb, rest, _ := strings.Cut(line, " ")
		fields := strings.Fields(rest)

		switch verb {
		case "FROM":
			user = ""
			if !pinnedImage.MatchString(fields[0]) {
				t.Errorf("%s: the image has no exact version", line)
			}
		case "USER":
			user = fields[0]
		case "COPY":
			if source := fields[len(fields)-2]; source != "." {
				checkCopied(t, line, source)
			}
		case "ENV", "ARG", "LABEL":
			if secretName.MatchString(rest) {
				t.Errorf("%s: a secret would stay in the image", line)
			}
		case "ADD", "MAINTAINER":
			t.Errorf("%s: use COPY or LABEL", line)
		case "RUN":
			checkRun(t, line, rest)
		}
	}

	if user == "" || user == "root" || user == "0" {
		t.Errorf("the image runs as %q, want a user other than root", user)
	}
}

func checkCopied(t *testing.T, line, source string) {
	t.Helper()

	if strings.HasPrefix(source, "/") {
		return // of another stage
	}
	if _, err := os.Stat(source); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

func checkRun(t *testing.T, line, command string) {
	t.Helper()

	for _, word := range []string{"sudo", "curl", "wget", "apt-get upgrade", "chmod 777"} {
		if strings.Contains(command, word) {
			t.Errorf("%s: contains %q", line, word)
		}
	}
}

// TestDockerfileGoVersion checks that the image builds with a toolchain that go.mod accepts.
func TestDockerfileGoVersion(t *testing.T) {
	t.Parallel()

	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))
	used := regexp.MustCompile(`(?m)^FROM golang:(\d+\.\d+)`).FindStringSubmatch(readFile(t, "deploy/Dockerfile"))
	if wanted == nil || used == nil || wanted[1] != used[1] {
		t.Errorf("deploy/Dockerfile builds with Go %v, go.mod wants %v", used, wanted)
	}
}

type composeFile struct {
	Name     string
	Blotter  any `yaml:"x-blotter"`
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	DependsOn   map[string]any `yaml:"depends_on"`
	Rest        map[string]any `yaml:",inline"`
}

func TestCompose(t *testing.T) {
	t.Parallel()

	var file composeFile
	readYAML(t, "deploy/compose.yaml", &file)
	if len(file.Services) != 4 {
		t.Fatalf("%d services, want 4", len(file.Services))
	}

	for name, service := range file.Services {
		if service.Image != "blotter" && !pinnedImage.MatchString(service.Image) {
			t.Errorf("%s: image %q has no exact version", name, service.Image)
		}

		for variable, value := range service.Environment {
			if secretName.MatchString(variable) && !strings.HasPrefix(value, "${") || urlPassword.MatchString(value) {
				t.Errorf("%s: %s has a secret in the file", name, variable)
			}
		}

		for _, port := range service.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, port)
			}
		}

		for other := range service.DependsOn {
			if _, ok := file.Services[other]; !ok {
				t.Errorf("%s depends on %s, which does not exist", name, other)
			}
		}

		for _, volume := range service.Volumes {
			volume, _, _ = strings.Cut(volume, ":")
			if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("%s: volume %s is not declared", name, volume)
			}
		}
	}
}

// TestUnit checks the systemd unit, by systemd itself where it is installed.
func TestUnit(t *testing.T) {
	t.Parallel()

	text := readFile(t, "deploy/blotter.service")
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case section == "" || !regexp.MustCompile(`^[A-Z]\w*=`).MatchString(line):
			t.Errorf("%q is not a setting of a section", line)
		}
	}

	for _, setting := range []string{"User=blotter", "NoNewPrivileges=true", "ProtectSystem=strict", "UMask=0077"} {
		if !strings.Contains(text, "\n"+setting+"\n") {
			t.Errorf("the unit lacks %s", setting)
		}
	}

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return
	}

	// verify requires that the program exists.
	text = strings.ReplaceAll(text, "/usr/local/bin/blotter", "/bin/sh")
	unit := filepath.Join(t.TempDir(), "blotter.service")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestWorkflows(t *testing.T) {
	t.Parallel()

	names, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(names) == 0 {
		t.Fatalf("workflows %v: %v", names, err)
	}

	var commands []string
	for _, name := range names {
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Steps []struct{ Uses, Run string }
			}
			Rest map[string]any `yaml:",inline"`
		}
		if err := yaml.Unmarshal([]byte(readFile(t, name)), &workflow); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(workflow.Permissions) == 0 || len(workflow.Jobs) == 0 {
			t.Errorf("%s has no permissions or no jobs", name)
		}

		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				commands = append(commands, step.Run)
				if step.Uses != "" && !pinnedAction.MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned to a commit", name, step.Uses)
				}
			}
		}
	}

	for _, command := range []string{".ci/run", "make release"} {
		if !slices.Contains(commands, command) {
			t.Errorf("no workflow runs %s", command)
		}
	}
}

func TestScriptsParse(t *testing.T) {
	t.Parallel()

	for _, script := range []string{".ci/run", "deploy/setup", "tools/at", "tools/calendar", "tools/release"} {
		shell := "bash"
		if strings.HasPrefix(readFile(t, script), "#!/bin/sh") {
			shell = "sh"
		}
		if out, err := exec.Command(shell, "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}

		info, err := os.Stat(script)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable: %v", script, err)
		}
	}
}

// TestExampleEnvironments checks that the example files contain no real passwords.
func TestExampleEnvironments(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"deploy/env.example", "deploy/environment.example"} {
		for line := range strings.Lines(readFile(t, name)) {
			variable, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if secretName.MatchString(variable) && !strings.HasPrefix(line, "# ") && value != "" {
				t.Errorf("%s: %s has a value", name, variable)
			}
			if password := urlPassword.FindString(value); password != "" && !strings.HasSuffix(password, ":PASSWORD@") {
				t.Errorf("%s: %s has a password", name, variable)
			}
		}
	}
}

// TestSetup runs deploy/setup twice on a new server; doctor then has no finding.
func TestSetup(t *testing.T) {
	t.Parallel()

	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-setup-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	server, err := embedded.Start(t.Context(), embedded.Config{DataDir: filepath.Join(dir, "data"), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })

	program := filepath.Join(dir, "blotter")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/blotter").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	admin := server.AdminURL("postgres")
	url := func(login string) string {
		return strings.Replace(server.AdminURL("trading"), "blotter_admin", "blotter_"+login, 1)
	}
	env := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "BLOTTER_PASSWORD=it's \"long\"",
		"ADMIN_URL="+server.AdminURL("trading"), "BLOTTER_OWNER_URL="+url("owner"), "BLOTTER_URL="+url("app"),
		"BLOTTER_SERVICE_URL="+url("service"), "BLOTTER_REPORTER_URL="+url("reporter"),
		"BLOTTER_READONLY_URL="+url("readonly"))
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, out)
		}
		return string(out)
	}

	run("psql", admin, "-Xqc", "CREATE DATABASE trading")
	run("deploy/setup")
	run("deploy/setup")

	passwords := run("psql", admin, "-XAtc", "SELECT count(*) FROM pg_authid WHERE rolname ~ '^blotter_(owner|app|"+
		"service|readonly|reporter)$' AND rolpassword LIKE 'SCRAM-SHA-256%'")
	if strings.TrimSpace(passwords) != "5" {
		t.Errorf("%s logins have a password, want 5", passwords)
	}
	if out := run(program, "doctor", "--security"); !strings.Contains(out, "all is well") {
		t.Errorf("doctor --security:\n%s", out)
	}
}
