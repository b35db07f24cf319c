package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/term"
)

// progressEvery is the time between two looks at how far an import is.
const progressEvery = 100 * time.Millisecond

// importProgress shows on standard error how far an import is.
type importProgress struct {
	display    *term.Progress
	files      int
	totalBytes int64
	start      time.Time
	stop       chan struct{}
	stopped    sync.WaitGroup

	mu        sync.Mutex
	open      map[*barfile.File]bool
	doneFiles int
	doneBytes int64
}

func newImportProgress(files []found) *importProgress {
	p := &importProgress{
		display: term.NewProgress(os.Stderr),
		files:   len(files),
		start:   time.Now(),
		stop:    make(chan struct{}),
		open:    map[*barfile.File]bool{},
	}
	for _, f := range files {
		p.totalBytes += f.size
	}
	p.stopped.Go(p.run)
	return p
}

func (p *importProgress) run() {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			p.display.Clear()
			return
		case <-ticker.C:
			p.display.Show(p.text())
		}
	}
}

// begin adds a file whose progress counts.
func (p *importProgress) begin(f *barfile.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[f] = true
}

// end counts a file that is done; f is nil if it could not be opened.
func (p *importProgress) end(f *barfile.File, file found) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, f)
	p.doneFiles++
	p.doneBytes += file.size
}

// text returns how far the import is, with the time left where it can be estimated.
func (p *importProgress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	read := p.doneBytes
	for f := range p.open {
		read += f.BytesRead()
	}
	read = min(read, p.totalBytes)

	text := fmt.Sprintf("%d of %d files", p.doneFiles, p.files)
	if read > 0 {
		left := time.Duration(float64(time.Since(p.start)) / float64(read) * float64(p.totalBytes-read))
		text += fmt.Sprintf(", %d %%, %s left", read*100/p.totalBytes, left.Round(time.Second))
	}
	return text
}

// finish ends the display.
func (p *importProgress) finish() {
	close(p.stop)
	p.stopped.Wait()
}
