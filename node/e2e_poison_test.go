package node_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
)

// Records that nobody can read go to the dead-letter topic as they came; their
// neighbours are scored, and the stream goes on.
func TestPoisonRecords(t *testing.T) {
	w := onBroker(t)
	s := w.start((&adder{}).registry(t))
	w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")

	wine := func(r *messages.WineRecord) []byte {
		b, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	poison := map[string][]byte{ // what it is → the payload
		"no value":           nil,
		"no protobuf":        []byte("this is no wine"),
		"cut in the middle":  wine(&messages.WineRecord{FixedAcidity: 1, Alcohol: 2, DataType: "wine"})[:12],
		"a group's end":      protowire.AppendTag(nil, 1, protowire.EndGroupType),
		"a length too long":  append(protowire.AppendTag(nil, 12, protowire.BytesType), 0xff, 0xff, 0xff, 0xff, 0x7f),
		"a type that varies": protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1),
		"a huge name":        wine(&messages.WineRecord{DataType: strings.Repeat("w", 10_000)}),
		"a name with a bell": wine(&messages.WineRecord{DataType: "wi\ane"}),
		"a million bytes":    bytes.Repeat([]byte{0xff}, 500_000),
	}
	number := 0
	var rs []kafkatest.Record
	good := func(n int) {
		for range n {
			rs = append(rs, w.wine(number))
			number++
		}
	}
	for _, payload := range poison {
		good(25)
		rs = append(rs, kafkatest.Record{
			Partition: int32(len(rs) % w.partitions), Value: payload,
			Headers: []kafkatest.Header{{Key: "own", Value: []byte("kept")}},
		})
	}
	good(25)
	kafkatest.Produce(t, w.seeds, w.records, rs...)
	letters := w.letters(len(poison))
	for what, payload := range poison {
		i := slices.IndexFunc(letters, func(l letter) bool { return bytes.Equal(l.Value, payload) })
		if i < 0 {
			t.Errorf("%s: no dead letter with its bytes", what)
			continue
		}
		if l := letters[i]; l.class == "" || l.message == "" || string(l.Headers[0].Value) != "kept" {
			t.Errorf("%s: a dead letter without its reason or headers: %+v", what, l)
		}
	}
	checkSums(t, w.scored(number)[0], 0, number, 1_000_000)
	if got := s.Records().Stats(); got.DeadLettered != int64(len(poison)) || got.Dropped != 0 {
		t.Errorf("dead-lettered %d, dropped %d", got.DeadLettered, got.Dropped)
	}
}

// A record that makes the model panic has a result that says so; its neighbours
// have theirs, and the model goes on.
func TestPanickingRecord(t *testing.T) {
	w := onBroker(t)
	s := w.start((&adder{}).registry(t))
	at := w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	w.wines(0, 100)
	w.wines(-1, 1)
	w.wines(100, 100)
	var failed []*messages.ServingResult
	var fine []*messages.ServingResult
	for _, r := range w.scored(201)[at] {
		if r.GetError() != nil {
			failed = append(failed, r)
		} else {
			fine = append(fine, r)
		}
	}
	if len(failed) != 1 || failed[0].GetError().GetKind() != "panicked" {
		t.Errorf("failed: %v", failed)
	}
	checkSums(t, fine, 0, 200, 1_000_000)
	if st := s.state("wine"); st.Current.Number != 1 || st.Current.Name != "adder" {
		t.Errorf("state: %+v", st)
	}
}

// Models that are no models are rejected, each with its reason; the one that
// serves goes on, and so does the server.
func TestPoisonModels(t *testing.T) {
	w := onBroker(t)
	c := openCellar(t)
	s := w.start(realTypes(t))
	w.publish(c.model("wine-forest"))
	s.awaitModel("wine", "wine-forest")

	forest := c.model("wine-forest")
	with := func(change func(*messages.ModelDescriptor)) *messages.ModelDescriptor {
		d := proto.CloneOf(forest)
		d.Name, d.Sha256 = "poison", ""
		change(d)
		return d
	}
	inline := func(d *messages.ModelDescriptor, b []byte) { d.Content = &messages.ModelDescriptor_Data{Data: b} }
	bomb := `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><PMML version="4.4">&b;</PMML>`
	poison := []struct {
		what string
		d    *messages.ModelDescriptor
		says string // in the reason
	}{
		{"another digest", with(func(d *messages.ModelDescriptor) { d.Sha256 = strings.Repeat("0", 64) }), "digest"},
		{"half a document", with(func(d *messages.ModelDescriptor) { inline(d, forest.GetData()[:len(forest.GetData())/2]) }), ""},
		{"no XML", with(func(d *messages.ModelDescriptor) { inline(d, []byte("MZ\x90\x00")) }), ""},
		{"entities", with(func(d *messages.ModelDescriptor) { inline(d, []byte(bomb)) }), ""},
		{"deep nesting", with(func(d *messages.ModelDescriptor) { inline(d, bytes.Repeat([]byte("<Node>"), 100_000)) }), ""},
		{"an unknown type", with(func(d *messages.ModelDescriptor) { d.Type = "horoscope" }), `model type "horoscope" is not known here`},
		{"an unknown option", with(func(d *messages.ModelDescriptor) { d.Options = map[string]string{"fast": "yes"} }), `"fast"`},
		{"an enum of the future", with(func(d *messages.ModelDescriptor) { d.Type, d.Modeltype = "", 17 }), "17"},
		{"a graph that is none", with(func(d *messages.ModelDescriptor) { d.Type = "tensorflow"; inline(d, []byte{1, 2, 3}) }), ""},
		{"a zip that is none", with(func(d *messages.ModelDescriptor) { d.Type = "tensorflow-saved"; inline(d, []byte("PK\x03\x04nothing")) }), ""},
		{"a file of this machine", with(func(d *messages.ModelDescriptor) {
			d.Content = &messages.ModelDescriptor_Location{Location: "file:///etc/passwd"}
		}), ""},
		{"a host of the network", with(func(d *messages.ModelDescriptor) {
			d.Content = &messages.ModelDescriptor_Location{Location: "http://169.254.169.254/latest/meta-data"}
		}), ""},
		{"inputs that no record has", with(func(d *messages.ModelDescriptor) {
			inline(d, bytes.ReplaceAll(forest.GetData(), []byte("alcohol"), []byte("terroir")))
		}), "terroir"},
	}
	l := w.load(c)
	for _, p := range poison {
		// One at a time, so that none is superseded by the next one.
		at := w.publish(p.d)
		await(t, "the rejection of "+p.what, func() (string, bool) {
			for _, g := range s.state("wine").Generations {
				if g.Source.Offset == at {
					return g.Phase, g.Phase == "rejected"
				}
			}
			return "not seen", false
		})
	}
	w.publishBytes([]byte{0xff, 0xff})
	w.publish(with(func(d *messages.ModelDescriptor) { d.DataType = "" }))
	w.publish(with(func(d *messages.ModelDescriptor) { d.Content = nil }))
	letters := w.letters(len(poison) + 3)
	for i, p := range poison {
		if !strings.Contains(letterOf(letters, int64(i+1)), p.says) || letterOf(letters, int64(i+1)) == "" {
			t.Errorf("%s: the reason is %q, which does not say %q", p.what, letterOf(letters, int64(i+1)), p.says)
		}
		t.Logf("%s: %.200s", p.what, letterOf(letters, int64(i+1)))
	}
	l.stop()
	sent := int(l.sent.Load())
	w.awaitSettled(int64(sent / w.partitions))
	if st := s.state("wine"); st.Current.Number != 1 || st.Statistics.BatchErrors != 0 || st.Statistics.RecordErrors != 0 {
		t.Errorf("the serving model suffered: %+v", st)
	}
	for p, log := range w.allResults() {
		for i, r := range log.results {
			c.check(r, int(log.offsets[i])*w.partitions+int(p))
		}
	}
}

// letterOf returns the reason of the dead letter of a descriptor's offset.
func letterOf(letters []letter, offset int64) string {
	for _, l := range letters {
		for _, h := range l.Headers {
			if h.Key == "__connect.errors.offset" && string(h.Value) == fmt.Sprint(offset) {
				return l.message
			}
		}
	}
	return ""
}
