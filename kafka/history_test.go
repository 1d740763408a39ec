package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/record"
)

func (w *world) openHistory() *History {
	w.t.Helper()
	h, err := OpenHistory(&w.config, testLog(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(h.Close)
	return h
}

func (w *world) inputTopic() Topic {
	return Topic{Config: w.config.Records.Topics[0], Format: record.JSON()}
}

// inTransaction writes to partition 0 of the input and commits, or not.
func (w *world) inTransaction(commit kgo.TransactionEndTry, values ...string) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.config.Brokers...), kgo.TransactionalID(w.prefix+"t"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	for _, v := range values {
		r := &kgo.Record{Topic: w.prefix + "in", Value: []byte(v), Headers: []kgo.RecordHeader{{Key: "type", Value: []byte("wine")}}}
		if err := client.ProduceSync(w.context(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := client.EndTransaction(w.context(), commit); err != nil {
		w.t.Fatal(err)
	}
}

// readRange reads between two positions of partition 0 of the input.
func (w *world) readRange(h *History, from, to string) string {
	w.t.Helper()
	var ends [2]Position
	for i, text := range []string{from, to} {
		var err error
		if ends[i], err = ParsePosition(text, time.Now()); err != nil {
			w.t.Fatal(err)
		}
	}
	spans, err := h.Spans(w.context(), w.prefix+"in", ends[0], ends[1], 0)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := h.Records(w.inputTopic(), 0, spans[0])
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		page, err := r.Next(w.context())
		for _, x := range page {
			got = append(got, fmt.Sprintf("%d:%s", x.Offset, x.Payload))
			if (x.DataType == "") == (x.Err == nil) {
				w.t.Errorf("record %d: data type %q, %v", x.Offset, x.DataType, x.Err)
			}
		}
		if errors.Is(err, io.EOF) {
			return fmt.Sprint(got)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// A range is read to its end wherever that is: between records, at a
// transaction's marker, behind what was aborted.
func TestHistoryReadsRanges(t *testing.T) {
	w := newWorld(t)
	w.produce(0, "wine", "a", "b")               // 0, 1
	w.inTransaction(kgo.TryCommit, "c", "d")     // 2, 3; marker 4
	w.inTransaction(kgo.TryAbort, "lost", "too") // 5, 6; marker 7
	w.produce(0, "", "e")                        // 8, without a data type
	w.inTransaction(kgo.TryCommit, "f")          // 9; marker 10
	h := w.openHistory()
	for _, c := range []struct{ from, to, want string }{
		{"earliest", "latest", "[0:a 1:b 2:c 3:d 8:e 9:f]"},
		{"earliest", "offset:0", "[]"},
		{"offset:1", "offset:3", "[1:b 2:c]"},
		{"offset:3", "offset:5", "[3:d]"},
		{"offset:4", "offset:8", "[]"},
		{"offset:9", "offset:1000", "[9:f]"},
		{"offset:7", "offset:2", "[]"},
		{"now-1h", "now", "[0:a 1:b 2:c 3:d 8:e 9:f]"},
		{"now", "latest", "[]"},
		{"latest", "latest", "[]"},
	} {
		if got := w.readRange(h, c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

// What retention has removed is not skipped in silence.
func TestHistorySaysWhatIsGone(t *testing.T) {
	w := newWorld(t)
	w.produce(0, "wine", numbers(0, 10)...)
	h := w.openHistory()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "in", At: 5, LeaderEpoch: -1})
	if _, err := kadm.NewClient(w.client).DeleteRecords(w.context(), offsets); err != nil {
		t.Fatal(err)
	}
	r, err := h.Records(w.inputTopic(), 0, Span{0, 10})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.Next(w.context()); !errors.Is(err, kerr.OffsetOutOfRange) || len(got) > 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if got := w.readRange(h, "earliest", "latest"); got != "[5:5 6:6 7:7 8:8 9:9]" {
		t.Errorf("from the earliest: %s", got)
	}
}

// The models topic is read to its end, and single models once more.
func TestHistoryReadsModels(t *testing.T) {
	w := newWorld(t)
	p := w.publisher()
	for _, name := range []string{"first", "second"} {
		if _, err := p.PublishModel(w.context(), descriptorOf("wine", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.client.ProduceSync(w.context(), &kgo.Record{Topic: "models", Value: []byte{0xff}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h := w.openHistory()
	var got []string
	err := h.Models(w.context(), func(m *PublishedModel) error {
		got = append(got, fmt.Sprintf("%d %s %v", m.Offset, m.Descriptor.GetName(), m.Err == nil))
		return nil
	})
	if want := "[0 first true 1 second true 2  false]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, offset := range []int64{1, 0, 1} {
		b, err := h.Artifact(w.context(), 0, offset)
		if want := descriptorOf("wine", "x").GetData(); err != nil || len(b) == 0 || len(want) == 0 {
			t.Errorf("offset %d: %d bytes, %v", offset, len(b), err)
		}
	}
	var gone *ArtifactGoneError
	if _, err := h.Artifact(w.context(), 0, 77); !errors.As(err, &gone) {
		t.Errorf("offset 77: %v", err)
	}
	ctx, cancel := context.WithCancel(w.context())
	cancel()
	if _, err := h.Artifact(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
