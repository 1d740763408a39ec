package memory

import (
	"fmt"
	"testing"
	"time"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/persistencetest"
)

func TestConformance(t *testing.T) {
	persistencetest.Exercise(t, persistencetest.Harness{
		New: func(testing.TB) func() (persistence.Store, error) {
			return func() (persistence.Store, error) { return New(), nil }
		},
		Inspect: inspect,
		Age: func(store persistence.Store, digest string, by time.Duration) error {
			s := store.(*Store)
			a := s.artifacts[digest]
			a.put = a.put.Add(-by)
			s.artifacts[digest] = a
			return nil
		},
	})
}

func inspect(store persistence.Store, id string) (events, snapshots []uint64, err error) {
	l := store.(*Store).logs[id]
	if l == nil {
		return nil, nil, fmt.Errorf("nothing is known of %q", id)
	}
	for _, e := range l.events {
		events = append(events, e.Seq)
	}
	for _, s := range l.snapshots {
		snapshots = append(snapshots, s.seq)
	}
	return events, snapshots, nil
}
