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
//
// Where servers share the store, what the siblings have stored is read first, all
// of it, and so more rarely. It is old when it has been read: an artifact that a
// sibling has put may be named by an event or a snapshot that follows only after
// loading. So the grace, which the store keeps by its own clock for whoever put
// the artifact, is longer than all of that: reading and dropping (sharedWithin),
// loading (LoadTimeout) and two writes (storeTimeout). What goes wrong beyond that
// costs a fetch, or a read of the models topic: an artifact that is missing is
// no loss of a model.
type janitor struct {
	models   *Models
	done     chan struct{}
	finished chan struct{}
	grace    time.Duration

	mu      sync.Mutex
	dirty   bool
	cleaned time.Time // where the store is shared
}

const (
	cleanEvery = 30 * time.Second
	putGrace   = 5 * time.Minute

	cleanSharedEvery = 10 * time.Minute
	sharedWithin     = 3 * time.Minute
)

func newJanitor(m *Models) *janitor {
	j := &janitor{models: m, done: make(chan struct{}), finished: make(chan struct{}), grace: putGrace}
	if m.cfg.DataTypeOf != nil {
		j.grace = max(putGrace, sharedWithin+m.cfg.LoadTimeout+2*storeTimeout)
	}
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
			j.turn()
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
	m.janitor.setDirty()
}

// turn cleans if it is time to.
func (j *janitor) turn() {
	switch {
	case j.models.cfg.DataTypeOf == nil:
		j.clean(cleanEvery)
	case time.Since(j.cleaned) >= cleanSharedEvery:
		j.cleaned = time.Now()
		j.clean(sharedWithin)
	}
}

// clean drops what no generation needs, of this server and of those that share
// its store, when there may be something. What could not be done is done later.
func (j *janitor) clean(within time.Duration) {
	if !j.takeDirty() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := j.drop(ctx); err != nil {
		j.models.cfg.Logger.Warn("artifacts are not cleaned up this time", "err", err)
		j.setDirty()
	}
}

func (j *janitor) takeDirty() (dirty bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	dirty, j.dirty = j.dirty, false
	return dirty
}

func (j *janitor) setDirty() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dirty = true
}

// drop drops nothing when one ModelActor does not answer, or a sibling's state
// cannot be read.
func (j *janitor) drop(ctx context.Context) error {
	states, err := j.models.States(ctx)
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, s := range states.GetModels() {
		keepNeeded(s, needed)
	}
	if err := j.models.neededBySiblings(ctx, needed); err != nil {
		return err
	}
	return j.models.cfg.Store.RetainArtifacts(ctx, j.grace, func(sha256 string) bool { return needed[sha256] })
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
