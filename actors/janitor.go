package actors

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/modelstream/modelserver/messages"
)

// janitor removes artifacts from the store that no generation needs any more:
// now and then, when models were promoted since the last time. An artifact that
// was put a short while ago is spared, since its event may be on its way.
type janitor struct {
	models   *Models
	done     chan struct{}
	finished chan struct{}
	grace    time.Duration

	mu    sync.Mutex
	dirty bool
}

const (
	cleanEvery = 30 * time.Second
	putGrace   = 5 * time.Minute
)

func newJanitor(m *Models) *janitor {
	j := &janitor{models: m, done: make(chan struct{}), finished: make(chan struct{}), grace: putGrace}
	go j.run()
	return j
}

func (j *janitor) run() {
	defer close(j.finished)
	t := time.NewTicker(cleanEvery)
	defer t.Stop()
	for {
		select {
		case <-j.done:
			return
		case <-t.C:
			j.clean(cleanEvery)
		}
	}
}

func (j *janitor) stop() {
	close(j.done)
	<-j.finished
}

// promoted notes what serves a data type now, for the metrics, and that there may
// be artifacts to clean up.
func (m *Models) promoted(g *messages.ModelAccepted) {
	m.serving.Store(g.GetDataType(), cloneAccepted(g))
	m.janitor.mu.Lock()
	defer m.janitor.mu.Unlock()
	m.janitor.dirty = true
}

// clean drops what no generation needs. When one ModelActor
// does not answer, nothing is dropped.
func (j *janitor) clean(within time.Duration) {
	j.mu.Lock()
	dirty := j.dirty
	j.dirty = false
	j.mu.Unlock()
	if !dirty {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	log := j.models.cfg.Logger
	states, err := j.models.States(ctx)
	if err != nil {
		log.Warn("artifacts are not cleaned up this time", "err", err)
		return
	}
	needed := map[string]bool{}
	for _, s := range states.GetModels() {
		keepNeeded(s, needed)
	}
	err = j.models.cfg.Store.RetainArtifacts(ctx, j.grace, func(sha256 string) bool { return needed[sha256] })
	if err != nil {
		log.Warn("cleaning up artifacts failed", "err", err)
	}
}

// keepNeeded marks the artifacts of the generations on their way, of those that
// records may need by their timestamps, and of the two newest that have served.
func keepNeeded(s *messages.ModelState, needed map[string]bool) {
	served, covered := 0, false
	for _, g := range slices.Backward(s.GetGenerations()) {
		if g.GetPhase() == messages.GenerationState_REJECTED {
			continue
		}
		idle := g.GetPhase() == messages.GenerationState_CLOSED
		if idle {
			served++
		}
		if !idle || !covered || served <= 2 {
			needed[g.GetModel().GetSha256()] = true
		}
		// A generation without effective_from that has served covers all that
		// those before it would score.
		covered = covered || g.GetServingSinceMs() > 0 && g.GetModel().GetEffectiveFromMs() == 0
	}
}
