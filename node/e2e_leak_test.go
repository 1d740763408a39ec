package node_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// A server that has stopped has left nothing behind: no goroutine, no listener,
// no lock on its store.
func TestStopLeavesNothing(t *testing.T) {
	cluster := kafkatest.Fake(t)
	types := (&adder{}).registry(t)
	before := goleak.IgnoreCurrent()
	w := newWorld(t, cluster.ListenAddrs(), 4)
	for range 2 {
		s := w.start(types)
		w.publish(addModel("adder", "1000000"))
		s.awaitModel("wine", "adder")
		w.wines(0, 100)
		await(t, "the records to be scored", func() (string, bool) {
			return "", s.Records().Stats().Results >= 100
		})
		s.stop()
		http.DefaultClient.CloseIdleConnections() // of the test itself
		goleak.VerifyNone(t, before)
	}
}
