package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// A model that takes its time to load delays nobody: records are scored by its
// predecessor, until it takes over.
func TestSlowLoad(t *testing.T) {
	w := onBroker(t)
	slow := &adder{gate: make(chan struct{})}
	s := w.start(slow.registry(t))
	quick := w.publish(addModel("quick", "1000000"))
	s.awaitModel("wine", "quick")

	late := w.publish(addModel("slow", "slow"))
	await(t, "the slow model to be loading", func() (string, bool) {
		st := s.state("wine")
		for _, g := range st.Generations {
			if g.Name == "slow" {
				return g.Phase, g.Phase == "loading"
			}
		}
		return "not seen", false
	})
	w.wines(0, 4000)
	checkSums(t, w.scored(4000)[quick], 0, 4000, 1_000_000)

	close(slow.gate)
	s.awaitModel("wine", "slow")
	w.wines(4000, 1000)
	by := w.scored(5000)
	checkSums(t, by[quick], 0, 4000, 1_000_000)
	checkSums(t, by[late], 4000, 1000, 3_000_000)
}

// A storm of descriptors is bounded: one loads, the newest waits, the rest is
// superseded; and the newest is the one that serves.
func TestStormOfModels(t *testing.T) {
	w := onBroker(t)
	s := w.start((&adder{}).registry(t))
	for range 50 {
		w.publish(addModel("early", "1"))
		w.publish(addModel("other", "2"))
	}
	last := w.publish(addModel("last", "5000000"))
	s.awaitModel("wine", "last")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[last], 0, 100, 5_000_000)
}

// The broker crashes in the middle of a stream and comes back: readiness says
// so meanwhile, nothing is lost, and the server was never restarted.
func TestBrokerRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("a real broker takes too long for -short")
	}
	b := kafkatest.Run(t, kafkatest.Config{})
	w := newWorld(t, b.Seeds(kafkatest.Plaintext), 4)
	s := w.start((&adder{}).registry(t))
	at := w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	const each = 4000
	w.wines(0, each)
	await(t, "some records to be scored", func() (string, bool) { return "", s.state("wine").Statistics.Records > 0 })
	b.Kill()
	await(t, "readiness to go", func() (string, bool) {
		status, body := s.get("/readyz")
		return body, status == 503
	})
	if status, _ := s.get("/livez"); status != 200 {
		t.Error("the server is not alive without its broker")
	}
	if st := s.state("wine"); st.Current == nil {
		t.Error("the state is not answered without the broker")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.awaitReady()
	w.wines(each, each)
	w.awaitSettled(2 * each / int64(w.partitions))
	seen := map[float64]int{}
	for _, log := range w.allResults() {
		for _, r := range log.results {
			if r.GetGeneration().GetOffset() != at {
				t.Fatalf("not of the model: %v", r)
			}
			seen[r.GetTarget().GetNumber()]++
		}
	}
	doubled := 0
	for i := range 2 * each {
		n := seen[float64(i)+1_000_000]
		if n == 0 {
			t.Fatalf("record %d was lost", i)
		}
		doubled += n - 1
	}
	t.Logf("%d records, %d scored twice", 2*each, doubled)
}

// A server that starts before its broker waits for it.
func TestStartWithoutABroker(t *testing.T) {
	if testing.Short() {
		t.Skip("a real broker takes too long for -short")
	}
	b := kafkatest.Run(t, kafkatest.Config{})
	w := newWorld(t, b.Seeds(kafkatest.Plaintext), 4)
	w.publish(addModel("adder", "1000000"))
	w.wines(0, 100)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	s := w.begin((&adder{}).registry(t))
	await(t, "the reason not to be ready", func() (string, bool) {
		status, body := s.get("/readyz")
		return body, status == 503
	})
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.awaitReady()
	checkSums(t, w.scored(100)[0], 0, 100, 1_000_000)
}

// Without a broker, a server that is told to stop does so in time.
func TestStopWithoutABroker(t *testing.T) {
	if testing.Short() {
		t.Skip("a real broker takes too long for -short")
	}
	b := kafkatest.Run(t, kafkatest.Config{})
	w := newWorld(t, b.Seeds(kafkatest.Plaintext), 4)
	s := w.start((&adder{}).registry(t))
	w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	b.Kill()
	w.abandoned(s, 3*time.Second)
}

// abandoned stops a server that cannot finish its work and checks that it does
// not take much longer than it may.
func (w *world) abandoned(s *server, limit time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan struct{})
	s.once.Do(func() {
		go func() {
			defer close(done)
			_ = s.Stop(ctx) // it may or may not get everything done
		}()
	})
	select {
	case <-done:
	case <-time.After(limit + 30*time.Second):
		w.t.Fatalf("the server had %v to stop and has not after 30 s more", limit)
	}
}
