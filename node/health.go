package node

import (
	"errors"
	"sync"

	"github.com/modelstream/modelserver/api"
)

// phase is how far the node is in its life. It is what the probes ask.
type phase struct {
	mu      sync.Mutex
	doing   string // why it does not score yet or any more; "" while it does
	started bool
}

func (p *phase) enter(doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing = doing
	p.started = p.started || doing == ""
}

func (p *phase) now() (doing string, started bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.doing, p.started
}

// Started implements [api.Health].
func (n *Node) Started() error {
	if doing, started := n.phase.now(); !started {
		return errors.New(doing)
	}
	return nil
}

// Ready implements [api.Health].
func (n *Node) Ready() []api.Check {
	life := api.Check{Part: "node"}
	if doing, _ := n.phase.now(); doing != "" {
		life.Err = errors.New(doing)
	}
	return []api.Check{
		life,
		{Part: "models topic", Err: n.models.Health()},
		{Part: "records", Err: n.records.Health()},
	}
}

// IsReady says whether all parts work.
func (n *Node) IsReady() bool {
	for _, c := range n.Ready() {
		if c.Err != nil {
			return false
		}
	}
	return true
}
