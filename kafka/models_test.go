package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/messages"
)

func TestDescriptorsAreOfferedAndSettled(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("beer", "c"))
	m := w.startModels()
	m.taker.await(t, 3)
	if got := m.taker.names(); got != "a b c" {
		t.Errorf("offered %q, want them in order", got)
	}
	<-m.CaughtUp()
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
	if err := m.Health(); err != nil {
		t.Error(err)
	}
}

func TestPositionIsOfTheContiguousSettledDescriptors(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("wine", "c"))
	m := w.startModels(held)
	m.taker.await(t, 3)
	m.taker.settle(1, messages.ModelOutcome_PROMOTED, "")
	m.taker.settle(2, messages.ModelOutcome_DUPLICATE, "")
	m.close(t)
	if at := m.positions.at(0); at != 0 {
		t.Fatalf("position %d was saved although the first descriptor is not settled", at)
	}
	select {
	case <-m.CaughtUp():
		t.Fatal("caught up although the first descriptor is not settled")
	default:
	}
	// The next start begins there; what was settled is offered again.
	again := w.startModels(func(o *ModelsOptions) { o.Positions = m.positions })
	again.taker.await(t, 3)
	<-again.CaughtUp()
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
	again.close(t)
	// And the one after that has nothing to offer.
	last := w.startModels(func(o *ModelsOptions) { o.Positions = m.positions })
	<-last.CaughtUp()
	if got := last.taker.names(); got != "" {
		t.Errorf("offered %q again", got)
	}
}

func TestMalformedDescriptorsAreDeadLettered(t *testing.T) {
	for name, c := range map[string]struct {
		value  []byte
		reason string
	}{
		"not protobuf":  {[]byte("\xff\xff\xff"), "not a ModelDescriptor"},
		"empty":         {nil, "is empty"},
		"no data type":  {marshal(t, &messages.ModelDescriptor{Content: &messages.ModelDescriptor_Data{Data: []byte("x")}}), "data type"},
		"no content":    {marshal(t, &messages.ModelDescriptor{DataType: "wine"}), "neither a model"},
		"empty data":    {marshal(t, &messages.ModelDescriptor{DataType: "wine", Content: &messages.ModelDescriptor_Data{}}), "is empty"},
		"odd data type": {marshal(t, &messages.ModelDescriptor{DataType: "a\nb", Content: &messages.ModelDescriptor_Location{Location: "file:x"}}), "control character"},
		"too large":     {marshal(t, descriptorOf("wine", strings.Repeat("x", 2000))), "by its location"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Models.MaxBytes = 1 << 10
			w.publishRaw(&kgo.Record{Key: []byte("k"), Value: c.value, Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("kept")}}})
			w.publish(descriptorOf("wine", "good"))
			m := w.startModels()
			dead := w.read("dead", 1)[0]
			if string(dead.Value) != string(c.value) || string(dead.Key) != "k" || header(dead, "own") != "kept" {
				t.Errorf("dead letter is not the original: key %q value %q", dead.Key, dead.Value)
			}
			if got := header(dead, headerExceptionMessage); !strings.Contains(got, c.reason) {
				t.Errorf("reason %q does not say %q", got, c.reason)
			}
			if header(dead, headerTopic) != "models" || header(dead, headerOffset) != "0" || header(dead, headerStage) != "VALUE_CONVERTER" {
				t.Errorf("headers: %v", dead.Headers)
			}
			m.taker.await(t, 1)
			<-m.CaughtUp()
			if got := m.taker.names(); got != "good" {
				t.Errorf("offered %q", got)
			}
		})
	}
}

func TestRejectedModelsAreDeadLetteredWithTheReason(t *testing.T) {
	w := newWorld(t)
	bad := descriptorOf("wine", "bad")
	w.publish(bad)
	m := w.startModels(held)
	m.taker.await(t, 1)
	m.taker.settle(0, messages.ModelOutcome_REJECTED, "no such operator")
	dead := w.read("dead", 1)[0]
	if string(dead.Value) != string(marshal(t, bad)) {
		t.Error("dead letter is not the original descriptor")
	}
	if got := header(dead, headerExceptionMessage); got != "no such operator" {
		t.Errorf("reason %q", got)
	}
	<-m.CaughtUp()
}

func TestADescriptorWithoutOutcomeIsOfferedAgain(t *testing.T) {
	w := newWorld(t)
	w.config.Models.OfferTimeout = time.Millisecond
	w.publish(descriptorOf("wine", "a"))
	m := w.startModels(held)
	m.taker.await(t, 2)
	m.taker.settle(1, messages.ModelOutcome_PROMOTED, "")
	m.taker.settle(0, messages.ModelOutcome_DUPLICATE, "") // late, and ignored
	<-m.CaughtUp()
	eventually(t, "position 1 is saved", func() bool { return m.positions.at(0) == 1 })
}

func TestUnsettledDescriptorsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.config.Models.InFlight = 2
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"), descriptorOf("wine", "c"))
	m := w.startModels(held)
	m.taker.await(t, 2)
	m.taker.settle(0, messages.ModelOutcome_PROMOTED, "")
	m.taker.await(t, 3) // only now
	if got := m.taker.most(); got > 2 {
		t.Errorf("%d descriptors were unsettled at once, want at most 2", got)
	}
}

func TestCaughtUpOnAnEmptyTopic(t *testing.T) {
	m := newWorld(t).startModels()
	<-m.CaughtUp()
}

func TestCaughtUpOnATopicWhoseRecordsAreGone(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"))
	if err := w.cluster.DeleteRecords("models", 0, -1); err != nil {
		t.Fatal(err)
	}
	m := w.startModels()
	<-m.CaughtUp()
	if got := m.taker.names(); got != "" {
		t.Errorf("offered %q", got)
	}
}

// TestCaughtUpWhenNothingComesAnyMore: an end that compaction has emptied is
// never reached, which must not keep a server from being ready.
func TestCaughtUpWhenNothingComesAnyMore(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		change func(*modelsActor)
		want   bool
	}{
		"quiet":             {func(*modelsActor) {}, true},
		"something came":    {func(m *modelsActor) { m.newsAt = now.Add(-quietAfter / 2) }, false},
		"one is unsettled":  {func(m *modelsActor) { m.pending[modelID{}] = nil }, false},
		"not set up":        {func(m *modelsActor) { m.setup = false }, false},
		"not polling":       {func(m *modelsActor) { m.polling = false }, false},
		"broker is missing": {func(m *modelsActor) { m.status.conn = newConnection(testLog(t)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModelsActor(&Models{log: testLog(t), status: newModelStatus(), caughtUp: make(chan struct{})})
			conn := newConnection(testLog(t))
			conn.lastOK.Store(now.UnixNano())
			m.status.starting(conn)
			m.setup, m.polling, m.newsAt = true, true, now.Add(-quietAfter)
			m.parts[0] = &modelPartition{queue: queue{position: 3}, target: 5}
			c.change(m)
			m.quiet(now)
			select {
			case <-m.CaughtUp():
				if !c.want {
					t.Error("caught up")
				}
			default:
				if c.want {
					t.Error("not caught up")
				}
			}
		})
	}
}

func TestCaughtUpBehindAnAbortedTransaction(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	tx, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.TransactionalID("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(w.context(), &kgo.Record{Topic: "models", Value: marshal(t, descriptorOf("wine", "aborted"))}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tx.EndTransaction(w.context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	m := w.startModels()
	<-m.CaughtUp()
	if got := m.taker.names(); got != "a" {
		t.Errorf("offered %q", got)
	}
}

func TestASavedPositionBehindTheEndStartsOver(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	m := w.startModels(func(o *ModelsOptions) { o.Positions = &fakePositions{saved: map[int32]int64{0: 77}} })
	m.taker.await(t, 1)
	<-m.CaughtUp()
}

func TestAModelsTopicThatWasMadeAnewIsReadFromItsStart(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"), descriptorOf("wine", "b"))
	m := w.startModels()
	<-m.CaughtUp()
	eventually(t, "position 2 is saved", func() bool { return m.positions.at(0) == 2 })
	if err := w.cluster.DeleteTopic("models"); err != nil {
		t.Fatal(err)
	}
	if err := w.cluster.CreateTopic("models", 1, nil); err != nil {
		t.Fatal(err)
	}
	w.connect() // a client does not take a topic's new identity
	w.publish(descriptorOf("wine", "c"), descriptorOf("wine", "d"), descriptorOf("wine", "e"))
	m.taker.await(t, 5)
	if got := m.taker.names(); got != "a b c d e" {
		t.Errorf("offered %q", got)
	}
	eventually(t, "position 3 is saved", func() bool { return m.positions.at(0) == 3 })
}

func TestPositionsThatCannotBeSavedAreTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.publish(descriptorOf("wine", "a"))
	p := &fakePositions{failSaves: 2}
	m := w.startModels(func(o *ModelsOptions) { o.Positions = p })
	<-m.CaughtUp()
	eventually(t, "position 1 is saved", func() bool { return p.at(0) == 1 })
}
