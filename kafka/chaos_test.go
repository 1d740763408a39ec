package kafka

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// TestChaos: answers come late, never, twice, in any order or as errors, the
// broker refuses results and commits now and then, and records are malformed.
// Still each record has its result or its dead letter, once, in order.
func TestChaos(t *testing.T) {
	t.Run("in order", func(t *testing.T) { chaos(t, true) })
	// What the client holds behind a record that is refused may get there first:
	// with at-least-once delivery, the order is not promised then.
	t.Run("permissions come and go", func(t *testing.T) { chaos(t, false) })
}

func chaos(t *testing.T, ordered bool) {
	w := newWorld(t)
	const n = 600
	for p := range int32(testPartitions) {
		for i := 0; i < n; i += 5 {
			w.produce(p, []string{"wine", "beer", "tea", "water"}[i/5%4], numbers(i, i+5)...)
		}
	}
	if !ordered {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TopicAuthorizationFailed, Count: -1, When: now1in(20)})
	}
	refused := w.cluster.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.NotLeaderForPartition, Count: -1, When: now1in(60)},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.OffsetMetadataTooLarge, Count: -1, When: now1in(3)},
	)
	in := w.start(func(c *Config) {
		c.Records.PollRecords, c.Records.InFlightRecords, c.Records.BatchRecords = 40, 120, 7
		c.Records.ScoringTimeout, c.Records.RetryBackoff = 150*time.Millisecond, time.Millisecond
		c.Records.MaxRetryBackoff, c.Records.Attempts = 5*time.Millisecond, 1000
		c.Records.HoldAfter = 100 * time.Millisecond
	})
	in.scorer.set((&moody{scorer: in.scorer, rng: rand.New(rand.NewPCG(1, 2))}).score)
	eventually(t, "everything is committed", func() bool {
		return w.committed(0) == n && w.committed(1) == n && w.committed(2) == n
	})
	in.drain(t)
	if refused.Hits() == 0 {
		t.Error("the broker refused nothing: the test does not test")
	}
	isBad := func(v string) bool { return v[len(v)-1] == '7' }
	results := values(w.read("out", int(w.count("out"))))
	dead := values(w.read("dead", int(w.count("dead"))))
	for p := range int32(testPartitions) {
		if !ordered {
			for _, got := range [][]string{results[p], dead[p]} {
				slices.SortFunc(got, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
			}
		}
		good := slices.DeleteFunc(numbers(0, n), isBad)
		bad := slices.DeleteFunc(numbers(0, n), func(v string) bool { return !isBad(v) })
		if !slices.Equal(results[p], good) {
			t.Errorf("partition %d: %d results, want %d: %s", p, len(results[p]), len(good), firstDifference(results[p], good))
		}
		if !slices.Equal(dead[p], bad) {
			t.Errorf("partition %d: %d dead letters, want %d, in order", p, len(dead[p]), len(bad))
		}
	}
}

// now1in returns a condition that is true for about one request in n. Only the
// cluster's goroutine asks it.
func now1in(n int) func(kmsg.Request) bool {
	rng := rand.New(rand.NewPCG(uint64(n), 0))
	return func(kmsg.Request) bool { return rng.IntN(n) == 0 }
}

// moody is a scorer of changing moods. Payloads that end in 7 are malformed.
type moody struct {
	scorer *fakeScorer

	mu   sync.Mutex
	rng  *rand.Rand
	kept []*record.Scored // to be answered later
}

func (m *moody) score(b *record.Batch) *record.Scored {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := &record.Scored{Batch: b}
	for i, r := range b.Records {
		if r.Payload[len(r.Payload)-1] == '7' {
			answer.Failures = append(answer.Failures, model.RowError{Row: i, Err: &model.RecordError{Kind: model.Malformed}})
		} else {
			answer.Payloads = append(answer.Payloads, r.Payload...)
		}
		answer.Ends = append(answer.Ends, int32(len(answer.Payloads)))
	}
	for len(m.kept) > 0 && m.rng.IntN(3) == 0 { // an older one, in any order
		i := m.rng.IntN(len(m.kept))
		m.scorer.answer(m.kept[i])
		m.kept = slices.Delete(m.kept, i, i+1)
	}
	switch m.rng.IntN(12) {
	case 0:
		return nil // never
	case 1:
		return &record.Scored{Batch: b, Err: &model.TransientError{Reason: "a mood"}}
	case 2:
		m.scorer.answer(answer) // twice
		return answer
	case 3, 4, 5, 6:
		m.kept = append(m.kept, answer)
		return nil
	}
	return answer
}
