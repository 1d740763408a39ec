package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// transactions returns the number of transactions that were committed.
func transactions(t testing.TB, s *Store) (n int) {
	t.Helper()
	must(t, s.db.view(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }))
	return n
}

// together lets writes wait for the writer at the same moment, and returns their
// outcomes. It runs in a bubble of synctest, which knows when all of them wait.
func together(s *Store, writes ...func() error) []error {
	hold := make(chan struct{})
	go s.submit(ctx, 0, func(*bbolt.Tx) error { <-hold; return errNothing })
	synctest.Wait()

	outcomes := make([]error, len(writes))
	var wg sync.WaitGroup
	for i, write := range writes {
		wg.Go(func() { outcomes[i] = write() })
	}
	synctest.Wait()
	close(hold)
	wg.Wait()
	return outcomes
}

func TestWaitingWritesShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, t.TempDir())
		var writes []func() error
		for i := range 1000 {
			writes = append(writes, func() error {
				return s.SaveSnapshot(ctx, fmt.Sprintf("type %d", i), 1, 1, []byte("a snapshot"))
			})
		}
		before := transactions(t, s)
		for i, err := range together(s, writes...) {
			if err != nil {
				t.Errorf("type %d: %v", i, err)
			}
		}
		if n := transactions(t, s) - before; n != 1 {
			t.Errorf("a thousand snapshots took %d transactions, want 1", n)
		}
		if ids, err := s.IDs(ctx); err != nil || len(ids) != 1000 {
			t.Errorf("%d ids, %v", len(ids), err)
		}
	})
}

func TestRefusedWriteSparesItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, t.TempDir())
		before := transactions(t, s)
		gaveUp, cancel := context.WithCancel(ctx)
		outcomes := together(s,
			func() error { return s.Append(ctx, "wine", 1, 1, []byte("good")) },
			func() error { return s.Append(ctx, "iris", 1, 2, []byte("out of turn")) },
			func() error { cancel(); return s.Append(gaveUp, "gone", 1, 1, nil) },
			func() error { return s.Append(ctx, "crab", 1, 1, []byte("good")) },
		)
		if outcomes[0] != nil || outcomes[3] != nil {
			t.Errorf("good writes: %v, %v", outcomes[0], outcomes[3])
		}
		if !errors.As(outcomes[1], new(*persistence.SequenceError)) || !errors.Is(outcomes[2], context.Canceled) {
			t.Errorf("bad writes: %v, %v", outcomes[1], outcomes[2])
		}
		if n := transactions(t, s) - before; n != 1 {
			t.Errorf("%d transactions, want 1", n)
		}
	})
}

// A write that panics, or that the disk refuses, fails alone.
func TestFailedWriteSparesItsBatch(t *testing.T) {
	broken := errors.New("broken")
	for name, put := range map[string]func(*bbolt.Tx) error{
		"an error": func(*bbolt.Tx) error { return broken },
		"a panic":  func(*bbolt.Tx) error { panic("broken") },
		"a panic after a change": func(tx *bbolt.Tx) error {
			if err := tx.Bucket(idsBucket).Put([]byte("half"), nil); err != nil {
				return err
			}
			panic("broken")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t, t.TempDir())
				outcomes := together(s,
					func() error { return s.Append(ctx, "wine", 1, 1, []byte("good")) },
					func() error { return s.submit(ctx, 0, put) },
					func() error { return s.Append(ctx, "crab", 1, 1, []byte("good")) },
				)
				if outcomes[0] != nil || outcomes[2] != nil {
					t.Errorf("good writes: %v, %v", outcomes[0], outcomes[2])
				}
				var damage *persistence.DamageError
				if !errors.Is(outcomes[1], broken) && !errors.As(outcomes[1], &damage) {
					t.Errorf("the bad write: %v", outcomes[1])
				}
				for _, id := range []string{"wine", "crab"} {
					if r := load(t, s, id); r.LastSeq != 1 {
						t.Errorf("%s: %+v", id, r)
					}
					must(t, s.Append(ctx, id, 1, 2, nil))
				}
				if ids, err := s.IDs(ctx); err != nil || len(ids) != 2 || len(s.Damage()) != 0 {
					t.Errorf("ids %q, %v, damage %v", ids, err, s.Damage())
				}
			})
		})
	}
}

// A caller that gives up while its write is under way may find it done, and can
// repeat it.
func TestGivenUpWriteCanBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, t.TempDir())
		patience, cancel := context.WithCancel(ctx)
		hold := make(chan struct{})
		outcome := make(chan error, 1)
		go func() {
			outcome <- s.submit(patience, 0, func(tx *bbolt.Tx) error {
				<-hold
				return putEvent(tx, "wine", 1, seal("wine", eventKind, 1, []byte("one")))
			})
		}()
		synctest.Wait()
		cancel()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("giving up: %v", err)
		}
		close(hold)
		must(t, s.Append(ctx, "wine", 1, 1, []byte("one")))
		if r := load(t, s, "wine"); r.LastSeq != 1 || len(r.Events) != 1 {
			t.Errorf("%+v", r)
		}
	})
}

func TestFailedDiskIsTriedAgain(t *testing.T) {
	s := openStore(t, t.TempDir())
	must(t, s.Append(ctx, "wine", 1, 1, []byte("one")))

	// A file that cannot be written any more, as after an I/O error.
	must(t, s.db.file.Close())
	if err := s.Append(ctx, "wine", 1, 2, []byte("two")); err == nil {
		t.Error("a write to a broken file succeeded")
	}
	must(t, s.Append(ctx, "wine", 1, 2, []byte("two")))

	// A directory that went away: reads and writes fail, and recover with it.
	moved := filepath.Join(t.TempDir(), "moved")
	must(t, s.db.file.Close())
	must(t, os.Rename(s.config.Dir, moved))
	if err := s.Append(ctx, "wine", 1, 3, []byte("three")); err == nil {
		t.Error("a write to a directory that is gone succeeded")
	}
	if _, err := s.Load(ctx, "wine"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a read of a directory that is gone: %v", err)
	}
	must(t, os.Rename(moved, s.config.Dir))
	if r := load(t, s, "wine"); r.LastSeq != 2 {
		t.Errorf("%+v", r)
	}
	must(t, s.Append(ctx, "wine", 1, 3, []byte("three")))
	if damage := s.Damage(); len(damage) != 0 {
		t.Errorf("damage: %v", damage)
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	s := openStore(t, t.TempDir())
	must(t, s.Close())
	must(t, s.Close())
	_, loadErr := s.Load(ctx, "wine")
	_, idsErr := s.IDs(ctx)
	_, artifactErr := s.Artifact(ctx, helloDigest)
	for i, err := range []error{
		s.Append(ctx, "wine", 1, 1, nil), loadErr, s.SaveSnapshot(ctx, "wine", 1, 1, nil), idsErr, s.Delete(ctx, "wine", 1),
		s.PutArtifact(ctx, helloDigest, []byte("hello")), artifactErr, s.RetainArtifacts(ctx, 0, nil),
	} {
		if !errors.Is(err, persistence.ErrClosed) {
			t.Errorf("method %d: error %v, want ErrClosed", i, err)
		}
	}
}
