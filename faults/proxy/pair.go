package proxy

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
)

const bufferSize = 32 << 10

// pair is a connection of the server and the one to the broker that continues
// it. Each side is served by a goroutine of its own.
type pair struct {
	link   *Link
	server *net.TCPConn
	broker *net.TCPConn
	ending sync.Once
	closed bool // under the link's lock

	losing atomic.Pointer[commit] // whose answer is to be lost
}

// commit is a request to commit.
type commit struct {
	correlation int32
	flexible    bool
}

// reset ends both connections at once: what is under way is gone.
func (p *pair) reset() {
	p.ending.Do(func() {
		p.link.remove(p)
		reset(p.server)
		reset(p.broker)
	})
}

// end ends both connections in order.
func (p *pair) end() {
	p.ending.Do(func() {
		p.link.remove(p)
		_ = p.server.Close() // there is nobody to tell
		_ = p.broker.Close()
	})
}

// reset closes a connection so that the other side notices at once.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// requests passes on what the server asks.
func (p *pair) requests() {
	defer p.end()
	r, w := bufio.NewReaderSize(p.server, bufferSize), bufio.NewWriterSize(p.broker, bufferSize)
	for {
		f, err := readFrame(r, requestHead)
		if err != nil {
			return
		}
		if f.mayCommit() {
			if whole, err := f.absorb(r, maxEndTxn); err != nil {
				return
			} else if whole && f.isCommit() && p.link.commit() {
				p.losing.Store(&commit{f.correlation(), f.version() >= firstFlexible})
			}
		}
		if !p.pass(Requests) || f.send(w, r) != nil {
			return
		}
	}
}

// answers passes on what the broker says, but for the answer that is to be lost.
func (p *pair) answers() {
	defer p.end()
	r, w := bufio.NewReaderSize(p.broker, bufferSize), bufio.NewWriterSize(p.server, bufferSize)
	for {
		f, err := readFrame(r, answerHead)
		if err != nil {
			return
		}
		if c := p.losing.Load(); c != nil && c.correlation == f.answerTo() {
			p.losing.Store(nil)
			if whole, err := f.absorb(r, maxEndTxn); err != nil {
				return
			} else if p.link.committed(whole && committed(f.head[answerHead:], c.flexible)) {
				p.reset()
				return
			}
		}
		if !p.pass(Answers) || f.send(w, r) != nil {
			return
		}
	}
}

// pass waits while the side is silent. It says false when the pair has ended.
func (p *pair) pass(side Side) bool {
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.silent&side != 0 && !p.closed && !l.closed {
		l.changed.Wait()
	}
	return !p.closed && !l.closed
}
