package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/record"
)

func exactlyOnce(c *Config) { c.Delivery = ExactlyOnce }

// committedRecords returns what a reader of committed records sees of a topic up
// to its end.
func (w *world) committedRecords(topic string) []*kgo.Record {
	w.t.Helper()
	topic = w.prefix + topic
	ctx := w.context()
	starts, err := tailStarts(ctx, w.client, topic, true)
	if err != nil {
		w.t.Fatal(err)
	}
	// The real ends: the markers of transactions come a little after their offsets.
	listed, err := kadm.NewClient(w.client).ListEndOffsets(ctx, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for done := map[int32]int64{}; ; {
		left := false
		for number, end := range ends {
			left = left || done[number] < end
		}
		if !left {
			return all
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			w.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			done[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
		})
	}
}

// exactlyOnceWorlds runs a test on a fake cluster and on a real broker.
func exactlyOnceWorlds(t *testing.T, test func(*testing.T, *world)) {
	t.Run("fake", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("real", func(t *testing.T) { test(t, newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))) })
}

func (w *world) awaitCommitted(n int64) {
	w.t.Helper()
	eventually(w.t, "everything is committed", func() bool {
		for p := range int32(testPartitions) {
			if w.committed(p) != n {
				return false
			}
		}
		return true
	})
}

func TestExactlyOnce(t *testing.T) {
	exactlyOnceWorlds(t, func(t *testing.T, w *world) {
		in := w.start(exactlyOnce)
		in.scorer.set(func(b *record.Batch) *record.Scored {
			a := echo(b)
			a.Parts = []record.Part{{End: len(b.Records), Place: record.Place{End: 7}, NS: 100}}
			return a
		})
		for round := range 20 {
			for p := range int32(testPartitions) {
				w.produce(p, "wine", numbers(round*10, round*10+10)...)
			}
		}
		w.awaitCommitted(200)
		got := values(w.committedRecords("out"))
		for p := range int32(testPartitions) {
			if !slices.Equal(got[p], numbers(0, 200)) {
				t.Errorf("partition %d: %d results, want 200 in order", p, len(got[p]))
			}
		}
		progress, err := in.Progress(w.context())
		if err != nil {
			t.Fatal(err)
		}
		if len(progress) != testPartitions {
			t.Fatalf("progress of %d partitions", len(progress))
		}
		for _, p := range progress {
			s := p.GetStatistics()
			if s.GetRecords() != 200 || s.GetSumNs() != 20_000 || s.GetMinNs() != 100 || s.GetMaxNs() != 100 ||
				p.GetNewest().GetOffset() != 6 || p.GetSource().GetOffset() != 200 {
				t.Errorf("progress %v", p)
			}
		}
		in.drain(t)
	})
}

// TestExactlyOnceWithoutOutputs: offsets are committed also where nothing is
// produced.
func TestExactlyOnceWithoutOutputs(t *testing.T) {
	exactlyOnceWorlds(t, func(t *testing.T, w *world) {
		in := w.start(exactlyOnce)
		in.scorer.set(func(b *record.Batch) *record.Scored { return &record.Scored{Batch: b, Err: record.ErrNoModel} })
		for p := range int32(testPartitions) {
			w.produce(p, "wine", numbers(0, 10)...)
		}
		w.awaitCommitted(10)
		in.scorer.set(echo)
		for p := range int32(testPartitions) {
			w.produce(p, "wine", numbers(10, 20)...)
		}
		w.awaitCommitted(20)
		in.drain(t)
		if n := len(w.committedRecords("out")); n != 10*testPartitions {
			t.Errorf("%d results", n)
		}
	})
}

// TestExactlyOnceChaos: scores come late, twice, never or as errors; members
// join, leave in order and die; commits and transactions fail. A reader of
// committed records sees each record's result or dead letter once, in order.
func TestExactlyOnceChaos(t *testing.T) {
	exactlyOnceWorlds(t, func(t *testing.T, w *world) {
		w.config.Group.RebalanceTimeout = 2 * time.Second
		w.config.Group.SessionTimeout = 2 * time.Second
		w.config.Records.ScoringTimeout = 150 * time.Millisecond
		const n = 1500
		if w.cluster != nil {
			w.cluster.Fault(
				kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.NotLeaderForPartition, Count: -1, When: now1in(60)},
				kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownServerError, Count: -1, When: now1in(10)},
				kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: -1, When: now1in(12)},
			)
		}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		var members []*ingestion
		join := func() {
			in := w.start(exactlyOnce, func(c *Config) {
				c.Records.PollRecords, c.Records.InFlightRecords, c.Records.BatchRecords = 40, 120, 7
				c.Records.RetryBackoff, c.Records.MaxRetryBackoff = time.Millisecond, 5*time.Millisecond
				c.Records.Attempts, c.Records.HoldAfter = 1000, 100*time.Millisecond
			})
			in.scorer.set((&moody{scorer: in.scorer, rng: rand.New(rand.NewPCG(rng.Uint64(), 2))}).score)
			members = append(members, in)
		}
		join()
		for from := 0; from < n; from += 50 {
			for p := range int32(testPartitions) {
				w.produce(p, "wine", numbers(from, from+50)...)
			}
			switch i := rng.IntN(max(1, len(members))); rng.IntN(4) {
			case 0:
				if len(members) < 3 {
					join()
				}
			case 1:
				if len(members) > 1 {
					_ = members[i].Drain(w.context()) // what is held up is left undone
					members = slices.Delete(members, i, i+1)
				}
			case 2: // it dies: nothing is finished, nothing is committed
				if len(members) > 1 {
					_ = members[i].system.Root.StopFuture(members[i].pid).Wait()
					members = slices.Delete(members, i, i+1)
				}
			}
		}
		eventuallyWithin(t, time.Minute, "everything is committed", func() bool {
			for p := range int32(testPartitions) {
				if w.committed(p) != n {
					return false
				}
			}
			return true
		})
		for _, in := range members {
			in.drain(t)
		}
		isBad := func(v string) bool { return v[len(v)-1] == '7' }
		results, dead := values(w.committedRecords("out")), values(w.committedRecords("dead"))
		for p := range int32(testPartitions) {
			good := slices.DeleteFunc(numbers(0, n), isBad)
			bad := slices.DeleteFunc(numbers(0, n), func(v string) bool { return !isBad(v) })
			if !slices.Equal(results[p], good) {
				t.Errorf("partition %d: %d results, want %d, in order: %s", p, len(results[p]), len(good), firstDifference(results[p], good))
			}
			if !slices.Equal(dead[p], bad) {
				t.Errorf("partition %d: %d dead letters, want %d, in order", p, len(dead[p]), len(bad))
			}
		}
	})
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d %q for %q", i, got[i], want[i])
		}
	}
	return "one is longer"
}

// TestExactlyOnceWaitsForTheTransactionBefore: offsets that the broker cannot
// take yet are committed a moment later, in the same transaction; nothing starts
// over.
func TestExactlyOnceWaitsForTheTransactionBefore(t *testing.T) {
	w := newWorld(t)
	begun := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
	in := w.start(exactlyOnce)
	w.produce(0, "wine", "a")
	eventually(t, "the first is committed", func() bool { return w.committed(0) == 1 })
	before := begun.Hits()
	for _, err := range []*kerr.Error{kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.IllegalGeneration, kerr.RebalanceInProgress} {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: err, Count: 3})
	}
	w.produce(0, "wine", "b")
	eventually(t, "the second is committed", func() bool { return w.committed(0) == 2 })
	if n := begun.Hits() - before; n != 0 {
		t.Errorf("the session was renewed %d times", n)
	}
	in.drain(t)
}

// TestProgressWaitsForNothingElse: progress is written, and offsets are
// committed, while other records of the client cannot be.
func TestProgressWaitsForNothingElse(t *testing.T) {
	w := newWorld(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Produce(w.context(), &kgo.Record{Topic: "missing"}, nil)
	ctx, cancel := context.WithTimeout(w.context(), 5*time.Second)
	defer cancel()
	if err := produceAll(ctx, client, []*kgo.Record{{Topic: w.prefix + "out"}, {Topic: w.prefix + "dead"}}); err != nil {
		t.Error(err)
	}
}

// TestExactlyOnceNeedsTheFeature: without it, nothing is produced and health
// says what to do.
func TestExactlyOnceNeedsTheFeature(t *testing.T) {
	w := newWorld(t)
	update := kmsg.NewPtrUpdateFeaturesRequest()
	f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	f.Feature, f.MaxVersionLevel, f.UpgradeType = "transaction.version", 1, 2
	update.FeatureUpdates = append(update.FeatureUpdates, f)
	if _, err := update.RequestWith(w.context(), w.client); err != nil {
		t.Fatal(err)
	}
	in := w.start(exactlyOnce)
	w.produce(0, "wine", "a")
	eventually(t, "health says what is missing", func() bool {
		err := in.Health()
		return err != nil && strings.Contains(err.Error(), "transaction.version=2")
	})
	if n := w.count("out"); n != 0 {
		t.Errorf("%d results", n)
	}
}

// TestExactlyOnceChecksBatchBytes: what the broker would refuse is not begun.
func TestExactlyOnceChecksBatchBytes(t *testing.T) {
	w := newWorld(t)
	w.setTopic("out", "max.message.bytes", "2000")
	in := w.start(exactlyOnce)
	eventually(t, "health says what is wrong", func() bool {
		err := in.Health()
		return err != nil && strings.Contains(err.Error(), "topic out takes only 2000")
	})
	w.setTopic("out", "max.message.bytes", "2000000")
	w.produce(0, "wine", "a")
	eventually(t, "it goes on", func() bool { return w.committed(0) == 1 })
	in.drain(t)
}

// TestExactlyOnceDeadLettersWhatIsTooLarge: a result that does not fit becomes a
// dead letter in the same transaction.
func TestExactlyOnceDeadLettersWhatIsTooLarge(t *testing.T) {
	exactlyOnceWorlds(t, func(t *testing.T, w *world) {
		in := w.start(exactlyOnce, func(c *Config) { c.Producer.BatchBytes = 2000 })
		in.scorer.set(func(b *record.Batch) *record.Scored {
			a := &record.Scored{Batch: b}
			for i := range b.Records {
				if string(b.Records[i].Payload) == "large" {
					a.Payloads = append(a.Payloads, make([]byte, 5000)...)
				}
				a.Payloads = append(a.Payloads, b.Records[i].Payload...)
				a.Ends = append(a.Ends, int32(len(a.Payloads)))
			}
			return a
		})
		w.produce(0, "wine", "a", "large", "b")
		eventually(t, "all is committed", func() bool { return w.committed(0) == 3 })
		in.drain(t)
		if got := values(w.committedRecords("out"))[0]; !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("results %v", got)
		}
		if got := values(w.committedRecords("dead"))[0]; !slices.Equal(got, []string{"large"}) {
			t.Errorf("dead letters %v", got)
		}
	})
}

// TestADeadMembersTransactionIsAborted by who takes its partitions over: readers
// of committed records do not wait for the broker to find out.
func TestADeadMembersTransactionIsAborted(t *testing.T) {
	w := newRealWorld(t, shared.Get(t).Seeds(kafkatest.Plaintext))
	w.config.Records.ScoringTimeout, w.config.Group.SessionTimeout = 25*time.Second, 30*time.Second
	first := w.start(exactlyOnce, func(c *Config) { c.Records.CommitInterval = time.Second })
	w.produce(0, "wine", "a")
	eventually(t, "it is committed", func() bool { return w.committed(0) == 1 })
	end := func() int64 {
		ends, err := kadm.NewClient(w.client).ListEndOffsets(w.context(), w.prefix+"out")
		if err != nil {
			t.Fatal(err)
		}
		return ends[w.prefix+"out"][0].Offset
	}
	before := end()
	w.produce(0, "wine", "b")
	eventually(t, "its result is in an open transaction", func() bool { return end() > before })
	_ = first.system.Root.StopFuture(first.pid).Wait()
	if w.committed(0) != 1 {
		t.Skip("it was committed before the member could be killed")
	}
	second := w.start(exactlyOnce)
	eventuallyWithin(t, 10*time.Second, "both are seen by a reader of committed records", func() bool {
		at, err := listOffsets(w.context(), w.client, w.prefix+"out", false)
		return err == nil && w.committed(0) == 2 && at[0] == end()
	})
	if got := values(w.committedRecords("out"))[0]; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("results %v", got)
	}
	second.drain(t)
}

// TestFloorAfterTakingOver: the next owner of a partition asks for no older
// generation than the one that has scored before.
func TestFloorAfterTakingOver(t *testing.T) {
	for _, delivery := range []Delivery{AtLeastOnce, ExactlyOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			w := newWorld(t)
			w.config.Delivery = delivery
			by := func(end int64) func(b *record.Batch) *record.Scored {
				return func(b *record.Batch) *record.Scored {
					a := echo(b)
					a.Parts = []record.Part{{End: len(b.Records), Place: record.Place{End: end}, NS: 5}}
					return a
				}
			}
			first := w.start()
			first.scorer.set(by(3))
			w.produce(0, "wine", "a")
			eventually(t, "the first is committed", func() bool { return w.committed(0) == 1 })
			first.drain(t)
			second := w.start()
			second.scorer.set(by(4))
			w.produce(0, "wine", "b")
			eventually(t, "the second is committed", func() bool { return w.committed(0) == 2 })
			if b := second.scorer.seen()[0]; b.Floor != (record.Place{End: 3}) {
				t.Errorf("floor %v", b.Floor)
			}
			progress, err := second.Progress(w.context())
			if err != nil || len(progress) != 1 {
				t.Fatalf("progress %v, %v", progress, err)
			}
			if p := progress[0]; p.GetStatistics().GetRecords() != 2 || p.GetStatistics().GetSumNs() != 10 || p.GetNewest().GetOffset() != 3 {
				t.Errorf("progress %v", p)
			}
		})
	}
}

// TestOlderAnswersAreScoredAgain: a batch that was sent again and comes back
// from an older generation than what follows it is scored once more.
func TestOlderAnswersAreScoredAgain(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) { c.Records.BatchRecords = 1 })
	var kept []*record.Batch
	in.scorer.set(func(b *record.Batch) *record.Scored {
		a := echo(b)
		end := int64(5)
		if string(b.Records[0].Payload) == "b" && b.Floor.End == 0 {
			end = 4
		}
		a.Parts = []record.Part{{End: 1, Place: record.Place{End: end}}}
		a.Payloads = fmt.Appendf(nil, "%s%d", b.Records[0].Payload, end)
		a.Ends[0] = int32(len(a.Payloads))
		kept = append(kept, b)
		return a
	})
	w.produce(0, "wine", "a", "b", "c")
	if got := values(w.read("out", 3))[0]; !slices.Equal(got, []string{"a5", "b5", "c5"}) {
		t.Errorf("results %v", got)
	}
	in.drain(t)
	if len(kept) != 4 {
		t.Errorf("%d batches", len(kept))
	}
}

// TestRecordsWaitForTheFrontier: a server that does not know the models topic
// waits with its records.
func TestRecordsWaitForTheFrontier(t *testing.T) {
	w := newWorld(t)
	frontier := &Frontier{}
	w.frontier = frontier
	in := w.start(func(c *Config) { c.Models.Lead = time.Second })
	w.produce(0, "wine", "a")
	eventually(t, "it was read", func() bool { return in.Stats().InFlight == 1 })
	frontier.advance(time.Now().Add(-time.Hour))
	if n := len(in.scorer.seen()); n != 0 {
		t.Fatalf("%d batches", n)
	}
	frontier.advance(time.Now())
	w.read("out", 1)
	in.drain(t)
}

func TestFrontierFollowsTheModelsTopic(t *testing.T) {
	w := newWorld(t)
	w.config.Models.Lead = 500 * time.Millisecond
	m := w.startModels()
	began := time.Now()
	eventually(t, "it is known without a model", func() bool { return m.Frontier().Known().After(began) })
	w.publish(descriptorOf("wine", "a"))
	published := time.Now()
	eventually(t, "it is known with one", func() bool { return m.Frontier().Known().After(published) })
	if m.taker.names() != "a" {
		t.Errorf("offered %q", m.taker.names())
	}
}
