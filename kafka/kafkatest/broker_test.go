package kafkatest_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

var shared kafkatest.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func client(t *testing.T, seeds []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seeds...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// produce writes a record for each value to partition 0.
func produce(t *testing.T, seeds []string, topic string, values ...string) {
	t.Helper()
	var records []kafkatest.Record
	for _, v := range values {
		records = append(records, kafkatest.Record{Value: []byte(v)})
	}
	kafkatest.Produce(t, seeds, topic, records...)
}

// wantValues compares all that a topic holds, and the order.
func wantValues(t *testing.T, seeds []string, topic string, want ...string) {
	t.Helper()
	var got []string
	for _, r := range kafkatest.ReadAll(t, seeds, topic) {
		got = append(got, string(r.Value))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRealAndFakeBrokersServeTheSameClient(t *testing.T) {
	for name, seeds := range map[string]func(*testing.T) []string{
		"real": func(t *testing.T) []string { return shared.Get(t).Seeds(kafkatest.Plaintext) },
		"fake": func(t *testing.T) []string { return kafkatest.Fake(t).ListenAddrs() },
	} {
		t.Run(name, func(t *testing.T) {
			seeds := seeds(t)
			topic := kafkatest.Topic(t, seeds, 1, map[string]string{"max.message.bytes": "3000000"})
			produce(t, seeds, topic, "a", "b")
			wantValues(t, seeds, topic, "a", "b")

			admin := kadm.NewClient(client(t, seeds))
			configs, err := admin.DescribeTopicConfigs(timeout(t), topic)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range configs[0].Configs {
				if c.Key == "max.message.bytes" && *c.Value != "3000000" {
					t.Errorf("max.message.bytes is %s", *c.Value)
				}
			}
		})
	}
}

func TestDataOutlivesTheBroker(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{})
	seeds := b.Seeds(kafkatest.Plaintext)
	topic := kafkatest.Topic(t, seeds, 1, nil)

	produce(t, seeds, topic, "before the crash")
	b.Kill()
	if b.PID() != 0 {
		t.Fatal("killed, but it has a process")
	}
	if err := b.Start(timeout(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, seeds, topic, "after the crash")
	if err := b.Restart(timeout(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, seeds, topic, "after the restart")
	wantValues(t, seeds, topic, "before the crash", "after the crash", "after the restart")
}

func TestFrozenBrokerAnswersNothingUntilItContinues(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{})
	// A request that was sent is waited for that long, whatever its context says.
	cl := client(t, b.Seeds(kafkatest.Plaintext), kgo.RequestTimeoutOverhead(time.Second))
	if err := cl.Ping(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := cl.Ping(timeout(t)); err == nil {
		t.Error("a frozen broker answered")
	}
	if err := b.Continue(); err != nil {
		t.Fatal(err)
	}
	if err := cl.Ping(timeout(t)); err != nil {
		t.Error(err)
	}
}

func TestThreeNodesServeWithoutOne(t *testing.T) {
	c := kafkatest.RunCluster(t, kafkatest.Config{}, 3)
	seeds := c.Seeds(kafkatest.Plaintext)
	topic := kafkatest.Topic(t, seeds, 1, nil)
	produce(t, seeds, topic, "three")
	c.Nodes[0].Kill()
	produce(t, seeds, topic, "two")
	wantValues(t, seeds, topic, "three", "two")
}

func TestStopGivesUpWithItsContext(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{})
	if err := b.Freeze(); err != nil { // so that it cannot stop in order
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Stop(ended); err == nil {
		t.Error("no error")
	}
	if b.PID() != 0 {
		t.Error("still there")
	}
}

func TestFeaturesAreFormattedIn(t *testing.T) {
	for name, tt := range map[string]struct {
		features map[string]string
		want     int16
	}{
		"default":         {want: 2},
		"old transaction": {features: map[string]string{"transaction.version": "1"}, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := kafkatest.Run(t, kafkatest.Config{Features: tt.features})
			req := kmsg.NewPtrApiVersionsRequest()
			req.ClientSoftwareName, req.ClientSoftwareVersion = "kafkatest", "1"
			resp, err := req.RequestWith(timeout(t), client(t, b.Seeds(kafkatest.Plaintext)))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range resp.FinalizedFeatures {
				if f.Name == "transaction.version" && f.MaxVersionLevel == tt.want {
					return
				}
			}
			t.Errorf("want transaction.version %d among %+v", tt.want, resp.FinalizedFeatures)
		})
	}
}

func TestBadOverrideIsAnErrorWithTheReason(t *testing.T) {
	shared.Get(t) // skips where there is no broker
	_, err := kafkatest.Start(t.Context(), kafkatest.Config{Overrides: map[string]string{"num.io.threads": "many"}})
	if err == nil {
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "num.io.threads") {
		t.Errorf("the error does not name the property: %v", err)
	}
}
