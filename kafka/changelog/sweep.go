package changelog

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sweepAgain is the pause after tombstones that the broker did not take.
const sweepAgain = time.Second

// taken is called by the tail after each record that it has applied, with the
// lock held.
func (s *Store) taken(raw string, c *change) {
	if c.tombstone {
		delete(s.swept, raw)
	}
	if c.object != nil && len(c.object.garbage) > 0 && s.owns(c.object) {
		s.soil(c.key.object)
	}
}

// owns says whether this store has the newest claim of an id: it cleans up.
func (s *Store) owns(o *object) bool {
	r, ok := o.rules.(*idRules)
	return ok && r.claim != nil && r.claim.key.nonce.writer() == s.writer
}

// soil tells the sweeper. It is called with the lock held.
func (s *Store) soil(id string) {
	s.dirty[id] = struct{}{}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sweep writes tombstones for the dead records of the ids that this store owns,
// until it is closed. Nobody waits for it: a dead record is no less dead without
// a tombstone, and whoever owns the id next goes on.
func (s *Store) sweep() {
	for {
		select {
		case <-s.wake:
		case <-s.context.Done():
			return
		}
		s.mu.Lock()
		ids := s.dirty
		s.dirty = map[string]struct{}{}
		var raws []string
		for id := range ids {
			if o := s.view.ids[id]; o != nil && s.owns(o) {
				raws = append(raws, s.toSweep(o)...)
			}
		}
		s.mu.Unlock()
		if s.bury(s.context, raws) != nil && s.pause(sweepAgain) {
			s.mu.Lock()
			for id := range ids {
				s.soil(id)
			}
			s.mu.Unlock()
		}
	}
}

// toSweep returns the records of an object that get tombstones now, in order. Of
// those under way it waits for the read-back.
func (s *Store) toSweep(o *object) (raws []string) {
	for _, e := range o.removable() {
		if _, underWay := s.swept[e.raw]; !underWay {
			s.swept[e.raw] = struct{}{}
			raws = append(raws, e.raw)
		}
	}
	return raws
}

// bury writes tombstones in order, and waits until the broker has them. After an
// error some of them may be missing: those that it did not take are to be
// written again.
func (s *Store) bury(ctx context.Context, raws []string) error {
	tombs := make([]*kgo.Record, 0, len(raws))
	for _, raw := range raws {
		k, _ := decodeKey([]byte(raw)) // it came out of the view
		tombs = append(tombs, &kgo.Record{Topic: s.config.Topic, Partition: partitionOf(k.object, s.partitions), Key: []byte(raw)})
	}
	var failed error
	for _, r := range s.client.ProduceSync(ctx, tombs...) {
		if r.Err != nil {
			failed = r.Err
			s.mu.Lock()
			delete(s.swept, string(r.Record.Key))
			s.mu.Unlock()
		}
	}
	if failed != nil && ctx.Err() == nil {
		s.log.Warn("cannot clean up the store's topic; trying again", "topic", s.config.Topic, "error", failed)
	}
	return failed
}
