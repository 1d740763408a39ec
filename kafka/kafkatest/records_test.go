package kafkatest_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	seeds := kafkatest.Fake(t).ListenAddrs()
	topic := kafkatest.Topic(t, seeds, 3, nil)
	sent := kafkatest.Record{
		Partition: 2,
		Value:     []byte("value"),
		Headers:   []kafkatest.Header{{Key: "type", Value: []byte("wine")}},
		Time:      time.UnixMilli(1_000_000),
	}
	kafkatest.Produce(t, seeds, topic, sent)
	got := kafkatest.Take(t, seeds, topic, 1)[0]
	if got.Partition != 2 || string(got.Value) != "value" || !got.Time.Equal(sent.Time) ||
		len(got.Headers) != 1 || got.Headers[0].Key != "type" {
		t.Errorf("got %+v", got)
	}
}

func TestKeyedRecordsOfOneKeyShareAPartition(t *testing.T) {
	seeds := kafkatest.Fake(t).ListenAddrs()
	topic := kafkatest.Topic(t, seeds, 8, nil)
	var records []kafkatest.Record
	for i := range 64 {
		records = append(records, kafkatest.Record{Key: []byte(strconv.Itoa(i % 16))})
	}
	kafkatest.Produce(t, seeds, topic, records...)

	partitions := make(map[string]map[int32]bool)
	all := make(map[int32]bool)
	for _, r := range kafkatest.ReadAll(t, seeds, topic) {
		if partitions[string(r.Key)] == nil {
			partitions[string(r.Key)] = make(map[int32]bool)
		}
		partitions[string(r.Key)][r.Partition] = true
		all[r.Partition] = true
	}
	for key, p := range partitions {
		if len(p) != 1 {
			t.Errorf("key %s is in partitions %v", key, slices.Collect(maps.Keys(p)))
		}
	}
	if len(all) < 3 {
		t.Errorf("all keys are in %d partitions", len(all))
	}
}

// A topic may end with a transaction's marker, and have an aborted part.
func TestReadAllPassesOverTransactions(t *testing.T) {
	for name, seeds := range map[string]func(*testing.T) []string{
		"real": func(t *testing.T) []string { return shared.Get(t).Seeds(kafkatest.Plaintext) },
		"fake": func(t *testing.T) []string { return kafkatest.Fake(t).ListenAddrs() },
	} {
		t.Run(name, func(t *testing.T) {
			seeds := seeds(t)
			topic := kafkatest.Topic(t, seeds, 1, nil)
			cl := client(t, seeds, kgo.TransactionalID(kafkatest.UniqueName(t)), kgo.DefaultProduceTopic(topic))
			for value, end := range map[string]kgo.TransactionEndTry{"kept": kgo.TryCommit, "aborted": kgo.TryAbort} {
				if err := cl.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				if err := cl.ProduceSync(timeout(t), kgo.StringRecord(value)).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := cl.EndTransaction(timeout(t), end); err != nil {
					t.Fatal(err)
				}
			}
			wantValues(t, seeds, topic, "kept")
		})
	}
}

func TestCommitted(t *testing.T) {
	seeds := kafkatest.Fake(t).ListenAddrs()
	topic := kafkatest.Topic(t, seeds, 2, nil)
	group := kafkatest.UniqueName(t)
	if got := kafkatest.Committed(t, seeds, group, topic); len(got) != 0 {
		t.Errorf("a new group has committed %v", got)
	}
	admin := kadm.NewClient(client(t, seeds))
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, 1, 7, -1)
	if err := admin.CommitAllOffsets(timeout(t), group, offsets); err != nil {
		t.Fatal(err)
	}
	if got := kafkatest.Committed(t, seeds, group, topic); !maps.Equal(got, map[int32]int64{1: 7}) {
		t.Errorf("committed %v, want 1: 7", got)
	}
}
