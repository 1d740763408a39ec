package changelog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/persistence"
)

// Store is a [persistence.Store] on a compacted topic. [New] makes one, and
// [Store.Restore] has to be called before anything else answers.
type Store struct {
	config Config
	node   string
	log    *slog.Logger
	report func(Progress)

	client *kgo.Client // produces, and tails the state topic
	admin  *kadm.Client
	chunks *chunks

	partitions, chunkPartitions int32 // set before the tail runs
	topicID                     kadm.TopicID

	writer  [8]byte // of all nonces of this store
	counter atomic.Uint64

	mu       sync.Mutex
	view     *view
	position map[int32]int64     // the next offset that the tail reads
	end      map[int32]int64     // the high watermarks that it has seen
	waiting  map[nonce]*waiter   // writes that the tail has not read back
	swept    map[string]struct{} // tombstones under way, by raw key
	dirty    map[string]struct{} // ids with garbage
	failures map[int32]int       // of reading, in a row
	broken   error               // the topic cannot be trusted any more
	records  int64               // read in all
	read     int64               // bytes
	lockable map[string]*idLock

	wake     chan struct{} // of the sweeper
	once     sync.Mutex    // held by Restore
	tailing  bool
	restored chan struct{}
	context  context.Context // ends with Close
	cancel   context.CancelFunc
	running  sync.WaitGroup

	restoreTook atomic.Int64 // a duration

	// gate, in tests, is called before the tail takes records: it freezes a
	// store between its write and the read-back.
	gate func()
}

var _ persistence.Store = (*Store)(nil)

// New returns a store that knows nothing yet. It does not wait for a broker.
func New(o Options) (*Store, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	opts, err := o.Kafka.ClientOptions(o.Log)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: o.Config, node: o.Node, log: o.Log, report: o.Progress, view: newView(),
		position: map[int32]int64{}, end: map[int32]int64{}, waiting: map[nonce]*waiter{},
		failures: map[int32]int{}, swept: map[string]struct{}{}, dirty: map[string]struct{}{}, lockable: map[string]*idLock{},
		wake: make(chan struct{}, 1), restored: make(chan struct{}),
	}
	if _, err := rand.Read(s.writer[:]); err != nil {
		return nil, err
	}
	if s.client, err = kgo.NewClient(append(opts, s.clientOptions()...)...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if opts, err = o.Kafka.ClientOptions(o.Log); err == nil {
		s.chunks, err = newChunks(opts, &s.config)
	}
	if err != nil {
		s.client.Close()
		return nil, err
	}
	s.admin = kadm.NewClient(s.client)
	s.context, s.cancel = context.WithCancel(context.Background())
	if o.Meter != nil {
		if err := s.observe(o.Meter); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Store) clientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), // somebody waits for each write
		kgo.ProducerBatchMaxBytes(int32(s.config.MaxRecordBytes)),
		kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100 * time.Millisecond), // a topic may be a moment old
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		// A record that rotted on a disk is found by our own checksums, and costs
		// itself and not all that is behind it.
		kgo.DisableFetchCRCValidation(),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.FetchMaxPartitionBytes(8 << 20),
		// What was there and is gone must be told, not skipped.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	}
}

// Close implements [persistence.Store].
func (s *Store) Close() error {
	s.cancel()
	s.client.Close()
	s.chunks.close()
	s.running.Wait()
	return nil
}

// nonce returns one that no other record has.
func (s *Store) nonce() (n nonce) {
	copy(n[:], s.writer[:])
	binary.BigEndian.PutUint64(n[8:], s.counter.Add(1))
	return n
}

// ready waits until the store is restored.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.context.Err() != nil {
		return persistence.ErrClosed
	}
	select {
	case <-s.restored:
	case <-ctx.Done():
		return fmt.Errorf("the store is not restored yet: %w", ctx.Err())
	case <-s.context.Done():
		return persistence.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// idLock is held by one writer of an object at a time.
type idLock struct {
	held  chan struct{} // has room for one
	users int
}

// enter waits for the store and for the other writers of an object. The caller
// must call leave.
func (s *Store) enter(ctx context.Context, object string) (leave func(), err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	l := s.lockable[object]
	if l == nil {
		l = &idLock{held: make(chan struct{}, 1)}
		s.lockable[object] = l
	}
	l.users++
	s.mu.Unlock()
	forget := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(s.lockable, object)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	case <-s.context.Done():
		forget()
		return nil, persistence.ErrClosed
	}
}
