package actionfile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/actionfile"
	"github.com/blotterdb/blotter/internal/example"
)

// summary returns the actions and the reasons of refused rows of a text, in their order.
func summary(t *testing.T, name, text string, opts actionfile.Options) (actions, refused []string) {
	t.Helper()
	file, err := actionfile.Read(strings.NewReader(text), name, opts)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i := range file.Actions {
		actions = append(actions, file.Actions[i].String()+" ("+file.Actions[i].Source+")")
	}
	for _, r := range file.Refused {
		refused = append(refused, r.Error())
	}
	return actions, refused
}

// TestExamples reads the examples in testdata. The section "refused" has a part of the reason of each refused row.
func TestExamples(t *testing.T) {
	t.Parallel()
	all, err := example.Load("testdata/examples")
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			testExample(t, e)
		})
	}
}

func testExample(t *testing.T, e example.Example) {
	t.Helper()
	actions, refused := summary(t, e.Setting("path"), e.File(), actionfile.Options{})
	if want := e.Lines("actions"); !slices.Equal(actions, want) {
		t.Errorf("actions\n%s\nwant\n%s", strings.Join(actions, "\n"), strings.Join(want, "\n"))
	}

	want := e.Lines("refused")
	if len(refused) != len(want) {
		t.Fatalf("refused\n%s\nwant %q", strings.Join(refused, "\n"), want)
	}
	for i, part := range want {
		if !strings.Contains(refused[i], part) {
			t.Errorf("row %d is refused with %q, want %q in it", i, refused[i], part)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	const text = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n" +
		"2020-08-31,1,1,1,1,1,1,0,4\n"
	actions, _ := summary(t, "prices.csv", text, actionfile.Options{Symbol: "aapl", Source: "paper"})
	if want := []string{"4:1 split of AAPL on 2020-08-31 (paper)"}; !slices.Equal(actions, want) {
		t.Errorf("with symbol and source: %q, want %q", actions, want)
	}
	_, err := actionfile.Read(strings.NewReader(text), "prices.csv", actionfile.Options{})
	if err == nil || !strings.Contains(err.Error(), "--symbol") {
		t.Errorf("a file without a symbol: %v, want an error that names --symbol", err)
	}
}

func TestOtherFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"bars":        "date,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n",
		"other JSON":  `{"bars":{"AAPL":[{"t":"2022-01-03T09:00:00Z","o":1,"h":1,"l":1,"c":1}]}}`,
		"a web page":  "<!DOCTYPE html><html></html>",
		"empty":       "",
		"broken JSON": `{"results":[{"ticker":`,
	} {
		_, err := actionfile.Read(strings.NewReader(text), name, actionfile.Options{})
		if !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
