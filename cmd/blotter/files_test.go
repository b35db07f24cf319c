package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Errors of the operating system about a file say what to do about it, for every command that takes one.
func TestFileErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "book.dump", "text")
	d.write(t, "blotter-2.toml", "json = true\n")
	d.write(t, "heads.json", "text")
	d.write(t, "KO.csv", goodBars)
	if err := os.Mkdir(filepath.Join(d.dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.ok(t, "import", "KO.csv")
	for _, test := range []struct{ args, want string }{
		{"restore bok.dump", "there is no file bok.dump; did you mean book.dump?"},
		{"restore other.dump", "there is no file other.dump; check the path"},
		{"restore none/book.dump", "there is no folder none; check the path"},
		{"restore folder", "folder is a folder; want a file"},
		{"restore KO.csv/x", "KO.csv is not a folder; check the path"},
		{"restore book.dump", "book.dump is not a file that blotter backup has written"},
		{"backup none/x.dump", "none/x.dump cannot be written: there is no folder none; create it, or choose another"},
		{"backup KO.csv/x.dump", "KO.csv is not a folder"},
		{"backup folder/" + strings.Repeat("x", 300), "the name is too long"},
		{"backup book.dump", "book.dump is there already; remove it or choose another name"},
		{"status --config blotter-3.toml", "there is no file blotter-3.toml; did you mean blotter-2.toml?"},
		{"status --config folder", "folder is a folder; want a file"},
		{"audit verify --heads head.json", "head.json: there is no such file or folder; check the path"},
		{"bars export KO --out none/ko.csv", "there is no folder none; create it"},
		{"bars export KO --out folder", "folder is a folder; want a file"},
		{"bars export KO --out /proc/ko.csv", "/proc/ko.csv cannot be written"},
		{"bars show KO --png none/ko.png", "there is no folder none; create it"},
		{"demo --png none/demo.png", "there is no folder none; create it"},
	} {
		r := d.fails(t, 1, strings.Fields(test.args), test.want)
		for _, raw := range []string{"stat ", "open ", "no such file or directory", ".part"} {
			if strings.Contains(r.err, raw) {
				t.Errorf("%s: raw words of the operating system: %s", test.args, r.err)
			}
		}
	}

	// A full disk is named as such.
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var errs strings.Builder
	cmd := d.command("bars", "show", "KO")
	cmd.Stdout, cmd.Stderr = full, &errs
	if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "the disk is full; free space and repeat") {
		t.Errorf("on a full disk: %v, %q", err, errs.String())
	}
}
