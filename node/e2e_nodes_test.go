package node_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Two servers of one group in one process share the partitions; when one stops,
// the other one takes over, and nothing is lost or scored twice.
func TestTwoNodes(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	at := w.publish(addModel("adder", "1000000"))
	a := w.start(types, "node.name=a", "kafka.group.session_timeout=2s")
	b := w.start(types, "node.name=b", "kafka.group.session_timeout=2s", "store.dir="+t.TempDir())
	await(t, "both to have partitions", func() (string, bool) {
		na, nb := len(a.Records().Stats().Partitions), len(b.Records().Stats().Partitions)
		return strconv.Itoa(na) + " and " + strconv.Itoa(nb), na == 2 && nb == 2
	})
	w.wines(0, 1000)
	checkSums(t, w.scored(1000)[at], 0, 1000, 1_000_000)
	for _, s := range []*server{a, b} {
		if got := s.counter("modelserver_records_consumed_total"); got != 500 {
			t.Errorf("%s has read %d records", s.Name(), got)
		}
		if s.state("wine").Current == nil {
			t.Errorf("%s has no model", s.Name())
		}
	}
	a.stop()
	w.wines(1000, 1000)
	await(t, "the other one to score the rest", func() (string, bool) {
		got := b.counter("modelserver_results_produced_total")
		return strconv.Itoa(got), got == 1500
	})
	checkSums(t, w.scored(2000)[at], 0, 2000, 1_000_000)
}

// counter returns the value of a counter without labels, or 0.
func (c *client) counter(name string) int {
	c.t.Helper()
	_, metrics := c.get("/metrics")
	m := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\d+)`).FindStringSubmatch(metrics)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// A second server on the same store is refused, and says who has it.
func TestStoreIsLocked(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	w.start(types)
	began := time.Now()
	err := w.tryNew(types)
	if err == nil || !regexp.MustCompile(`store\.dir: .*in use by`).MatchString(err.Error()) {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
