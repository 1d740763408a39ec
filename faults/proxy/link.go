package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Side is what passes in one direction.
type Side int

// The sides; they can be added up.
const (
	Requests Side = 1 << iota // from the server
	Answers                   // from the brokers
)

// Link is a server's way to the brokers.
type Link struct {
	listeners []net.Listener // one for each broker
	serving   sync.WaitGroup

	mu       sync.Mutex
	changed  *sync.Cond // of silent and closed
	brokers  []string   // where each is
	pairs    map[*pair]struct{}
	silent   Side
	refusing bool
	closed   bool

	losing  int           // commits whose answer is still to be lost
	refuse  time.Duration // for how long connections are refused after each
	healing *time.Timer
	stats   Stats
}

// Stats are what has happened on a link.
type Stats struct {
	Connections int // that were made
	Refused     int
	Commits     int // that brokers were asked for
	LostCommits int // whose answers were lost
}

// New listens for the connections to that many brokers. They are refused until
// [Link.Forward] says where the broker is.
func New(brokers int) (*Link, error) {
	l := &Link{brokers: make([]string, brokers), pairs: map[*pair]struct{}{}}
	l.changed = sync.NewCond(&l.mu)
	for i := range brokers {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("proxy: %w", err)
		}
		l.listeners = append(l.listeners, ln)
		l.serving.Go(func() { l.serve(ln, i) })
	}
	return l, nil
}

// Addr is where the link listens in place of a broker; they count from 1.
func (l *Link) Addr(broker int) string { return l.listeners[broker-1].Addr().String() }

// Addrs are those of all brokers.
func (l *Link) Addrs() []string {
	addrs := make([]string, len(l.listeners))
	for i := range addrs {
		addrs[i] = l.Addr(i + 1)
	}
	return addrs
}

// Forward says where a broker itself is.
func (l *Link) Forward(broker int, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.brokers[broker-1] = to
}

// serve takes a broker's connections until the listener closes.
func (l *Link) serve(ln net.Listener, broker int) {
	for {
		c, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // one that was gone before it was taken
		}
		l.serving.Go(func() { l.connect(c.(*net.TCPConn), broker) })
	}
}

// connect joins a connection with one to the broker until either ends.
func (l *Link) connect(server *net.TCPConn, broker int) {
	l.mu.Lock()
	to, refusing := l.brokers[broker], l.refusing || l.closed
	l.mu.Unlock()
	if refusing || to == "" {
		l.refused(server)
		return
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.Dial("tcp", to)
	if err != nil {
		l.refused(server)
		return
	}
	p := &pair{link: l, server: server, broker: c.(*net.TCPConn)}
	if !l.add(p) {
		p.reset()
		return
	}
	l.serving.Go(p.answers)
	p.requests()
}

func (l *Link) refused(c *net.TCPConn) {
	l.mu.Lock()
	l.stats.Refused++
	l.mu.Unlock()
	reset(c)
}

func (l *Link) add(p *pair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusing || l.closed {
		return false
	}
	l.pairs[p] = struct{}{}
	l.stats.Connections++
	return true
}

func (l *Link) remove(p *pair) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
	p.closed = true
	l.changed.Broadcast()
}

// Silence lets nothing pass on these sides any more, until [Link.Heal]. The
// connections stay open, new ones are made, and what was sent meanwhile arrives
// then.
func (l *Link) Silence(side Side) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent |= side
}

// Reset ends all connections and refuses new ones until [Link.Heal].
func (l *Link) Reset() {
	l.mu.Lock()
	l.refusing = true
	l.mu.Unlock()
	l.resetAll()
}

func (l *Link) resetAll() {
	l.mu.Lock()
	pairs := make([]*pair, 0, len(l.pairs))
	for p := range l.pairs {
		pairs = append(pairs, p)
	}
	l.mu.Unlock()
	for _, p := range pairs {
		p.reset()
	}
}

// Heal ends what Silence and Reset began.
func (l *Link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.refusing = 0, false
	l.changed.Broadcast()
}

// LoseCommit loses the answer to the next commit: the broker has done it when
// the connection ends, and for a while new ones are refused.
func (l *Link) LoseCommit(refuse time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losing++
	l.refuse = refuse
}

// commit is asked about each commit: whether its answer is to be lost.
func (l *Link) commit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Commits++
	if l.losing == 0 {
		return false
	}
	l.losing--
	return true
}

// committed is told the answer to a commit that was to be lost, and says whether
// it is. When the broker has not committed, the next one is lost instead.
func (l *Link) committed(done bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !done {
		l.losing++
		return false
	}
	l.stats.LostCommits++
	if l.refuse > 0 && !l.closed {
		l.refusing = true
		l.healing = time.AfterFunc(l.refuse, l.Heal)
	}
	return true
}

// Stats returns what has happened so far.
func (l *Link) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close ends everything and waits until it has ended.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	if l.healing != nil {
		l.healing.Stop()
	}
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, ln := range l.listeners {
		_ = ln.Close() // nothing is lost by it
	}
	l.resetAll()
	l.serving.Wait()
}
