package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

// fenced checks that a write was refused, and by whom.
func fenced(t *testing.T, what string, err error, owner uint64) {
	t.Helper()
	var e *persistence.FencedError
	if !errors.As(err, &e) || e.Owner != owner {
		t.Errorf("%s: error %v, want a FencedError of owner %d", what, err, owner)
	}
}

// A server freezes in the middle of a write, with its lock held. Its successor
// waits until the database has taken the lock from it, not for ever; when the
// frozen one goes on, nothing of its write is there, and it is refused.
func TestZombieWithTheLock(t *testing.T) {
	c := config(t, server.Get(t))
	c.IdleTimeout = 300 * time.Millisecond
	for name, write := range map[string]func(s *Store, epoch uint64) error{
		"append": func(s *Store, epoch uint64) error { return s.Append(ctx, "append", epoch, 2, []byte("of the zombie")) },
		"snapshot": func(s *Store, epoch uint64) error {
			return s.SaveSnapshot(ctx, "snapshot", epoch, 2, []byte("of the zombie"))
		},
		"delete": func(s *Store, epoch uint64) error { return s.Delete(ctx, "delete", epoch) },
	} {
		t.Run(name, func(t *testing.T) {
			zombie, heir := openStore(t, c), openStore(t, c)
			epoch := claim(t, zombie, name)
			must(t, zombie.Append(ctx, name, epoch, 1, []byte("one")))

			frozen, thaw := make(chan struct{}), make(chan struct{})
			var once sync.Once
			zombie.locked = func() {
				once.Do(func() {
					close(frozen)
					<-thaw
				})
			}
			outcome := make(chan error, 1)
			go func() { outcome <- write(zombie, epoch) }()
			<-frozen

			began := time.Now()
			owner := claim(t, heir, name)
			if waited := time.Since(began); waited < c.IdleTimeout/2 {
				t.Errorf("the heir waited %v: the zombie did not have the lock", waited)
			}
			r := load(t, heir, name)
			must(t, heir.Append(ctx, name, owner, r.LastSeq+1, []byte("of the heir")))
			close(thaw)
			// Its connection is gone; it tries again by itself, and learns why.
			fenced(t, "the zombie's write", <-outcome, owner)
			after := load(t, heir, name)
			if r.LastSeq != 1 || after.LastSeq != 2 || string(after.Events[1].Data) != "of the heir" || after.Snapshot != nil {
				t.Errorf("the heir found %+v and made it %+v", r, after)
			}
		})
	}
}

// A write that waits for the lock while another server claims the id looks at the
// epoch when it has the lock, and not as it was before.
func TestZombieThatWaitsForTheLock(t *testing.T) {
	c := config(t, server.Get(t))
	zombie, heir := openStore(t, c), openStore(t, c)
	epoch := claim(t, zombie, "wine")
	must(t, zombie.Append(ctx, "wine", epoch, 1, []byte("one")))

	conn := connect(t, server.Get(t))
	tx, err := conn.Begin(ctx)
	must(t, err)
	if _, err = tx.Exec(ctx, in(c.Schema, "SELECT FROM @claims WHERE id = $1 FOR UPDATE"), []byte("wine")); err != nil {
		t.Fatal(err)
	}
	outcome := make(chan error, 1)
	go func() { outcome <- zombie.Append(ctx, "wine", epoch, 2, []byte("two")) }()
	awaitLockWaiters(t, 1)
	// The heir's claim is behind the zombie in the queue, as a fair lock has it; so
	// the claim of the one who holds the lock stands for it.
	_, err = tx.Exec(ctx, in(c.Schema, "UPDATE @claims SET epoch = epoch + 1 WHERE id = $1"), []byte("wine"))
	must(t, err)
	must(t, tx.Commit(ctx))
	fenced(t, "the zombie's write", <-outcome, epoch+1)
	if r := load(t, heir, "wine"); r.LastSeq != 1 {
		t.Errorf("%+v", r)
	}
}

// awaitLockWaiters waits until so many sessions wait for a lock.
func awaitLockWaiters(t *testing.T, want int) {
	t.Helper()
	conn := connect(t, server.Get(t))
	within, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for n := 0; n < want; {
		err := conn.QueryRow(within, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").Scan(&n)
		must(t, err)
	}
}

// An owner that died after its write reached the database, and before it learnt
// so, has written; its heir goes on after that.
func TestOwnerThatGaveUp(t *testing.T) {
	c := config(t, server.Get(t))
	s := openStore(t, c)
	epoch := claim(t, s, "wine")
	impatient, cancel := context.WithCancel(ctx)
	s.locked = cancel
	if err := s.Append(impatient, "wine", epoch, 1, []byte("one")); !errors.Is(err, context.Canceled) {
		t.Errorf("giving up: %v", err)
	}
	s.locked = func() {}
	must(t, s.Append(ctx, "wine", epoch, 1, []byte("one")))
	if r := load(t, s, "wine"); r.LastSeq != 1 || len(r.Events) != 1 {
		t.Errorf("%+v", r)
	}
}

// Epochs grow also when the schema was dropped, or comes from an old backup: the
// clock is behind them.
func TestEpochsGrowOverALostDatabase(t *testing.T) {
	c := config(t, server.Get(t))
	s, err := Open(ctx, c, Options{})
	must(t, err)
	before := claim(t, s, "wine")
	exec(t, s, "DROP SCHEMA "+c.Schema+" CASCADE")
	must(t, s.Close())
	s = openStore(t, c)
	if after := claim(t, s, "wine"); after <= before {
		t.Errorf("epoch %d after %d", after, before)
	}
}
