package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/blotterdb/blotter/barfile"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress says on standard error how far an import is: a bar on a terminal, a line now and then elsewhere.
type progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil where there is no terminal
	open  map[*barfile.File]bool
	bytes int64 // of files that are done
	rows  int64
	files int
	of    int
	total int64
	start time.Time
	stop  chan struct{}
	done  sync.WaitGroup
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

func newProgress(files []found) *progress {
	p := &progress{open: map[*barfile.File]bool{}, of: len(files), start: time.Now(), stop: make(chan struct{})}
	for _, f := range files {
		p.total += f.size
	}
	every := lineEvery
	if term.IsTerminal(int(os.Stderr.Fd())) {
		every = barEvery
		p.bar = progressbar.NewOptions64(max(p.total, 1), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(12), progressbar.OptionClearOnFinish())
	}
	p.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.show(os.Stderr)
			}
		}
	})
	return p
}

// begin notes a file whose reading is looked at.
func (p *progress) begin(f *barfile.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[f] = true
}

// end notes a file that is done; f is nil where it was not opened.
func (p *progress) end(f *barfile.File, file found, rows int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, f)
	p.bytes, p.rows, p.files = p.bytes+file.size, p.rows+rows, p.files+1
}

func (p *progress) show(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	read := p.bytes
	for f := range p.open {
		read += f.BytesRead()
	}
	read = min(read, p.total)
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%d/%d files", p.files, p.of))
		_ = p.bar.Set64(read)
		return
	}
	left := ""
	if elapsed := time.Since(p.start); read > 0 && p.total > 0 {
		left = fmt.Sprintf(", %d %%, %s left", read*100/p.total, (elapsed * time.Duration(p.total-read) / time.Duration(read)).Round(time.Second))
	}
	fmt.Fprintf(w, "blotter: %d of %d files%s\n", p.files, p.of, left)
}

func (p *progress) finish() {
	close(p.stop)
	p.done.Wait()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
