package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
)

// TB is what the package needs of a [testing.TB]. It is an interface of its own
// so that programs can use the package without linking package testing.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Failed() bool
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// RequireEnv is the environment variable that makes a missing broker a failure.
const RequireEnv = "MODELSERVER_REQUIRE_KAFKA"

// Run starts a real broker for one test. Without the jars it skips the test, or
// fails it when [RequireEnv] is set.
func Run(t TB, cfg Config) *Broker {
	t.Helper()
	return RunCluster(t, cfg, 1).Nodes[0]
}

// RunCluster is [Run] for several nodes.
func RunCluster(t TB, cfg Config, nodes int) *Cluster {
	t.Helper()
	c, err := StartCluster(t.Context(), cfg, nodes)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, b := range c.Nodes {
				t.Logf("the log of broker %d ends with\n%s", b.id, b.LogTail())
			}
		}
		c.Close()
	})
	return c
}

// Require skips or fails a test that starts brokers by itself, as [Run] does,
// where the jars are missing.
func Require(t TB) {
	t.Helper()
	if _, err := (Config{}).withDefaults(); err != nil {
		missing(t, err)
	}
}

// missing ends a test that got no broker.
func missing(t TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoKafka) && os.Getenv(RequireEnv) == "" {
		t.Skipf("needs a real broker: %v", err)
	}
	t.Fatalf("start a broker: %v", err)
}

// Shared is a broker for all tests of a package, started by the first that asks
// for it:
//
//	var broker kafkatest.Shared
//
//	func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }
//
//	func TestX(t *testing.T) {
//		b := broker.Get(t)
//		topic := kafkatest.Topic(t, b.Seeds(kafkatest.Plaintext), 4, nil)
type Shared struct {
	Config Config

	once   sync.Once
	broker *Broker
	err    error
}

// Main runs the tests and closes the broker if there is one.
func (s *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if s.broker != nil {
		s.broker.Close()
	}
	return code
}

// Get returns the broker; without the jars it does as [Run].
func (s *Shared) Get(t TB) *Broker {
	t.Helper()
	// Not the context of t, which ends before the broker does.
	s.once.Do(func() { s.broker, s.err = Start(context.Background(), s.Config) })
	if s.err != nil {
		missing(t, s.err)
	}
	return s.broker
}

// Topic creates a topic under a new name, made of the test's, and returns the
// name. It serves fake and real brokers alike.
func Topic(t TB, seeds []string, partitions int, configs map[string]string) string {
	t.Helper()
	topic := UniqueName(t)
	if err := CreateTopic(t.Context(), seeds, topic, partitions, configs); err != nil {
		t.Fatalf("%v", err)
	}
	return topic
}

// UniqueName returns a name for a topic, group or transaction that no other
// test uses.
func UniqueName(t TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, t.Name())
	return name[:min(len(name), 100)] + "-" + rand.Text()[:8]
}
