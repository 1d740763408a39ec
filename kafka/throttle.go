package kafka

import (
	"sync"
	"time"
)

// throttle keeps a trouble that goes on from filling the log.
type throttle struct {
	mu   sync.Mutex
	last string
	at   time.Time
}

// complainEvery is the time between two log lines about the same trouble.
const complainEvery = 15 * time.Second

// allow says whether a trouble is to be logged: it is another one than before,
// or was not logged for a while.
func (t *throttle) allow(trouble string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if trouble == t.last && time.Since(t.at) < complainEvery {
		return false
	}
	t.last, t.at = trouble, time.Now()
	return true
}

// over notes that the trouble is over, and returns whether it was logged.
func (t *throttle) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.last != ""
	t.last = ""
	return was
}
