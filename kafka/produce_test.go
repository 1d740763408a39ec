package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/record"
)

func TestOffsetsAreCommittedOnlyBehindAcknowledgedResults(t *testing.T) {
	w := newWorld(t)
	w.produce(0, "wine", "a")
	in := w.start()
	w.read("out", 1)
	eventually(t, "the first record is committed", func() bool { return w.committed(0) == 1 })

	held, release := w.holdProduce("out")
	w.produce(0, "wine", "b", "c")
	<-held
	commits := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	w.produce(1, "wine", "d") // goes on being read and scored meanwhile
	eventually(t, "the batches are scored", func() bool { return len(in.scorer.seen()) >= 3 })
	if at := w.committed(0); at != 1 {
		t.Errorf("committed %d before the results are acknowledged", at)
	}
	if n := commits.Hits(); n > 0 {
		t.Errorf("%d commits before the results are acknowledged", n)
	}
	close(release)
	eventually(t, "everything is committed", func() bool { return w.committed(0) == 3 && w.committed(1) == 1 })
}

// TestAResultThatIsTooLargeIsDeadLettered: by the client's own limit, and by
// the broker's on whole batches, whose other records go through.
func TestAResultThatIsTooLargeIsDeadLettered(t *testing.T) {
	large := strings.Repeat("x", 3000)
	for name, limit := range map[string]func(*world){
		"client": func(w *world) { w.config.Producer.BatchBytes = 2048 },
		"broker": func(w *world) {
			w.config.Producer.Compression = "none"
			w.setTopic("out", "max.message.bytes", "2048")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			limit(w)
			in := w.start()
			in.scorer.set(func(b *record.Batch) *record.Scored {
				a := &record.Scored{Batch: b}
				for _, r := range b.Records {
					result := string(r.Payload)
					if result == "large" {
						result = large
					}
					a.Payloads = append(a.Payloads, result...)
					a.Ends = append(a.Ends, int32(len(a.Payloads)))
				}
				return a
			})
			w.produce(1, "wine", append(append(numbers(0, 5), "large"), numbers(5, 10)...)...)
			if got := values(w.read("out", 10))[1]; name == "broker" && !slices.Equal(got, numbers(0, 10)) {
				t.Errorf("results %v", got)
			}
			dead := w.read("dead", 1)[0]
			if string(dead.Value) != "large" || header(dead, headerStage) != "KAFKA_PRODUCE" ||
				!strings.Contains(header(dead, headerExceptionMessage), "MESSAGE_TOO_LARGE") {
				t.Errorf("dead letter %q, headers %v", dead.Value, dead.Headers)
			}
			w.produce(1, "wine", numbers(10, 20)...)
			w.read("out", 20)
			in.drain(t)
			if at := w.committed(1); at != 21 {
				t.Errorf("committed %d, want 21", at)
			}
			if n := w.count("out"); n != 20 {
				t.Errorf("%d results, want 20", n)
			}
		})
	}
}

// TestADeadLetterThatIsTooLargeGoesWithoutItsValue, and if need be without more:
// its headers still say where the record is.
func TestADeadLetterThatIsTooLargeGoesWithoutItsValue(t *testing.T) {
	large := strings.Repeat("x", 3000)
	for name, c := range map[string]struct{ key, value, wantKey, omitted string }{
		"value":         {"k", large, "k", "value of 3000 bytes: MESSAGE_TOO_LARGE"},
		"key and value": {large, large, "", "key of 3000 bytes, headers, value of 3000 bytes: MESSAGE_TOO_LARGE"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.setTopic("dead", "max.message.bytes", "2048")
			w.config.Producer.Compression = "none"
			if err := w.client.ProduceSync(w.context(), &kgo.Record{Topic: "in", Key: []byte(c.key), Value: []byte(c.value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			in := w.start()
			dead := w.read("dead", 1)[0]
			if len(dead.Value) != 0 || string(dead.Key) != c.wantKey || header(dead, headerOffset) != "0" ||
				!strings.HasPrefix(header(dead, headerOmitted), c.omitted) {
				t.Errorf("value of %d bytes, key %.10q, headers %v", len(dead.Value), dead.Key, dead.Headers)
			}
			in.drain(t)
			if at := w.committed(0); at != 1 {
				t.Errorf("committed %d, want 1", at)
			}
		})
	}
}

// TestResultsThatCannotBeProducedAreTriedAgainInOrder, for as long as it takes,
// and are reported meanwhile.
func TestResultsThatCannotBeProducedAreTriedAgainInOrder(t *testing.T) {
	w := newWorld(t)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TopicAuthorizationFailed, Count: -1})
	in := w.start()
	w.produce(0, "wine", numbers(0, 10)...)
	eventually(t, "the results were refused twice", func() bool { return fault.Hits() >= 2 })
	w.produce(0, "wine", numbers(10, 20)...)
	eventually(t, "the partition is reported", func() bool {
		err := in.Health()
		return err != nil && strings.Contains(err.Error(), "results of in/0: TOPIC_AUTHORIZATION_FAILED")
	})
	if at := w.committed(0); at > 0 {
		t.Errorf("committed %d although no result was produced", at)
	}
	fault.Remove()
	if got := values(w.read("out", 20))[0]; !slices.Equal(got, numbers(0, 20)) {
		t.Errorf("results %v", got)
	}
	eventually(t, "all is well", func() bool { return in.Health() == nil })
	in.drain(t)
	if at := w.committed(0); at != 20 {
		t.Errorf("committed %d, want 20", at)
	}
}

func TestAFailedCommitIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.OffsetMetadataTooLarge, Count: 3})
	in := w.start()
	w.produce(0, "wine", "a")
	eventually(t, "the commit failed three times", func() bool { return fault.Hits() >= 3 })
	eventually(t, "it is committed at last", func() bool { return w.committed(0) == 1 })
	eventually(t, "all is well", func() bool { return in.Health() == nil })
}

// TestResultsOfAClosedClientAreNotSettled: what a client that closes gives back
// was never written.
func TestResultsOfAClosedClientAreNotSettled(t *testing.T) {
	config := DefaultConfig()
	r := newRecordsActor(&Records{config: &config, status: newRecordStatus()})
	part := &partition{queue: newQueue()}
	c := &chunk{span: span{first: 0, end: 1}, part: part, records: []*kgo.Record{{}}, outputs: make([]output, 1)}
	part.push(c)
	part.send()
	part.repair.flying = 1
	c.failures = []failure{{output: &c.outputs[0], err: kgo.ErrClientClosed}}
	r.produced(c)
	if part.position != -1 || c.settled {
		t.Errorf("position %d, settled %v", part.position, c.settled)
	}
}

func TestWithoutADeadLetterTopicRecordsAreCounted(t *testing.T) {
	w := newWorld(t)
	w.config.DeadLetters.Topic = ""
	in := w.start()
	w.produce(0, "", "a", "b")
	w.produce(0, "wine", "c")
	w.read("out", 1)
	in.drain(t)
	if s := in.Stats(); s.DeadLettered != 2 || w.committed(0) != 3 {
		t.Errorf("stats %+v, committed %d", s, w.committed(0))
	}
}

func TestResultsByKey(t *testing.T) {
	w := newWorld(t)
	w.config.Results.Partition = "key"
	for p := range int32(testPartitions) {
		w.produce(p, "wine", "a", "b")
	}
	w.start()
	recs := w.read("out", 2*testPartitions)
	for _, r := range recs {
		if string(r.Key) != "wine" || r.Partition != recs[0].Partition {
			t.Errorf("result %q with key %q in partition %d", r.Value, r.Key, r.Partition)
		}
	}
}

func TestResultsTopicWithFewerPartitions(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(2, "out"))
	for p := range int32(testPartitions) {
		w.produce(p, "wine", numbers(int(p)*100, int(p)*100+50)...)
	}
	w.start()
	got := values(w.read("out", 150))
	if !slices.Equal(got[1], numbers(100, 150)) {
		t.Errorf("partition 1: %v", got[1])
	}
	// Partitions 0 and 2 share one, each in its own order.
	for p, want := range map[string][]string{"0": numbers(0, 50), "2": numbers(200, 250)} {
		in := slices.DeleteFunc(slices.Clone(got[0]), func(v string) bool { return !slices.Contains(want, v) })
		if !slices.Equal(in, want) {
			t.Errorf("of partition %s: %v", p, in)
		}
	}
}

func TestLatencyIsMeasured(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	w.produce(0, "wine", "a")
	w.read("out", 1)
	in.drain(t)
	s := in.Stats()
	if s.LatencyCount != 1 || s.LatencyMax <= 0 || s.LatencyMax > time.Minute || s.LatencySum != s.LatencyMax {
		t.Errorf("stats %+v", s)
	}
}
