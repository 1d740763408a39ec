package kafka

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

func TestBatchesGroupRecordsByDataTypeOverPartitions(t *testing.T) {
	w := newWorld(t)
	w.config.Records.BatchRecords = 4
	for p := range int32(2) {
		w.produce(p, "wine", "1", "2", "3")
		w.produce(p, "beer", "4")
	}
	in := w.start()
	w.read("out", 8)
	records := map[string]int{}
	for _, b := range in.scorer.seen() {
		if len(b.Records) > 4 {
			t.Errorf("a batch has %d records, want at most 4", len(b.Records))
		}
		if b.Source.Topic != "in" || b.Deadline.IsZero() {
			t.Errorf("batch without source or deadline: %+v", b)
		}
		records[b.DataType] += len(b.Records)
	}
	if records["wine"] != 6 || records["beer"] != 2 {
		t.Errorf("records by data type: %v", records)
	}
}

func TestATransientFailureIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.produce(0, "wine", numbers(0, 10)...)
	in := w.start(func(c *Config) { c.Records.RetryBackoff = time.Millisecond })
	var mu sync.Mutex
	failed := 0
	in.scorer.set(func(b *record.Batch) *record.Scored {
		mu.Lock()
		defer mu.Unlock()
		if failed++; failed <= 2 {
			return failWith(&model.TransientError{Reason: "busy"})(b)
		}
		return echo(b)
	})
	if got := values(w.read("out", 10))[0]; !slices.Equal(got, numbers(0, 10)) {
		t.Errorf("results %v", got)
	}
}

func TestAMissingAnswerIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) { c.Records.ScoringTimeout = 50 * time.Millisecond })
	in.scorer.set(silent)
	w.produce(0, "wine", numbers(0, 5)...)
	eventually(t, "the batch is sent a second time", func() bool { return len(in.scorer.seen()) >= 2 })
	seen := in.scorer.seen()
	first, second := seen[0], seen[1]
	if first == second || &first.Records[0] != &second.Records[0] {
		t.Error("the second attempt must be a batch of its own over the same records")
	}
	if !second.Deadline.After(first.Deadline) {
		t.Error("the second attempt has no later deadline")
	}
	in.scorer.set(echo)
	in.scorer.answer(echo(second))
	in.scorer.answer(echo(first)) // late: discarded
	in.scorer.answer(echo(second))
	w.produce(0, "wine", numbers(5, 10)...)
	if got := values(w.read("out", 10))[0]; !slices.Equal(got, numbers(0, 10)) {
		t.Errorf("results %v", got)
	}
	in.drain(t)
	if n := w.count("out"); n != 10 {
		t.Errorf("%d results, want 10: late answers must not count", n)
	}
}

func TestABatchIsGivenUpAfterItsAttempts(t *testing.T) {
	for name, c := range map[string]struct {
		respond func(*record.Batch) *record.Scored
		sent    int
		class   string
		reason  string
	}{
		"transient":  {failWith(&model.TransientError{Reason: "busy"}), 3, "ScoringFailed", "busy"},
		"no answer":  {silent, 3, "ScoringFailed", "no answer within"},
		"failed":     {failWith(errors.New("all generations panicked")), 1, "ScoringFailed", "all generations panicked"},
		"too few":    {func(b *record.Batch) *record.Scored { return &record.Scored{Batch: b} }, 1, "ScoringFailed", "answered 0 of 2"},
		"no failure": {func(b *record.Batch) *record.Scored { s := echo(b); s.Failures = []model.RowError{{Row: 0}}; return s }, 1, "ScoringFailed", "failure of record 0 of 2 is none"},
		"failure of no row": {func(b *record.Batch) *record.Scored {
			s := echo(b)
			s.Failures = []model.RowError{{Row: 2, Err: &model.RecordError{}}}
			return s
		}, 1, "ScoringFailed", "failure of record 2 of 2 is none"},
		"passed over": {func(b *record.Batch) *record.Scored {
			return &record.Scored{Batch: b, Ends: make([]int32, len(b.Records))}
		}, 1, "ScoringFailed", "neither a result nor an error"},
		"out of bounds": {func(b *record.Batch) *record.Scored { return &record.Scored{Batch: b, Ends: []int32{5, 9}} }, 1, "ScoringFailed", "out of bounds"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			in := w.start(func(c *Config) {
				c.Records.Attempts, c.Records.RetryBackoff = 3, time.Millisecond
				c.Records.ScoringTimeout = 20 * time.Millisecond
			})
			in.scorer.set(c.respond)
			w.produce(1, "wine", "a", "b")
			dead := w.read("dead", 2)
			if got := values(dead)[1]; !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("dead letters %v", got)
			}
			if got := header(dead[0], headerExceptionMessage); !strings.Contains(got, c.reason) {
				t.Errorf("reason %q does not say %q", got, c.reason)
			}
			if got := header(dead[0], headerExceptionClass); got != c.class {
				t.Errorf("class %q, want %q", got, c.class)
			}
			if n := len(in.scorer.seen()); n != c.sent {
				t.Errorf("sent %d times, want %d", n, c.sent)
			}
			in.scorer.set(echo)
			w.produce(1, "wine", "c")
			w.read("out", 1)
			in.drain(t)
			if at := w.committed(1); at != 3 {
				t.Errorf("committed %d, want 3", at)
			}
		})
	}
}

func TestRecordsWithoutAModel(t *testing.T) {
	noModel := failWith(record.ErrNoModel)
	t.Run("drop", func(t *testing.T) {
		w := newWorld(t)
		in := w.start()
		in.scorer.set(noModel)
		w.produce(0, "wine", "a", "b")
		eventually(t, "both are dropped", func() bool { return in.Stats().Dropped == 2 })
		in.drain(t)
		if at := w.committed(0); at != 2 {
			t.Errorf("committed %d, want 2", at)
		}
	})
	t.Run("dead-letter", func(t *testing.T) {
		w := newWorld(t)
		in := w.start(func(c *Config) { c.Records.NoModel = NoModelDeadLetter })
		in.scorer.set(noModel)
		w.produce(0, "wine", "a", "b")
		dead := w.read("dead", 2)
		if header(dead[0], headerExceptionClass) != "NoModel" {
			t.Errorf("headers %v", dead[0].Headers)
		}
	})
	for name, answer := range map[string]func(*record.Batch) *record.Scored{"no model": noModel, "silent": silent} {
		t.Run("hold/"+name, func(t *testing.T) {
			w := newWorld(t)
			in := w.start(func(c *Config) {
				c.Records.NoModel, c.Records.Attempts = NoModelHold, 1
				c.Records.ScoringTimeout, c.Records.RetryBackoff = 20*time.Millisecond, time.Millisecond
			})
			in.scorer.set(answer)
			w.produce(0, "wine", "a", "b")
			eventually(t, "it is asked for many times", func() bool { return len(in.scorer.seen()) > 3 })
			in.scorer.set(echo)
			if got := values(w.read("out", 2))[0]; !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("results %v", got)
			}
		})
	}
}

func TestAHeldDataTypeDoesNotDelayOtherPartitions(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) {
		c.Records.PollRecords, c.Records.InFlightRecords = 10, 20
		c.Records.HoldAfter = 50 * time.Millisecond
		c.Records.NoModel = NoModelHold
	})
	in.scorer.set(func(b *record.Batch) *record.Scored {
		if b.DataType == "wine" {
			return nil
		}
		return echo(b)
	})
	w.produce(0, "wine", numbers(0, 200)...)
	eventually(t, "partition 0 is held", func() bool {
		s := in.Stats()
		return len(s.Partitions) > 0 && slices.ContainsFunc(s.Partitions, func(p PartitionLag) bool { return p.Held })
	})
	w.produce(1, "beer", numbers(0, 200)...)
	w.read("out", 200)
	if n := in.Stats().Held; n == 0 || n > 20 {
		t.Errorf("%d records are held, want some and at most 20", n)
	}
	// The model comes: what was held is scored, and the partition read on.
	in.scorer.set(echo)
	for _, b := range in.scorer.seen() {
		in.scorer.answer(echo(b))
	}
	if got := values(w.read("out", 400))[0]; !slices.Equal(got, numbers(0, 200)) {
		t.Errorf("results of partition 0: %v", got)
	}
	eventually(t, "nothing is held", func() bool { return in.Stats().Held == 0 })
}

// TestASlowModelIsWaitedFor: however much waits, only so many batches are with
// a model, and only theirs deadlines run.
func TestASlowModelIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) {
		c.Records.BatchRecords, c.Records.UnansweredBatches = 1, 2
		c.Records.Attempts, c.Records.ScoringTimeout = 1, 300*time.Millisecond
		c.Records.HoldAfter = time.Hour
	})
	in.scorer.set(silent)
	const n = 30
	model := time.NewTicker(20 * time.Millisecond) // how long it takes for a batch
	defer model.Stop()
	w.produce(0, "wine", numbers(0, n)...)
	for answered := range n { // all of them take twice the deadline
		eventually(t, "the next batches are with the model", func() bool { return len(in.scorer.seen()) >= min(answered+2, n) })
		if asked := len(in.scorer.seen()) - answered; asked > 2 {
			t.Fatalf("%d batches are with the model, want at most 2", asked)
		}
		<-model.C
		in.scorer.answer(echo(in.scorer.seen()[answered]))
	}
	if got := values(w.read("out", n))[0]; !slices.Equal(got, numbers(0, n)) {
		t.Errorf("results %v", got)
	}
	if s := in.Stats(); s.DeadLettered > 0 {
		t.Errorf("%d records were given up", s.DeadLettered)
	}
}

func TestWorkInFlightIsBounded(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) {
		c.Records.PollRecords, c.Records.InFlightRecords = 8, 16
		c.Records.HoldAfter = time.Hour
	})
	in.scorer.set(silent)
	w.produce(0, "wine", numbers(0, 100)...)
	eventually(t, "the window is full", func() bool { return in.Stats().InFlight >= 12 })
	release := func() (n int) {
		for _, b := range in.scorer.seen() {
			n += len(b.Records)
		}
		return n
	}
	if n := release(); n > 16 {
		t.Fatalf("%d records were handed out, want at most 16", n)
	}
	in.scorer.set(echo)
	for _, b := range in.scorer.seen() {
		in.scorer.answer(echo(b))
	}
	if got := values(w.read("out", 100))[0]; !slices.Equal(got, numbers(0, 100)) {
		t.Errorf("results %v", got)
	}
}
