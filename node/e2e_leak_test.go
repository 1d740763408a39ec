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
	ignored := []goleak.Option{
		goleak.IgnoreCurrent(),
		// The broker's side of connections that are closed already.
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"),
		// Ends by itself a second after a dead letter.
		goleak.IgnoreAnyFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"),
	}
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
		goleak.VerifyNone(t, ignored...)
	}
}
