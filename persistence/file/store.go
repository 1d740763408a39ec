package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// Store is an embedded store. See the package's comment.
type Store struct {
	config    Config
	lock      *os.File
	damage    *damageLog
	db        *database
	artifacts *artifacts

	writes    chan *write
	closing   chan struct{} // closed by Close
	closed    chan struct{} // closed by the writer when it has ended
	closeOnce sync.Once
	closeErr  error
}

var _ persistence.Store = (*Store)(nil)

// Open opens the store in a directory, or makes one there. It fails with a
// [*LockedError] when another process has it, with a [*FormatError] when a newer
// server wrote it, and with what the disk says. Damage is no error; see
// [Store.Damage].
func Open(config Config) (*Store, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if err := makeDir(config.Dir); err != nil {
		return nil, fmt.Errorf("make the store's directory: %w", err)
	}
	lock, err := lock(config.Dir, config.LockTimeout)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config:  config,
		lock:    lock,
		writes:  make(chan *write),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	if err := s.open(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open the store in %s: %w", config.Dir, err)
	}
	go s.runWriter()
	return s, nil
}

// open reads what is in the locked directory.
func (s *Store) open() (err error) {
	dir := s.config.Dir
	if err := removeTemporary(dir); err != nil {
		return err
	}
	if s.artifacts, err = openArtifacts(filepath.Join(dir, artifactsName)); err != nil {
		return err
	}
	if s.damage, err = readDamageLog(dir); err != nil {
		return err
	}
	s.db = &database{
		dir:       dir,
		path:      filepath.Join(dir, databaseName),
		damage:    s.damage,
		compactAt: compactAt,
		noSync:    s.config.noSync,
	}
	return s.db.open()
}

// Close implements [persistence.Store]. Writes that the writer has taken are
// finished first.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.closed
		s.closeErr = errors.Join(s.db.close(), s.lock.Close())
	})
	return s.closeErr
}

// Append implements [persistence.Store].
func (s *Store) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	if err := persistence.CheckEvent(id, epoch, seq, event); err != nil {
		return err
	}
	value := seal(id, eventKind, seq, event)
	return s.submit(ctx, len(value), func(tx *bbolt.Tx) error {
		return owned(tx, id, epoch, func() error { return putEvent(tx, id, seq, value) })
	})
}

// SaveSnapshot implements [persistence.Store].
func (s *Store) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, snapshot []byte) error {
	if err := persistence.CheckSnapshot(id, epoch, seq, snapshot); err != nil {
		return err
	}
	value := seal(id, snapshotKind, seq, snapshot)
	return s.submit(ctx, len(value), func(tx *bbolt.Tx) error {
		return owned(tx, id, epoch, func() error { return putSnapshot(tx, id, seq, value) })
	})
}

// Load implements [persistence.Store].
func (s *Store) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	if err := persistence.CheckID(id); err != nil {
		return nil, err
	}
	var r *persistence.Recovery
	err := s.read(ctx, func(tx *bbolt.Tx) error {
		r = &persistence.Recovery{}
		if b := tx.Bucket(idsBucket).Bucket([]byte(id)); b != nil {
			r = recoverID(b, id)
		}
		return nil
	})
	if errors.As(err, new(*panicError)) {
		damage := persistence.DamageError{What: fmt.Sprintf("all of %q", id), Err: err}
		return &persistence.Recovery{Damaged: []persistence.DamageError{damage}}, nil
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// IDs implements [persistence.Store].
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.read(ctx, func(tx *bbolt.Tx) error {
		ids = nil
		return tx.Bucket(idsBucket).ForEachBucket(func(key []byte) error {
			ids = append(ids, string(key))
			return nil
		})
	})
	if errors.As(err, new(*panicError)) {
		err = &persistence.DamageError{What: "the list of ids", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Delete implements [persistence.Store].
func (s *Store) Delete(ctx context.Context, id string, epoch uint64) error {
	if err := persistence.CheckOwner(id, epoch); err != nil {
		return err
	}
	return s.submit(ctx, 0, func(tx *bbolt.Tx) error {
		return owned(tx, id, epoch, func() error { return removeID(tx, id) })
	})
}

// read runs a read transaction. When the database could not be opened anew
// after a failure, it has the writer try that once more.
func (s *Store) read(ctx context.Context, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.db.view(f)
	if !errors.Is(err, errNotOpen) {
		return err
	}
	if err := s.submit(ctx, 0, func(*bbolt.Tx) error { return errNothing }); err != nil {
		return err
	}
	return s.db.view(f)
}
