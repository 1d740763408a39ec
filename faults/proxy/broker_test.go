package proxy_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/faults/proxy"
	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// A client of a real broker that begins at the link stays behind it, its commits
// are recognised, and one whose answer is lost is done all the same.
func TestRealBroker(t *testing.T) {
	l, err := proxy.New(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	b := kafkatest.Run(t, kafkatest.Config{Proxied: []func(int) string{l.Addr}})
	l.Forward(1, b.ProxiedAddr(0))
	direct := b.Seeds(kafkatest.Plaintext)
	topic := kafkatest.Topic(t, direct, 3, nil)

	client, err := kgo.NewClient(kgo.SeedBrokers(l.Addrs()...), kgo.TransactionalID("id"), kgo.DefaultProduceTopic(topic), kgo.AlwaysRetryEOF())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	commit := func(value string, lose bool) error {
		t.Helper()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if lose {
			l.LoseCommit(0)
		}
		return client.EndTransaction(t.Context(), kgo.TryCommit)
	}
	if err := commit("a", false); err != nil {
		t.Fatal(err)
	}
	if got := l.Stats(); got.Connections == 0 || got.Commits != 1 || got.LostCommits != 0 {
		t.Errorf("the link has counted %+v", got)
	}
	err = commit("b", true)
	t.Logf("the client says of a commit without an answer: %v", err)
	if got := l.Stats(); got.LostCommits != 1 {
		t.Errorf("the link has counted %+v", got)
	}
	if got := kafkatest.Take(t, direct, topic, 2); len(got) != 2 {
		t.Errorf("%d messages are committed", len(got))
	}

	l.Reset()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := client.Ping(ctx); err == nil {
		t.Error("the client has gone around the link")
	}
}
