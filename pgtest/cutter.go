package pgtest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Cut is when a link is cut. Of what was sent last, its client hears nothing in any case.
type Cut int

const (
	Unheard  Cut = iota // before the server has heard of it
	Heard               // as soon as the server has: it may still be at work
	Answered            // after the server has done it
)

// Cutter is a Proxy that passes everything on until it is armed: then it cuts one link.
type Cutter struct {
	mu       sync.Mutex
	armed    bool
	when     Cut
	messages int // of clients until the cut; 0 for that of a COMMIT
	cuts     int
}

// NewCutter listens beside the server of a URL and returns the URL by which to come through it.
func NewCutter(t testing.TB, to string) (c *Cutter, through string) {
	t.Helper()
	c = &Cutter{}
	return c, Proxy(t, to, c.serve)
}

// AtCommit cuts the link of the client that commits next.
func (c *Cutter) AtCommit(when Cut) { c.arm(0, when) }

// AtMessage cuts at a message of some client: 1 is the next one that comes.
func (c *Cutter) AtMessage(n int, when Cut) { c.arm(n, when) }

func (c *Cutter) arm(messages int, when Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = true
	c.messages = messages
	c.when = when
}

// Cuts is how many links have been cut.
func (c *Cutter) Cuts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// cut decides about a message, and disarms the cutter.
func (c *Cutter) cut(message []byte) (when Cut, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.armed:
		return 0, false
	case c.messages > 1:
		c.messages--
		return 0, false
	case c.messages == 0 && !bytes.Contains(bytes.ToLower(message), []byte("commit\x00")):
		return 0, false
	}

	c.armed = false
	c.cuts++
	return c.when, true
}

func (c *Cutter) serve(client, server net.Conn) {
	var silent atomic.Bool // the client hears nothing more
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer client.Close()
		hear(client, server, &silent)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		when, cut := c.cut(buf[:n])
		if cut && when == Unheard {
			return
		}
		silent.Store(cut)
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if cut {
			// Half-close: the server carries out what it has read, then ends.
			_ = server.(interface{ CloseWrite() error }).CloseWrite()
			if when == Answered {
				<-ended
			}
			return
		}
	}
}

// hear passes on what the server says, until it ends.
func hear(client, server net.Conn, silent *atomic.Bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if silent.Load() {
			continue
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}
