package demo

import (
	"slices"
	"sync"
	"time"
)

// latencies are those of the last results, to take quantiles of.
type latencies struct {
	mu    sync.Mutex
	ring  [4096]time.Duration
	count int
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.count%len(l.ring)] = d
	l.count++
}

// quantiles returns those of the results since the last reset, of at most as
// many as the ring holds; zeros when there are none.
func (l *latencies) quantiles(of ...float64) []time.Duration {
	l.mu.Lock()
	sorted := slices.Clone(l.ring[:min(l.count, len(l.ring))])
	l.mu.Unlock()
	out := make([]time.Duration, len(of))
	if len(sorted) == 0 {
		return out
	}
	slices.Sort(sorted)
	for i, q := range of {
		out[i] = sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
	}
	return out
}
