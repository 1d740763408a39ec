package node_test

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/all"
)

// realTypes are the model types of the server.
func realTypes(t *testing.T) *model.Registry {
	t.Helper()
	types, err := all.Registry(all.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// onBroker is a world on a real broker.
func onBroker(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("a real broker takes too long for -short")
	}
	return newWorld(t, broker.Get(t).Seeds(kafkatest.Plaintext), 4)
}

// stream publishes records until it is stopped, then says how many.
type stream struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	sent   atomic.Int64
}

func (w *world) load(c *cellar) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	l := &stream{cancel: cancel}
	w.t.Cleanup(l.stop)
	l.done.Go(func() {
		for ctx.Err() == nil {
			n := int(l.sent.Load())
			// Not ctx: what was begun is finished, so that its number is known.
			err := kafkatest.ProduceRecords(context.Background(), w.seeds, w.records, c.records(n, 400, w.partitions)...)
			if err != nil {
				w.t.Error(err)
				return
			}
			l.sent.Add(400)
		}
	})
	return l
}

func (l *stream) stop() {
	l.cancel()
	l.done.Wait()
}

// Models are swapped under load: each record has exactly one result, of a model
// that was there, with the answer that this model must give; and within a
// partition no record is scored by a model after one was scored by its
// successor.
func TestSwapUnderLoad(t *testing.T) {
	w := onBroker(t)
	c := openCellar(t)
	s := w.start(realTypes(t))
	w.publish(c.model("wine-forest"))
	s.awaitModel("wine", "wine-forest")

	l := w.load(c)
	names := []string{"wine-network", "wine-boosting", "wine-broken", "wine-logistic", "wine-tampered", "wine-linear", "wine-forest"}
	if haveTensorFlow(t, c) {
		names = append([]string{"wine-graph", "wine-savedmodel"}, names...)
	}
	for _, name := range names {
		// Each model has to see some records before the next one comes.
		before := s.state("wine").Statistics.Records
		await(t, "records to be scored", func() (string, bool) {
			return "", s.state("wine").Statistics.Records >= before+500
		})
		w.publish(c.model(name))
		if name == "wine-broken" || name == "wine-tampered" {
			awaitRejected(t, s, name)
			continue
		}
		s.awaitModel("wine", name)
	}
	l.stop()
	sent := int(l.sent.Load())
	w.awaitSettled(int64(sent / w.partitions))

	generations := map[uint64]bool{}
	known := 0
	for p, log := range w.allResults() {
		var last uint64
		for i, r := range log.results {
			if log.offsets[i] != int64(i) {
				t.Fatalf("partition %d: result %d is of record %d: lost, doubled or out of order", p, i, log.offsets[i])
			}
			g := r.GetGeneration().GetNumber()
			if g < last {
				t.Fatalf("partition %d, record %d: scored by generation %d after %d", p, i, g, last)
			}
			last = g
			generations[g] = true
			if c.check(r, int(log.offsets[i])*w.partitions+int(p)) {
				known++
			}
		}
		if len(log.results) != sent/w.partitions {
			t.Errorf("partition %d: %d results for %d records", p, len(log.results), sent/w.partitions)
		}
	}
	if len(generations) < 6 || known < sent/8 {
		t.Errorf("%d generations scored, %d of %d answers were known: the test shows too little", len(generations), known, sent)
	}
	if stats := s.Records().Stats(); stats.Dropped != 0 || stats.DeadLettered != 0 {
		t.Errorf("dropped %d, dead-lettered %d", stats.Dropped, stats.DeadLettered)
	}
	t.Logf("%d records, %d generations, %d answers compared", sent, len(generations), known)
}

// haveTensorFlow says whether TensorFlow models can be served here. Where
// MODELSERVER_REQUIRE_TENSORFLOW is set, it must be so.
func haveTensorFlow(t *testing.T, c *cellar) bool {
	t.Helper()
	d := c.model("wine-graph")
	tensorflow, err := realTypes(t).Lookup(d.GetType())
	if err != nil {
		t.Fatal(err)
	}
	e, err := tensorflow.Load(t.Context(), model.Spec{
		Name: d.GetName(), Options: d.GetOptions(), Artifact: model.Artifact{Bytes: d.GetData(), SHA256: d.GetSha256()},
	})
	if err == nil {
		return e.Close() == nil
	}
	if os.Getenv("MODELSERVER_REQUIRE_TENSORFLOW") != "" {
		t.Fatal(err)
	}
	t.Logf("without the TensorFlow models: %v", err)
	return false
}

func awaitRejected(t *testing.T, s *server, name string) {
	t.Helper()
	await(t, "the rejection of "+name, func() (string, bool) {
		for _, g := range s.state("wine").Generations {
			if g.Name == name {
				return g.Phase, g.Phase == "rejected"
			}
		}
		return "not seen", false
	})
}
