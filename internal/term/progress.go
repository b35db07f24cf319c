package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressLine says on standard error how far a long step is: over and over in one line of a terminal, elsewhere in a new
// line now and then.
type progressLine struct {
	w     *os.File
	shown bool
	last  time.Time
}

func (p *progressLine) show(what, text string) {
	text = shorten(what+": "+text, lineWidth-1)
	switch {
	case term.IsTerminal(int(p.w.Fd())):
		p.clear()
		p.shown = true
		fmt.Fprint(p.w, text)
	case time.Since(p.last) >= lineEvery:
		p.last = time.Now()
		fmt.Fprintln(p.w, "blotter:", text)
	}
}

// clear takes the line away, so that another can be printed.
func (p *progressLine) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.w, "\r", strings.Repeat(" ", lineWidth-1), "\r")
	}
}
