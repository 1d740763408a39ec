package file

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// The bounds of one transaction.
const (
	maxBatchWrites = 1024
	maxBatchBytes  = 32 << 20
)

// write is a change that waits for the writer.
type write struct {
	ctx  context.Context
	size int
	// put makes the change. A [*persistence.SequenceError] or
	// [*persistence.FencedError] refuses it, before it changed anything; another
	// error fails the transaction.
	put  func(*bbolt.Tx) error
	done chan error // has room for the outcome, so that the writer never waits
}

// submit hands a change to the writer and waits until it is durable. A caller
// that gives up learns nothing of the outcome.
func (s *Store) submit(ctx context.Context, size int, put func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{ctx: ctx, size: size, put: put, done: make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return persistence.ErrClosed
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runWriter is the writer: it commits until the store closes.
func (s *Store) runWriter() {
	defer close(s.closed)
	for {
		select {
		case w := <-s.writes:
			s.commit(s.gather(w))
		case <-s.closing:
			return
		}
	}
}

// gather returns the first write and those that wait at this moment. The
// channel has no buffer, so each of them has a caller in submit.
func (s *Store) gather(first *write) []*write {
	batch, size := []*write{first}, first.size
	for len(batch) < maxBatchWrites && size < maxBatchBytes {
		select {
		case w := <-s.writes:
			batch, size = append(batch, w), size+w.size
		default:
			return batch
		}
	}
	return batch
}

// commit writes a batch in one transaction. When that fails, each write gets a
// transaction of its own: one that is too large for the disk, or that touches a
// damaged page, shall not fail the others.
func (s *Store) commit(batch []*write) {
	outcomes, err := s.transact(batch)
	if err != nil && len(batch) > 1 {
		for _, w := range batch {
			s.commit([]*write{w})
		}
		return
	}
	for i, w := range batch {
		if err != nil {
			w.done <- err
		} else {
			w.done <- outcomes[i]
		}
	}
}

// transact tries a batch in one transaction. It returns what became of each
// write, or the error that failed them all.
func (s *Store) transact(batch []*write) ([]error, error) {
	outcomes := make([]error, len(batch))
	err := s.db.update(func(tx *bbolt.Tx) error {
		written := false
		for i, w := range batch {
			if outcomes[i] = w.ctx.Err(); outcomes[i] != nil {
				continue
			}
			switch err := w.put(tx); {
			case err == nil:
				written = true
			case errors.Is(err, errNothing):
			case errors.As(err, new(*persistence.SequenceError)), errors.As(err, new(*persistence.FencedError)):
				outcomes[i] = err
			default:
				return err
			}
		}
		if !written {
			return errNothing
		}
		return nil
	})
	return outcomes, err
}
