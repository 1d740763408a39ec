package changelog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// alter sets configurations of a topic.
func alter(t testing.TB, s *Store, topic string, configs map[string]string) {
	t.Helper()
	var all []kadm.AlterConfig
	for k, v := range configs {
		all = append(all, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &v})
	}
	answers, err := s.admin.AlterTopicConfigs(ctx, all, topic)
	must(t, err)
	for _, a := range answers {
		must(t, a.Err)
	}
}

// The cleaner of the real broker, as eager as it can be made: it takes what is
// dead, and what a new reader reads is what an old one knows.
func TestRealCompaction(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{Overrides: map[string]string{
		"log.cleaner.backoff.ms": "50", "log.cleaner.min.cleanable.ratio": "0.001",
	}})
	p := newPlace(t, b.Seeds(kafkatest.Plaintext))
	p.config.Partitions = 1
	p.config.MaxRecordBytes = minRecordBytes
	s := p.store()
	alter(t, s, p.config.Topic, map[string]string{
		"segment.bytes": "1048576", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
		"max.compaction.lag.ms": "100", "min.compaction.lag.ms": "0",
	})
	const ids, events = 20, 40
	write := func(s *Store, id string, round int) {
		epoch := claim(t, s, id)
		for i := range events {
			seq := uint64(round*events + i + 1)
			must(t, s.Append(ctx, id, epoch, seq, fmt.Append(nil, "event ", seq, strings.Repeat(".", 1000))))
			if i%7 == 6 {
				must(t, s.SaveSnapshot(ctx, id, epoch, seq, fmt.Append(nil, "snapshot ", seq)))
			}
		}
	}
	for round := range 3 { // a new owner each round
		for i := range ids {
			write(s, fmt.Sprint("type ", i), round)
		}
		s = p.store()
	}
	epoch := claim(t, s, "type 0")
	must(t, s.Delete(ctx, "type 0", epoch))
	total := awaitCleaner(t, p, s, 6*ids*3)
	reader := p.store()
	for i := range ids {
		id := fmt.Sprint("type ", i)
		want, err := s.Load(ctx, id)
		must(t, err)
		got, err := reader.Load(ctx, id)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-before +after):\n%s", id, diff)
		}
		if i > 0 && (got.LastSeq != 3*events || got.Snapshot == nil || len(got.Damaged) > 0) {
			t.Errorf("%s: snapshot %d, last %d, damaged %v", id, got.SnapshotSeq, got.LastSeq, got.Damaged)
		}
		wantFenced(t, id, reader.Append(ctx, id, 1, got.LastSeq+1, nil))
	}
	t.Logf("of %d records, a new reader read %d", total, reader.records)
}

// awaitCleaner writes until a new reader finds at most so many records.
func awaitCleaner(t testing.TB, p *place, s *Store, most int64) (written int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if _, err := s.probe(ctx, s.allPartitions()...); err != nil { // rolls the segment
			t.Fatalf("the cleaner does not come to its end: %v", err)
		}
		r, err := p.open()
		must(t, err)
		records := r.records
		must(t, r.Close())
		if records <= most {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.position[0]
		}
	}
}

// A broker that is killed, frozen and restarted delays writes and loses none.
func TestBrokerGoesAndComes(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{})
	p := newPlace(t, b.Seeds(kafkatest.Plaintext))
	s := p.store()
	epoch := claim(t, s, "wine")
	seq := uint64(0)
	during := func(what string, outage, end func() error) {
		t.Helper()
		must(t, outage())
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		if err := s.Append(short, "wine", epoch, seq+1, []byte(what)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: a write ends with %v, want its deadline", what, err)
		}
		if r, err := s.Load(ctx, "wine"); err != nil || r.LastSeq != seq {
			t.Errorf("%s: reading needs no broker: %+v, %v", what, r, err)
		}
		must(t, end())
		long, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		must(t, s.Append(long, "wine", epoch, seq+1, []byte(what))) // the same again
		seq++
	}
	during("killed", func() error { b.Kill(); return nil }, func() error { return b.Start(ctx) })
	during("frozen", b.Freeze, b.Continue)
	during("stopped", func() error { return b.Stop(ctx) }, func() error { return b.Start(ctx) })
	r, err := p.store().Load(ctx, "wine")
	must(t, err)
	if len(r.Events) != 3 || len(r.Damaged) != 0 {
		t.Errorf("after the outages: %+v", r)
	}
}

// A store that is made while the broker is away comes up with it.
func TestRestoreWaitsForTheBroker(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{})
	p := newPlace(t, b.Seeds(kafkatest.Plaintext))
	s := p.store()
	must(t, s.Append(ctx, "wine", claim(t, s, "wine"), 1, nil))
	b.Kill()
	late, err := New(Options{Config: p.config, Kafka: &p.kafka, Log: quiet()})
	must(t, err)
	t.Cleanup(func() { _ = late.Close() })
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := late.Restore(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a broker: %v", err)
	}
	if _, err := late.IDs(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("before it is restored: %v", err)
	}
	must(t, b.Start(ctx))
	must(t, late.Restore(ctx))
	if ids, err := late.IDs(ctx); err != nil || len(ids) != 1 {
		t.Errorf("ids %q, %v", ids, err)
	}
}

// Bytes that rot on the broker's disk are found by Kafka's own checksum. The
// topic cannot be read past them, and that is said.
func TestRottenSegment(t *testing.T) {
	dir := t.TempDir()
	b := kafkatest.Run(t, kafkatest.Config{Dir: dir})
	p := newPlace(t, b.Seeds(kafkatest.Plaintext))
	p.config.Partitions = 1
	s := p.store()
	epoch := claim(t, s, "wine")
	for seq := range uint64(5) {
		must(t, s.Append(ctx, "wine", epoch, seq+1, fmt.Append(nil, "the content of event ", seq+1)))
	}
	must(t, s.Close())
	must(t, b.Stop(ctx))
	var rotted int
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".log") || !strings.Contains(path, p.config.Topic+"-0") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if at := strings.Index(string(data), "content of event 3"); at >= 0 {
			data[at] ^= 1
			rotted++
			return os.WriteFile(path, data, 0o600)
		}
		return nil
	}))
	if rotted != 1 {
		t.Fatalf("%d segments hold event 3", rotted)
	}
	must(t, b.Start(ctx))
	s = p.store()
	r, err := s.Load(ctx, "wine")
	must(t, err)
	var damaged []string
	for _, d := range r.Damaged {
		damaged = append(damaged, d.What)
	}
	if len(r.Events) != 4 || r.LastSeq != 5 || strings.Join(damaged, ", ") != `event 3 of "wine"` {
		t.Errorf("%d events, last %d, damaged %q", len(r.Events), r.LastSeq, damaged)
	}
	must(t, s.Append(ctx, "wine", claim(t, s, "wine"), 6, nil))
}
