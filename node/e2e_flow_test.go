package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
)

// The whole flow on kfake: a model comes, records are scored, another model
// takes over, the state says so.
func TestFlow(t *testing.T) {
	w := fake(t)
	types := &adder{}
	first := w.publish(addModel("first", "1000000"))
	s := w.start(types.registry(t))

	s.awaitModel("wine", "first")
	w.wines(0, 1000)
	checkSums(t, w.scored(1000)[first], 0, 1000, 1_000_000)

	second := w.publish(addModel("second", "2000000"))
	s.awaitModel("wine", "second")
	w.wines(1000, 1000)
	by := w.scored(2000)
	checkSums(t, by[first], 0, 1000, 1_000_000)
	checkSums(t, by[second], 1000, 1000, 2_000_000)

	st := s.state("wine")
	if st.Statistics.Records != 2000 || st.Statistics.RecordErrors != 0 || st.Statistics.MeanMicros <= 0 {
		t.Errorf("statistics: %+v", st.Statistics)
	}
	if st.Current.Number != 2 || st.Current.Source.Offset != second || len(st.Generations) != 2 {
		t.Errorf("state: %+v", st)
	}
	_, metrics := s.get("/metrics")
	for _, want := range []string{
		`modelserver_records_consumed_total 2000`,
		`modelserver_results_produced_total 2000`,
		`modelserver_generation_info{data_type="wine",name="second",type="adder",version="1"} 2`,
		"protoactor_actor_spawn_count", "go_goroutines", "modelserver_consumer_lag", "modelserver_record_latency_seconds_bucket",
		`modelserver_build_info{version="test"} 1`, "modelserver_ready 1",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	if t.Failed() {
		t.Log(metrics)
	}
}

// checkSums checks that each of n records has exactly one of these results, with
// the number that the model adds.
func checkSums(t *testing.T, results []*messages.ServingResult, from, n int, add float64) {
	t.Helper()
	seen := map[float64]int{}
	for _, r := range results {
		if r.GetError() != nil {
			t.Fatalf("a result is an error: %v", r.GetError())
		}
		seen[r.GetTarget().GetNumber()]++
	}
	for i := from; i < from+n; i++ {
		if got := seen[float64(i)+add]; got != 1 {
			t.Fatalf("record %d has %d results", i, got)
		}
	}
}

// A model that does not load changes nothing, says why, and is dead-lettered.
func TestRejectedModel(t *testing.T) {
	w := fake(t)
	s := w.start((&adder{}).registry(t))
	w.publish(addModel("good", "1"))
	s.awaitModel("wine", "good")
	w.publish(addModel("broken", "broken"))
	w.publishBytes([]byte("no descriptor"))

	letters := map[string]string{}
	for _, l := range w.letters(2) {
		letters[l.class] = l.message
	}
	if !strings.Contains(letters["ModelRejected"], "not a number") || letters["MalformedDescriptor"] == "" {
		t.Errorf("dead letters: %v", letters)
	}
	st := s.state("wine")
	if st.Current.Name != "good" || st.Generations[0].Phase != "rejected" || !strings.Contains(st.Generations[0].Reason, "not a number") {
		t.Errorf("state: %+v", st)
	}
	w.wines(0, 10)
	w.scored(10)
}

// After a stop in order, the model is there again before anything is read.
func TestRestart(t *testing.T) {
	w := fake(t)
	types := &adder{}
	s := w.start(types.registry(t))
	at := w.publish(addModel("first", "1000000"))
	s.awaitModel("wine", "first")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[at], 0, 100, 1_000_000)
	s.stop()

	w.wines(100, 100)
	s = w.start(types.registry(t))
	checkSums(t, w.scored(200)[at], 0, 200, 1_000_000)
	st := s.state("wine")
	if st.Current.Number != 1 || st.Statistics.Records != 200 {
		t.Errorf("state after the restart: %+v", st)
	}
}

// Readiness goes when the server stops; a server that was never ready says why.
func TestReadinessNamesWhatFails(t *testing.T) {
	w := fake(t)
	w.models = "does-not-exist"
	n := w.begin((&adder{}).registry(t))
	await(t, "the missing topic's name", func() (string, bool) {
		status, body := n.get("/readyz")
		return body, status == http.StatusServiceUnavailable && strings.Contains(body, "does-not-exist")
	})
	if status, body := n.get("/startupz"); status != 503 || !strings.Contains(body, "reading the models topic") {
		t.Errorf("/startupz: %d %s", status, body)
	}
	if status, _ := n.get("/livez"); status != 200 {
		t.Errorf("/livez: %d", status)
	}
}

// With create_topics, a server makes what it needs.
func TestCreateTopics(t *testing.T) {
	w := fake(t)
	for _, topic := range []*string{&w.records, &w.models, &w.results, &w.dead} {
		*topic = kafkatest.UniqueName(t)
	}
	s := w.start((&adder{}).registry(t), "kafka.create_topics.enabled=true", "kafka.create_topics.partitions=4")
	at := w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	w.wines(0, 40)
	checkSums(t, w.scored(40)[at], 0, 40, 1_000_000)
}

// Results can be JSON, which names the values as the messages do.
func TestJSONResults(t *testing.T) {
	w := fake(t)
	s := w.start((&adder{}).registry(t), "kafka.results.format=json")
	w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	w.wines(7, 1)
	got := string(kafkatest.Take(t, w.seeds, w.results, 1)[0].Value)
	for _, want := range []string{`"dataType":"wine"`, `"target":{"number":1000007`, `"name":"adder"`} {
		if !strings.Contains(strings.ReplaceAll(got, " ", ""), want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

// What becomes of records without a model is a setting: dropped and counted,
// dead-lettered, or held until there is one.
func TestRecordsWithoutAModel(t *testing.T) {
	for _, c := range []struct {
		policy string
		check  func(*testing.T, *world, *server)
	}{
		{"drop", func(t *testing.T, w *world, s *server) {
			await(t, "the records to be dropped", func() (string, bool) {
				n := s.Records().Stats().Dropped
				return fmt.Sprint(n), n == 20
			})
		}},
		{"dead-letter", func(t *testing.T, w *world, _ *server) {
			for _, l := range w.letters(20) {
				if l.class != "NoModel" {
					t.Errorf("class %s", l.class)
				}
			}
		}},
		{"hold", func(t *testing.T, w *world, s *server) {
			await(t, "the records to be held", func() (string, bool) {
				n := s.Records().Stats().Held
				return fmt.Sprint(n), n == 20
			})
			if status, body := s.get("/readyz"); status != http.StatusOK {
				t.Errorf("holding makes a server unready: %s", body)
			}
			at := w.publish(addModel("adder", "1000000"))
			checkSums(t, w.scored(20)[at], 0, 20, 1_000_000)
		}},
	} {
		t.Run(c.policy, func(t *testing.T) {
			w := fake(t)
			s := w.start((&adder{}).registry(t), "kafka.records.no_model="+c.policy, "kafka.records.hold_after=50ms")
			w.wines(0, 20)
			c.check(t, w, s)
		})
	}
}
