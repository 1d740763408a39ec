package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// poller is the goroutine that polls: a mailbox must not wait for a broker. It
// polls once for each permission, and blocks rebalances (see
// [kgo.BlockRebalanceOnPoll]) until the actor has taken what it brought: when a
// partition is revoked, none of its records is between the two.
type poller struct {
	client   *kgo.Client
	splitter *splitter
	permits  chan int      // how many records to poll; at most one waits
	taken    chan struct{} // the actor has the poll
	deliver  func(*polled)
	stopped  chan struct{}
}

func newPoller(s *session, splitter *splitter) *poller {
	return &poller{
		client:   s.client,
		splitter: splitter,
		permits:  make(chan int, 1),
		taken:    make(chan struct{}, 1),
		deliver:  func(p *polled) { s.tell(p) },
		stopped:  make(chan struct{}),
	}
}

// pollErrorPause is the pause after a poll that brought only errors.
const pollErrorPause = 100 * time.Millisecond

func (p *poller) run(ctx context.Context) {
	defer close(p.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-p.permits:
			if !p.poll(ctx, n) {
				return
			}
		}
	}
}

func (p *poller) poll(ctx context.Context, n int) bool {
	fetches := p.client.PollRecords(ctx, n)
	defer p.client.AllowRebalance()
	if ctx.Err() != nil || fetches.IsClientClosed() {
		return false
	}
	m := p.splitter.split(fetches)
	p.deliver(m)
	select {
	case <-ctx.Done():
		return false
	case <-p.taken:
	}
	if len(m.chunks) > 0 {
		return true
	}
	select { // only errors came: do not spin on them
	case <-ctx.Done():
		return false
	case <-time.After(pollErrorPause):
		return true
	}
}
