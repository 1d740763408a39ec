package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// writer writes events, snapshots and artifacts of one id, one after the other,
// and remembers what was acknowledged.
type writer struct {
	id       string
	epoch    uint64
	event    uint64 // the last one acknowledged
	snapshot uint64
	artifact uint64
}

// payload returns bytes by which whoever reads them back can tell what they are.
func payload(kind byte, id string, seq uint64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%c %s %d ", kind, id, seq), 20)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (w *writer) write(s *Store) error {
	seq := w.event + 1
	artifact := payload('a', w.id, seq)
	if err := s.PutArtifact(ctx, digest(artifact), artifact); err != nil {
		return err
	}
	w.artifact = seq
	if err := s.Append(ctx, w.id, w.epoch, seq, payload('e', w.id, seq)); err != nil {
		return err
	}
	w.event = seq
	if seq%3 == 0 {
		if err := s.SaveSnapshot(ctx, w.id, w.epoch, seq, payload('s', w.id, seq)); err != nil {
			return err
		}
		w.snapshot = seq
	}
	return nil
}

// verify checks that everything acknowledged is there, and nothing else than
// what was written.
func (w *writer) verify(t *testing.T, s *Store) {
	t.Helper()
	r := load(t, s, w.id)
	if r.LastSeq < w.event || r.LastSeq > w.event+1 || r.SnapshotSeq < w.snapshot || len(r.Damaged) > 0 {
		t.Errorf("%s: event %d and snapshot %d were acknowledged, and there are %d and %d (damaged: %v)",
			w.id, w.event, w.snapshot, r.LastSeq, r.SnapshotSeq, r.Damaged)
	}
	if r.Snapshot != nil && !bytes.Equal(r.Snapshot, payload('s', w.id, r.SnapshotSeq)) {
		t.Errorf("%s: snapshot %d is %.40q", w.id, r.SnapshotSeq, r.Snapshot)
	}
	for _, e := range r.Events {
		if !bytes.Equal(e.Data, payload('e', w.id, e.Seq)) {
			t.Errorf("%s: event %d is %.40q", w.id, e.Seq, e.Data)
		}
	}
	for seq := uint64(1); seq <= w.artifact; seq++ {
		want := payload('a', w.id, seq)
		if got, err := s.Artifact(ctx, digest(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: artifact %d: %v", w.id, seq, err)
		}
	}
}

// during runs writers while fault strikes again and again, and verifies all.
func during(t *testing.T, s *Store, rounds int, fault func(round int)) {
	t.Helper()
	const writers = 6
	written := make(chan struct{}, 1000)
	var count atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	all, errs := make([]*writer, writers), make([]error, writers)
	for i := range all {
		id := fmt.Sprintf("type %d", i)
		all[i] = &writer{id: id, epoch: claim(t, s, id)}
		wg.Go(func() {
			for !over.Load() && errs[i] == nil {
				errs[i] = all[i].write(s)
				count.Add(1)
				select {
				case written <- struct{}{}:
				default:
				}
			}
		})
	}
	for round := range rounds {
		for range 1 + rand.IntN(40) {
			select {
			case <-written:
			case <-time.After(time.Minute):
				t.Errorf("round %d: nothing is written any more", round)
			}
		}
		fault(round)
	}
	over.Store(true)
	wg.Wait()
	for i, w := range all {
		if errs[i] != nil {
			t.Errorf("%s: %v", w.id, errs[i])
		}
		w.verify(t, s)
	}
	t.Logf("%d writes over %d faults", count.Load(), rounds)
}

// The server is killed in the middle of writes, and comes back: no writer notices
// but by waiting, and nothing acknowledged is lost.
func TestKilledServer(t *testing.T) {
	pg := pgtest.Run(t, pgtest.Config{})
	c := config(t, pg)
	c.RetryFor = time.Minute
	s := openStore(t, c)
	during(t, s, 8, func(int) {
		pg.Kill()
		must(t, pg.Start(ctx))
	})
}

// The same when only the connections go, as a failover or an administrator does.
func TestTerminatedConnections(t *testing.T) {
	pg := server.Get(t)
	conn := connect(t, pg)
	c := config(t, pg)
	s, err := Open(ctx, c, Options{Application: c.Schema})
	must(t, err)
	defer s.Close()
	during(t, s, 30, func(int) {
		_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", c.Schema)
		must(t, err)
	})
}

// A server that is away for longer than RetryFor, or does not answer at all, is an
// error that says so, names no password, and comes in time.
func TestServerAway(t *testing.T) {
	pg := pgtest.Run(t, pgtest.Config{})
	var log lockedBuffer
	c := config(t, pg)
	c.RetryFor, c.ConnectTimeout, c.StatementTimeout = 300*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
	s, err := Open(ctx, c, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	defer s.Close()
	epoch := claim(t, s, "wine")

	failing := func(what string, patience time.Duration, texts ...string) {
		t.Helper()
		began := time.Now()
		err := s.Append(ctx, "wine", epoch, 1, nil)
		took := time.Since(began)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: error %v (%T)", what, err, err)
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error does not say %q: %v", what, text, err)
			}
		}
		if strings.Contains(err.Error(), pgtest.Password) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: a password or a line break in %q", what, err)
		}
		if took > patience {
			t.Errorf("%s: it took %v", what, took)
		}
	}
	must(t, pg.Freeze())
	failing("frozen", 10*time.Second, "the database does not answer")
	must(t, pg.Continue())
	must(t, s.Append(ctx, "wine", epoch, 1, nil))
	must(t, pg.Stop(ctx))
	failing("stopped", 10*time.Second, `append event 1 of "wine"`, "connection refused", "does the server run")
	// A caller's own patience is the caller's own error.
	impatient, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Append(impatient, "wine", epoch, 2, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an impatient caller: %v", err)
	}
	if _, err := Open(ctx, c, Options{}); err == nil || !strings.Contains(err.Error(), "does the server run") {
		t.Errorf("opening a store that is away: %v", err)
	}
	must(t, pg.Start(ctx))
	must(t, s.Append(ctx, "wine", epoch, 2, nil))
	if text := log.String(); !strings.Contains(text, "the database is away") || strings.Contains(text, pgtest.Password) {
		t.Errorf("the log: %s", text)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestClosedStoreSaysSo(t *testing.T) {
	s, err := Open(ctx, config(t, server.Get(t)), Options{})
	must(t, err)
	must(t, s.Close())
	must(t, s.Close())
	hello := digest([]byte("hello"))
	_, claimErr := s.Claim(ctx, "wine")
	_, loadErr := s.Load(ctx, "wine")
	_, idsErr := s.IDs(ctx)
	_, artifactErr := s.Artifact(ctx, hello)
	for i, err := range []error{
		claimErr, loadErr, idsErr, artifactErr, s.Append(ctx, "wine", 1, 1, nil), s.SaveSnapshot(ctx, "wine", 1, 1, nil),
		s.Delete(ctx, "wine", 1), s.PutArtifact(ctx, hello, []byte("hello")),
		s.RetainArtifacts(ctx, 0, func(string) bool { return true }),
	} {
		if !errors.Is(err, persistence.ErrClosed) {
			t.Errorf("method %d: error %v, want ErrClosed", i, err)
		}
	}
}
