package changelog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/persistence"
)

// Restoring ends at the end as of its start, and tells what it has read.
func TestRestoreShowsProgress(t *testing.T) {
	p := fakePlace(t)
	s := p.store()
	const ids = 200
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			id := fmt.Sprint("type ", i)
			epoch, err := s.Claim(ctx, id)
			if err == nil {
				err = s.SaveSnapshot(ctx, id, epoch, 1, make([]byte, 1000))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, s.Close())

	var told []Progress
	s = p.store(func(o *Options) { o.Progress = func(p Progress) { told = append(told, p) } })
	got, err := s.IDs(ctx)
	must(t, err)
	last := told[len(told)-1]
	if len(got) != ids || !last.Done || last.Percent != 100 || last.Records < 2*ids || last.Bytes < 1000*ids || last.Took <= 0 {
		t.Errorf("%d ids, progress %+v", len(got), last)
	}
	for _, p := range told[:len(told)-1] {
		if p.Done || p.Percent < 0 || p.Percent > 100 {
			t.Errorf("progress %+v", p)
		}
	}
}

// A topic that ends with a transaction's marker, or with nothing where records
// were compacted away, has an end all the same.
func TestRestoreEndsAtAMarker(t *testing.T) {
	b := broker.Get(t)
	p := newPlace(t, b.Seeds(kafkatest.Plaintext))
	s := p.store()
	must(t, s.Append(ctx, "wine", claim(t, s, "wine"), 1, nil))
	opts, err := p.kafka.ClientOptions(quiet())
	must(t, err)
	foreigner, err := kgo.NewClient(append(opts, kgo.TransactionalID(p.config.Topic), kgo.DefaultProduceTopic(p.config.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	must(t, err)
	defer foreigner.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		must(t, foreigner.BeginTransaction())
		for partition := range p.config.Partitions {
			must(t, foreigner.ProduceSync(ctx, &kgo.Record{Partition: partition, Key: []byte("foreign"), Value: nil}).FirstErr())
		}
		must(t, foreigner.EndTransaction(ctx, end))
		if r, err := p.store().Load(ctx, "wine"); err != nil || r.LastSeq != 1 {
			t.Errorf("behind a marker: %+v, %v", r, err)
		}
	}
}

// What cannot hold a store is refused, with the way to mend it.
func TestUnfitTopics(t *testing.T) {
	for name, test := range map[string]struct {
		configs map[string]string
		of      func(c *Config) string // the topic that has them
		change  func(c *Config)
		want    string
	}{
		"not compacted": {
			configs: map[string]string{"cleanup.policy": "delete"}, of: func(c *Config) string { return c.Topic },
			want: "cleanup.policy=delete and would lose state: set it to compact",
		},
		"compacted and deleted": {
			configs: map[string]string{"cleanup.policy": "compact,delete"}, of: func(c *Config) string { return c.Topic },
			want: "would lose state",
		},
		"artifacts are not compacted": {
			configs: map[string]string{"cleanup.policy": "delete"}, of: func(c *Config) string { return c.ArtifactsTopic },
			want: "would lose state",
		},
		"records are too small": {
			configs: map[string]string{"cleanup.policy": "compact", "max.message.bytes": "100000"}, of: func(c *Config) string { return c.Topic },
			want: "has max.message.bytes=100000: set it to 67112960, or lower store.kafka.max_record_bytes",
		},
		"chunks are too small": {
			configs: map[string]string{"cleanup.policy": "compact", "max.message.bytes": "100000"}, of: func(c *Config) string { return c.ArtifactsTopic },
			want: "set it to 528384, or lower store.kafka.chunk_bytes",
		},
		"missing": {
			change: func(c *Config) { c.CreateTopics = false },
			want:   "does not exist: create it with cleanup.policy=compact",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := fakePlace(t)
			if test.of != nil {
				must(t, kafkatest.CreateTopic(ctx, p.kafka.Brokers, test.of(&p.config), 1, test.configs))
			}
			if test.change != nil {
				test.change(&p.config)
			}
			_, err := p.open()
			var topic *TopicError
			if !errors.As(err, &topic) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want a TopicError with %q", err, test.want)
			}
		})
	}
}

// A topic that loses records while it is read is noticed: nothing is written on
// top of what is not known any more.
func TestTopicMadeAnew(t *testing.T) {
	p := fakePlace(t)
	s := p.store()
	epoch := claim(t, s, "wine")
	must(t, s.Append(ctx, "wine", epoch, 1, nil))
	_, err := s.admin.DeleteTopic(ctx, p.config.Topic)
	must(t, err)
	must(t, kafkatest.CreateTopic(ctx, p.kafka.Brokers, p.config.Topic, 2, map[string]string{"cleanup.policy": "compact"}))
	patience, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var topic *TopicError
		short, cancel := context.WithTimeout(patience, 100*time.Millisecond)
		err := s.Append(short, "wine", epoch, 2, nil)
		cancel()
		if errors.As(err, &topic) {
			break
		}
		if err == nil || patience.Err() != nil {
			t.Fatalf("an event on top of a topic that was made anew: %v", err)
		}
	}
}

// Some errors of reading pass, and some mean that what the store knows is not
// what the topic has: then it is of no use, and says so.
func TestErrorsOfReading(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		times  int
		broken string
	}{
		"a leader moves":       {kerr.NotLeaderForPartition, 1000, ""},
		"data once unreadable": {errors.New("encoded length 3 does not match read length 4"), unreadableAfter, ""},
		"data is unreadable":   {errors.New("encoded length 3 does not match read length 4"), unreadableAfter + 1, "is damaged"},
		"records are gone":     {kerr.OffsetOutOfRange, 1, "has lost records"},
		"a leader lost some":   {&kgo.ErrDataLoss{}, 1, "has lost records"},
		"a broker comes up":    {kerr.UnknownTopicID, 3, ""},
		"access is denied":     {kerr.TopicAuthorizationFailed, 1, "grant it Read"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakePlace(t).store()
			for range test.times {
				s.fetchFailed(&kgo.FetchError{Topic: "state", Err: test.err})
			}
			_, err := s.Load(ctx, "wine")
			switch {
			case test.broken == "" && err != nil:
				t.Errorf("error %v", err)
			case test.broken != "" && (err == nil || !strings.Contains(err.Error(), test.broken)):
				t.Errorf("error %v, want %q", err, test.broken)
			}
		})
	}
}

// After Close every method says so, also those that were waiting.
func TestClosed(t *testing.T) {
	p := fakePlace(t)
	s, freeze := frozenStore(t, p)
	epoch := claim(t, s, "wine")
	freeze.mu.Lock()
	waiting := make(chan error, 1)
	go func() { waiting <- s.Append(ctx, "wine", epoch, 1, nil) }()
	landed(t, s, 1)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := <-waiting; !errors.Is(err, persistence.ErrClosed) {
		t.Errorf("a write that was waiting: %v", err)
	}
	freeze.mu.Unlock()
	must(t, <-closed)
	_, claimErr := s.Claim(ctx, "wine")
	_, loadErr := s.Load(ctx, "wine")
	_, artifactErr := s.Artifact(ctx, digestOf(nil))
	for what, err := range map[string]error{
		"claim": claimErr, "load": loadErr, "artifact": artifactErr, "restore": s.RetainArtifacts(ctx, 0, func(string) bool { return true }),
	} {
		if !errors.Is(err, persistence.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
