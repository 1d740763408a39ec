package kafka

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

func TestPublishModel(t *testing.T) {
	w := newWorld(t)
	p := w.publisher()
	for want := range int64(2) {
		at, err := p.PublishModel(w.context(), descriptorOf("wine", "m"))
		if err != nil {
			t.Fatal(err)
		}
		if at.GetTopic() != "models" || at.GetOffset() != want {
			t.Errorf("place %v, want offset %d", at, want)
		}
	}
	r := w.read("models", 2)[1]
	got := &messages.ModelDescriptor{}
	if err := proto.Unmarshal(r.Value, got); err != nil || got.GetName() != "m" || string(r.Key) != "wine" {
		t.Errorf("read %v with key %q, %v", got, r.Key, err)
	}
}

func TestPublishAModelThatIsTooLarge(t *testing.T) {
	large := descriptorOf("wine", "m")
	large.Content = &messages.ModelDescriptor_Data{Data: bytes.Repeat([]byte("x"), 3<<20)}
	for name, c := range map[string]struct {
		limit  int
		reason string
	}{
		"ours":       {2 << 20, "kafka.models.max_bytes = 2097152"},
		"the topics": {32 << 20, "raise the topic's max.message.bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Models.MaxBytes = c.limit
			w.config.Producer.Compression = "none"
			_, err := w.publisher().PublishModel(w.context(), large)
			var tooLarge *ModelTooLargeError
			if !errors.As(err, &tooLarge) || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), "location") {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("fits a topic with room", func(t *testing.T) {
		w := newWorld(t)
		w.setTopic("models", "max.message.bytes", "33619968")
		if _, err := w.publisher().PublishModel(w.context(), large); err != nil {
			t.Fatal(err)
		}
		m := w.startModels()
		m.taker.await(t, 1)
		if got := m.taker.offered[0]; !proto.Equal(got, large) {
			t.Error("another model arrived")
		}
	})
}

func TestPublishRecords(t *testing.T) {
	w := newWorld(t)
	var sent int64
	n, err := w.publisher().PublishRecords(w.context(), Stream{Topic: "in", Sent: func(n int64) { sent = n }}, outgoing(100))
	if err != nil || n != 100 || sent != 100 {
		t.Fatalf("%d records, %d reported, %v", n, sent, err)
	}
	recs := w.read("in", 100)
	if header(recs[0], "type") != "wine" || string(recs[0].Key) != "key" {
		t.Errorf("record %+v", recs[0])
	}
}

func TestPublishRecordsInALoopUntilTheContextEnds(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(w.context())
	n, err := w.publisher().PublishRecords(ctx, Stream{Topic: "in", Loop: true, Sent: func(n int64) {
		if n == 50 {
			cancel()
		}
	}}, outgoing(10))
	if err != nil || n < 50 {
		t.Fatalf("%d records, %v", n, err)
	}
	if got := w.count("in"); got != n {
		t.Errorf("%d records are there, %d were reported", got, n)
	}
}

func TestPublishRecordsAtARate(t *testing.T) {
	w := newWorld(t)
	start := time.Now()
	n, err := w.publisher().PublishRecords(w.context(), Stream{Topic: "in", Rate: 500}, outgoing(100))
	if took := time.Since(start); err != nil || n != 100 || took < 190*time.Millisecond {
		t.Errorf("%d records in %v, %v; want at least 0.2 s", n, took, err)
	}
}

func TestPublishToAMissingTopic(t *testing.T) {
	w := newWorld(t)
	_, err := w.publisher().PublishRecords(w.context(), Stream{Topic: "nowhere"}, outgoing(1))
	if err == nil || !strings.Contains(err.Error(), "topic nowhere: UNKNOWN_TOPIC_OR_PARTITION") {
		t.Errorf("error %v", err)
	}
}

func TestTailResults(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	_ = in
	w.produce(0, "wine", string(marshal(t, &messages.ServingResult{DataType: "old"})))
	w.read("out", 1)
	tail := func(how Tail, n int) (types []string) {
		err := TailResults(w.context(), &w.config, testLog(t), how, func(r *TailedResult) bool {
			if r.Err != nil {
				types = append(types, "broken")
			} else {
				types = append(types, r.Result.GetDataType()+" "+r.DataType)
			}
			return len(types) < n
		})
		if err != nil {
			t.Fatal(err)
		}
		return types
	}
	got := tail(Tail{Ready: func() {
		w.produce(0, "wine", string(marshal(t, &messages.ServingResult{DataType: "new"})), "\xff")
	}}, 2)
	if !slices.Equal(got, []string{"new wine", "broken"}) {
		t.Errorf("from the end: %q", got)
	}
	if got := tail(Tail{FromStart: true}, 3); !slices.Equal(got, []string{"old wine", "new wine", "broken"}) {
		t.Errorf("from the start: %q", got)
	}
	ctx, cancel := context.WithCancel(w.context())
	if err := TailResults(ctx, &w.config, testLog(t), Tail{Ready: cancel}, nil); err != nil {
		t.Errorf("when the context ends: %v", err)
	}
}

func TestTailAMissingTopic(t *testing.T) {
	w := newWorld(t)
	w.config.Results.Topic = "nowhere"
	if err := TailResults(w.context(), &w.config, testLog(t), Tail{}, nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v", err)
	}
}

func (w *world) publisher() *Publisher {
	w.t.Helper()
	p, err := NewPublisher(&w.config, testLog(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

func outgoing(n int) iter.Seq[Outgoing] {
	return func(yield func(Outgoing) bool) {
		for i := range n {
			if !yield(Outgoing{Key: []byte("key"), Value: []byte(strconv.Itoa(i)), Headers: map[string]string{"type": "wine"}}) {
				return
			}
		}
	}
}
