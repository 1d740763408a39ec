package node_test

import (
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
)

// A server is killed in the middle of a stream and started again. The same
// generation serves before any descriptor is read, no record is lost, and only
// records that were not committed are scored a second time.
func TestKillAndRestart(t *testing.T) {
	w := onBroker(t)
	c := openCellar(t)
	w.publish(c.model("wine-linear"))
	w.publish(c.model("wine-forest"))
	s := w.startChild()
	s.awaitReady()
	before := s.awaitModel("wine", "wine-forest")

	l := w.load(c)
	await(t, "records to be scored", func() (string, bool) { return "", s.state("wine").Statistics.Records >= 2000 })
	s.kill()
	committed := kafkatest.Committed(t, w.seeds, w.records, w.records)
	killedAt := w.counts()

	// The models topic of the second server is empty, so that the model can
	// only come from the store.
	models := w.models
	w.models = kafkatest.Topic(t, w.seeds, 1, nil)
	s = w.startChild()
	s.awaitReady()
	after := s.state("wine")
	w.models = models
	if after.Current == nil || after.Current.Number != before.Current.Number || after.Current.SHA256 != before.Current.SHA256 ||
		after.Current.Source != before.Current.Source {
		t.Fatalf("after the restart %+v serves, before it %+v", after.Current, before.Current)
	}
	scoredBefore := after.Statistics.Records
	await(t, "records to be scored again", func() (string, bool) {
		return "", s.state("wine").Statistics.Records >= scoredBefore+1000
	})
	l.stop()
	sent := int(l.sent.Load())
	w.awaitSettled(int64(sent / w.partitions))
	s.terminate()

	doubled := checkAtLeastOnce(t, w, c, sent, committed)
	t.Logf("%d records, %d results at the kill, committed %v, %d scored twice", sent, killedAt, committed, doubled)
}

// counts is how many results there are now.
func (w *world) counts() int { return len(kafkatest.ReadAll(w.t, w.seeds, w.results)) }

// checkAtLeastOnce checks that each record has a result with the right answer,
// and that those with two were not committed at the time of the failure.
func checkAtLeastOnce(t *testing.T, w *world, c *cellar, sent int, committed map[int32]int64) (doubled int) {
	t.Helper()
	for p, log := range w.allResults() {
		first := map[int64]*messages.ServingResult{}
		for i, r := range log.results {
			offset := log.offsets[i]
			c.check(r, int(offset)*w.partitions+int(p))
			if first[offset] != nil {
				doubled++
				if offset < committed[p] {
					t.Errorf("partition %d: record %d was scored again though %d was committed", p, offset, committed[p])
				}
			}
			first[offset] = r
		}
		if len(first) != sent/w.partitions {
			t.Errorf("partition %d: %d of %d records have a result", p, len(first), sent/w.partitions)
		}
	}
	return doubled
}

// SIGTERM in the middle of a stream: what was begun is finished and committed,
// so that nothing is lost and nothing is scored twice.
func TestTerminateAndRestart(t *testing.T) {
	w := onBroker(t)
	c := openCellar(t)
	w.publish(c.model("wine-linear"))
	s := w.startChild()
	s.awaitReady()
	l := w.load(c)
	await(t, "records to be scored", func() (string, bool) { return "", s.state("wine").Statistics.Records >= 2000 })
	s.terminate()
	s = w.startChild()
	s.awaitReady()
	scored := s.state("wine").Statistics.Records
	if scored < 2000 {
		t.Errorf("the statistics of %d records did not survive", scored)
	}
	await(t, "more records to be scored", func() (string, bool) { return "", s.state("wine").Statistics.Records >= scored+1000 })
	l.stop()
	sent := int(l.sent.Load())
	w.awaitSettled(int64(sent / w.partitions))
	if got := s.state("wine").Statistics.Records; got != uint64(sent) {
		t.Errorf("%d records are counted as scored, %d were sent", got, sent)
	}
	s.terminate()
	if doubled := checkAtLeastOnce(t, w, c, sent, nil); doubled != 0 {
		t.Errorf("%d records were scored twice", doubled)
	}
}
