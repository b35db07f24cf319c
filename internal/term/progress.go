package term

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// logEvery is the time between two lines of progress that are not on a terminal.
const logEvery = 10 * time.Second

// Progress shows how far a long step is: on a terminal in one line that is overwritten, elsewhere in a new line every
// ten seconds.
type Progress struct {
	file       *os.File
	isTerminal bool
	shown      bool      // the terminal's line is not clear
	last       time.Time // of the last line that is not on a terminal
}

// NewProgress returns a progress display on f, which is usually standard error.
func NewProgress(f *os.File) *Progress {
	return &Progress{file: f, isTerminal: IsTerminal(f), last: time.Now()}
}

// Show replaces the text of the display.
func (p *Progress) Show(text string) {
	text = Shorten(text, LineWidth-1)
	if p.isTerminal {
		p.Clear()
		p.shown = true
		fmt.Fprint(p.file, text)
		return
	}

	if time.Since(p.last) >= logEvery {
		p.last = time.Now()
		fmt.Fprintln(p.file, "blotter:", text)
	}
}

// Clear removes the text from a terminal, so that something else can be printed.
func (p *Progress) Clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.file, "\r", strings.Repeat(" ", LineWidth-1), "\r")
	}
}
