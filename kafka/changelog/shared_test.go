package changelog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/persistence"
)

var ctx = context.Background()

// patience bounds what a test waits for; it is never waited for longer than it
// takes.
const patience = time.Minute

func wantFenced(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.As(err, new(*persistence.FencedError)) {
		t.Errorf("%s: error %v, want a FencedError", what, err)
	}
}

func claim(t testing.TB, s *Store, id string) uint64 {
	t.Helper()
	epoch, err := s.Claim(ctx, id)
	must(t, err)
	return epoch
}

// frozen is a store whose tail stands still while it is frozen, as that of a
// process that was stopped between its write and the read-back.
type frozen struct {
	mu sync.Mutex
}

func (f *frozen) gate() {
	f.mu.Lock()
	defer f.mu.Unlock()
}

func frozenStore(t testing.TB, p *place) (*Store, *frozen) {
	t.Helper()
	f := &frozen{}
	s, err := New(Options{Config: p.config, Kafka: &p.kafka, Log: quiet()})
	must(t, err)
	s.gate = f.gate
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Restore(ctx))
	return s, f
}

// landed waits until the log has a number of records more than the given store
// has read of it.
func landed(t testing.TB, s *Store, more int64) {
	t.Helper()
	s.mu.Lock()
	want := more
	for _, at := range s.position {
		want += at
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		ends, err := s.admin.ListEndOffsets(ctx, s.config.Topic)
		must(t, err)
		have := int64(0)
		ends.Each(func(o kadm.ListedOffset) { have += o.Offset })
		if have >= want {
			return
		}
	}
}

// A zombie's view is old, so it does not know better than to write: the log
// refuses it.
func TestZombieBetweenWriteAndReadBack(t *testing.T) {
	p := fakePlace(t)
	p.config.Partitions = 1
	zombie, freeze := frozenStore(t, p)
	old := claim(t, zombie, "wine")
	must(t, zombie.Append(ctx, "wine", old, 1, []byte("one")))
	heir := p.store()

	writes := map[string]func() error{
		"event":    func() error { return zombie.Append(ctx, "wine", old, 2, []byte("late")) },
		"snapshot": func() error { return zombie.SaveSnapshot(ctx, "wine", old, 1, []byte("late")) },
		"delete":   func() error { return zombie.Delete(ctx, "wine", old) },
	}
	for what, write := range writes {
		t.Run(what, func(t *testing.T) {
			freeze.mu.Lock()
			epoch := claim(t, heir, "wine")
			outcome := make(chan error, 1)
			go func() { outcome <- write() }()
			landed(t, heir, 1)
			if _, err := heir.probe(ctx, 0); err != nil { // it has read the zombie's record
				t.Fatal(err)
			}
			freeze.mu.Unlock()
			wantFenced(t, what, <-outcome)
			r, err := heir.Load(ctx, "wine")
			must(t, err)
			want := &persistence.Recovery{Events: []persistence.Event{{Seq: 1, Data: []byte("one")}}, LastSeq: 1}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("epoch %d (-want +got):\n%s", epoch, diff)
			}
			old = epoch // the next round's zombie believes itself to be the heir
		})
	}
}

// What came before the claim counts, although its writer learns of it only after.
func TestWriteBeforeTheClaimCounts(t *testing.T) {
	p := fakePlace(t)
	p.config.Partitions = 1
	slow, freeze := frozenStore(t, p)
	old := claim(t, slow, "wine")
	heir := p.store()
	freeze.mu.Lock()
	outcome := make(chan error, 1)
	go func() { outcome <- slow.Append(ctx, "wine", old, 1, []byte("in time")) }()
	landed(t, heir, 1)
	claim(t, heir, "wine")
	freeze.mu.Unlock()
	must(t, <-outcome)
	r, err := heir.Load(ctx, "wine")
	must(t, err)
	if len(r.Events) != 1 || string(r.Events[0].Data) != "in time" {
		t.Errorf("the heir loads %+v", r)
	}
	wantFenced(t, "the next event", slow.Append(ctx, "wine", old, 2, nil))
}

// Claims of several servers at once: each gets an epoch of its own.
func TestClaimsOfManyServers(t *testing.T) {
	p := fakePlace(t)
	const servers, claims = 3, 10
	epochs := make([][]uint64, servers)
	var wg sync.WaitGroup
	for i := range servers {
		s := p.store()
		wg.Go(func() {
			for range claims {
				epoch, err := s.Claim(ctx, "wine")
				if err != nil {
					t.Error(err)
				}
				epochs[i] = append(epochs[i], epoch)
			}
		})
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for _, of := range epochs {
		for _, epoch := range of {
			if seen[epoch] {
				t.Errorf("epoch %d was given twice", epoch)
			}
			seen[epoch] = true
		}
	}
}

// A write that was given up may land all the same; repeating it finds it.
func TestUnknownOutcomeIsRepeated(t *testing.T) {
	p := fakePlace(t)
	p.config.Partitions = 1
	s, freeze := frozenStore(t, p)
	epoch := claim(t, s, "wine")
	freeze.mu.Lock()
	short, cancel := context.WithCancel(ctx)
	outcome := make(chan error, 1)
	go func() { outcome <- s.Append(short, "wine", epoch, 1, []byte("one")) }()
	landed(t, s, 1)
	cancel()
	if err := <-outcome; !errors.Is(err, context.Canceled) {
		t.Errorf("a write that was given up: %v", err)
	}
	again := make(chan error, 2)
	go func() { again <- s.Append(ctx, "wine", epoch, 1, []byte("one")) }()
	landed(t, s, 2)
	freeze.mu.Unlock()
	must(t, <-again)
	var sequence *persistence.SequenceError
	if err := s.Append(ctx, "wine", epoch, 1, []byte("another")); !errors.As(err, &sequence) {
		t.Errorf("another event under its number: %v, want a SequenceError", err)
	}
	must(t, s.Append(ctx, "wine", epoch, 2, []byte("two")))
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = r.Read(b)
	return b
}

// chunkKeys returns what the artifacts topic holds of live chunks.
func chunkKeys(t testing.TB, p *place) map[string]int {
	t.Helper()
	s := p.store()
	live := map[string]int{}
	for partition := range s.chunkPartitions {
		ends, err := s.admin.ListEndOffsets(ctx, p.config.ArtifactsTopic)
		must(t, err)
		end, _ := ends.Lookup(p.config.ArtifactsTopic, partition)
		for at := int64(0); at < end.Offset; {
			records, next, err := s.chunks.fetch(ctx, partition, at, fetchBytes)
			must(t, err)
			for _, r := range records {
				if delete(live, string(r.Key)); r.Value != nil {
					live[string(r.Key)] = len(r.Value)
				}
			}
			at = next
		}
	}
	return live
}

// An artifact of one server is there for the others, in as many chunks as it
// takes.
func TestLargeArtifactIsShared(t *testing.T) {
	p := fakePlace(t)
	artifact := randomBytes(20 << 20)
	must(t, p.store().PutArtifact(ctx, digestOf(artifact), artifact))
	got, err := p.store().Artifact(ctx, digestOf(artifact))
	if err != nil || string(got) != string(artifact) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if n := len(chunkKeys(t, p)); n != 40 {
		t.Errorf("%d chunks of 512 KiB, want 40", n)
	}
}

// A crash between the chunks and the record that says that they are there leaves
// no artifact, and the janitor finds the chunks.
func TestCrashBetweenChunksAndPut(t *testing.T) {
	p := fakePlace(t)
	p.config.ChunkBytes = 1 << 10
	artifact := randomBytes(10_000)
	digest := digestOf(artifact)
	s := p.store()
	ref := reference{partition: uint32(partitionOf(digest, s.chunkPartitions)), size: 10_000, count: 10}
	announced := &key{kind: uploadKind, object: digest}
	_, err := s.write(ctx, announced, ref.encode())
	must(t, err)
	must(t, s.chunks.write(ctx, announced.upload, &ref, artifact))
	must(t, s.Close())

	s = p.store()
	if _, err := s.Artifact(ctx, digest); !errors.Is(err, persistence.ErrNotFound) {
		t.Errorf("half an artifact: %v, want ErrNotFound", err)
	}
	keepAll := func(string) bool { return true }
	must(t, s.RetainArtifacts(ctx, 0, keepAll))
	if n := len(chunkKeys(t, p)); n != 10 {
		t.Errorf("%d chunks are left of an upload that may be under way, want 10", n)
	}
	s.mu.Lock()
	s.view.artifact(digest).announced[announced.upload].time -= 2 * abandonedAfter.Milliseconds()
	s.mu.Unlock()
	must(t, s.RetainArtifacts(ctx, 0, keepAll))
	if n := len(chunkKeys(t, p)); n != 0 {
		t.Errorf("%d chunks are left of an upload that was given up", n)
	}
	// Should that server wake up, it is told.
	c, err := s.write(ctx, &key{kind: putKind, upload: announced.upload, object: digest}, ref.encode())
	if err != nil || c.verdict != fenced {
		t.Errorf("the put of an upload that was given up: verdict %v, %v", c.verdict, err)
	}
	must(t, s.PutArtifact(ctx, digest, artifact))
	if got, err := p.store().Artifact(ctx, digest); string(got) != string(artifact) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// An artifact that one server touches while another drops it is not lost: the
// touch is seen, or refused and the artifact uploaded again.
func TestPutBesideTheJanitor(t *testing.T) {
	p := fakePlace(t)
	p.config.ChunkBytes = 1 << 10
	artifact := randomBytes(3_000)
	digest := digestOf(artifact)
	janitor, user := p.store(), p.store()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			if err := janitor.RetainArtifacts(ctx, 0, func(string) bool { return false }); err != nil {
				t.Error(err)
			}
		}
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		if err := user.PutArtifact(ctx, digest, artifact); err != nil && !errors.Is(err, errCondemned) {
			t.Fatal(err)
		}
	}
	got, err := p.store().Artifact(ctx, digest)
	if err != nil || string(got) != string(artifact) {
		t.Fatalf("after a last put: %d bytes, %v", len(got), err)
	}
	must(t, janitor.RetainArtifacts(ctx, 0, func(string) bool { return true }))
	if n := len(chunkKeys(t, p)); n != 3 {
		t.Errorf("%d chunks are left, want those of one upload", n)
	}
}

// A chunk that is not what was written is found by the digest.
func TestDamagedChunk(t *testing.T) {
	p := fakePlace(t)
	s := p.store()
	artifact := randomBytes(100_000)
	digest := digestOf(artifact)
	other := append([]byte{}, artifact...)
	other[50_000] ^= 1
	must(t, s.upload(ctx, digest, other)) // as if a bit had changed on its way
	var damage *persistence.DamageError
	if _, err := s.Artifact(ctx, digest); !errors.As(err, &damage) {
		t.Fatalf("error %v, want a DamageError", err)
	}
	must(t, s.PutArtifact(ctx, digest, artifact))
	if got, err := s.Artifact(ctx, digest); string(got) != string(artifact) {
		t.Errorf("after it was put again: %d bytes, %v", len(got), err)
	}
}

// The sweeper leaves of an id what is needed: two snapshots, the events after the
// older one, the claim.
func TestSweeperLeavesWhatIsNeeded(t *testing.T) {
	p := fakePlace(t)
	s := p.store()
	for round := range 5 {
		epoch := claim(t, s, "wine")
		for i := range 10 {
			seq := uint64(10*round + i + 1)
			must(t, s.Append(ctx, "wine", epoch, seq, nil))
			must(t, s.SaveSnapshot(ctx, "wine", epoch, seq, nil))
		}
	}
	awaitClean(t, s, "wine")
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []string
	for _, e := range s.view.ids["wine"].entries {
		left = append(left, e.key.String())
	}
	want := `claim 5 of "wine", snapshot 49 of "wine", event 50 of "wine", snapshot 50 of "wine"`
	if got := strings.Join(left, ", "); got != want {
		t.Errorf("what is left is %s, want %s", got, want)
	}
}

// awaitClean waits until nothing of an id is dead and without a tombstone.
func awaitClean(t testing.TB, s *Store, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		s.mu.Lock()
		left := len(s.view.ids[id].garbage)
		s.mu.Unlock()
		if left == 0 {
			return
		}
		_, err := s.probe(ctx, partitionOf(id, s.partitions))
		must(t, err)
	}
}

// Two servers at work on the same ids, the topic compacted again and again: every
// reader, old or new, says the same.
func TestReadersAgreeOverCompaction(t *testing.T) {
	cluster := kafkatest.Fake(t)
	p := newPlace(t, cluster.ListenAddrs())
	stores := []*Store{p.store(), p.store(), p.store()}
	ids := []string{"wine", "iris", "wine@node1"}
	r := rand.New(rand.NewPCG(1, 2))
	epochs := map[string]uint64{}
	for step := range 300 {
		s, id := stores[r.IntN(len(stores))], ids[r.IntN(len(ids))]
		mine := fmt.Sprint(id, s.writer)
		if epochs[mine] == 0 || r.IntN(10) == 0 {
			epochs[mine] = claim(t, s, id)
		}
		recovery, err := s.Load(ctx, id)
		must(t, err)
		switch r.IntN(12) {
		case 0:
			err = s.Delete(ctx, id, epochs[mine])
		case 1, 2, 3:
			err = s.SaveSnapshot(ctx, id, epochs[mine], recovery.LastSeq, fmt.Append(nil, "snapshot ", step))
		default:
			err = s.Append(ctx, id, epochs[mine], recovery.LastSeq+1, fmt.Append(nil, "event ", step))
		}
		if err != nil && !errors.As(err, new(*persistence.FencedError)) && !errors.As(err, new(*persistence.SequenceError)) {
			t.Fatal(err)
		}
		if step%20 == 0 {
			cluster.Compact()
		}
	}
	cluster.Compact()
	reader := p.store()
	for _, id := range ids {
		want, err := reader.Load(ctx, id)
		must(t, err)
		for i, s := range stores {
			_, err := s.probe(ctx, partitionOf(id, s.partitions))
			must(t, err)
			got, err := s.Load(ctx, id)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("store %d about %q (-new reader +it):\n%s", i, id, diff)
			}
		}
	}
}

// A foreign record is ignored, and an id's record in a wrong partition is not.
func TestForeignRecords(t *testing.T) {
	p := fakePlace(t)
	s := p.store()
	for _, r := range []*kgo.Record{
		{Key: []byte("?"), Value: []byte("?")},
		{Key: nil, Value: []byte("no key")},
		{Key: make([]byte, 100), Value: nil},
	} {
		r.Topic = p.config.Topic
		must(t, s.client.ProduceSync(ctx, r).FirstErr())
	}
	epoch := claim(t, s, "wine")
	must(t, s.Append(ctx, "wine", epoch, 1, nil))
	if r, err := p.store().Load(ctx, "wine"); err != nil || r.LastSeq != 1 {
		t.Errorf("beside foreign records: %+v, %v", r, err)
	}
	k := (&key{kind: claimKind, epoch: 9, object: "wine"}).encode()
	wrong := &kgo.Record{Topic: p.config.Topic, Partition: 1 - partitionOf("wine", 2), Key: k, Value: seal(k, nil)}
	must(t, s.client.ProduceSync(ctx, wrong).FirstErr())
	var topic *TopicError
	if _, err := p.open(); !errors.As(err, &topic) || !strings.Contains(err.Error(), "partitions were added") {
		t.Errorf("a record in a wrong partition: %v, want a TopicError", err)
	}
}
