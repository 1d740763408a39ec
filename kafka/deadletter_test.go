package kafka

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// TestRowsThatFailAreDeadLettered: a malformed record has only a dead letter, a
// record that could not be scored a result that says so and a dead letter.
func TestRowsThatFailAreDeadLettered(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	in.scorer.set(func(b *record.Batch) *record.Scored {
		a := &record.Scored{Batch: b}
		for i, r := range b.Records {
			switch string(r.Payload) {
			case "bad":
				a.Failures = append(a.Failures, model.RowError{Row: i, Err: &model.RecordError{Kind: model.Malformed, Rule: "must be JSON"}})
			case "odd":
				a.Failures = append([]model.RowError{{Row: i, Err: &model.RecordError{Kind: model.InvalidInput, Field: "pH", Value: "99"}}}, a.Failures...)
				a.Payloads = append(a.Payloads, "error"...)
			default:
				a.Payloads = append(a.Payloads, r.Payload...)
			}
			a.Ends = append(a.Ends, int32(len(a.Payloads)))
		}
		return a
	})
	w.produce(2, "wine", "a", "bad", "b", "odd", "c")
	if got, want := values(w.read("out", 4))[2], []string{"a", "b", "error", "c"}; !slices.Equal(got, want) {
		t.Errorf("results %v, want %v", got, want)
	}
	dead := w.read("dead", 2)
	for i, want := range []map[string]string{
		{
			headerTopic: "in", headerPartition: "2", headerOffset: "1",
			headerConnectorName: "group", headerTaskID: "0",
			headerStage: "VALUE_CONVERTER", headerClassName: "ingest/records",
			headerExceptionClass: "malformed", headerExceptionMessage: "malformed: must be JSON",
			headerExceptionTrace: "malformed: malformed: must be JSON",
			"own":                "kept", "type": "wine",
		},
		{
			headerOffset: "3", headerStage: "TRANSFORMATION", headerExceptionClass: "invalid-input",
			headerExceptionMessage: `invalid-input: field "pH": value "99"`,
		},
	} {
		for key, value := range want {
			if got := header(dead[i], key); got != value {
				t.Errorf("dead letter %d: header %s is %q, want %q", i, key, got, value)
			}
		}
	}
	if string(dead[0].Value) != "bad" || string(dead[0].Key) != "kbad" || string(dead[1].Value) != "odd" {
		t.Error("the dead letters are not the original records")
	}
	in.drain(t)
	if at := w.committed(2); at != 5 {
		t.Errorf("committed %d, want 5", at)
	}
	if s := in.Stats(); s.Results != 4 || s.DeadLettered != 2 || s.Consumed != 5 || s.Lag != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestRecordsThatNoModelCanGet(t *testing.T) {
	for name, c := range map[string]struct {
		rule   DataTypeRule
		record *kgo.Record
		reason string
	}{
		"tombstone":         {DataTypeRule{From: FromKey}, &kgo.Record{Key: []byte("wine")}, "no value"},
		"no key":            {DataTypeRule{From: FromKey}, &kgo.Record{Value: []byte("x")}, "no key"},
		"no header":         {DataTypeRule{From: FromHeader, Name: "type"}, &kgo.Record{Value: []byte("x")}, `no header "type"`},
		"unreadable field":  {DataTypeRule{From: FromField, Name: "f"}, &kgo.Record{Value: []byte("!")}, `no field "f"`},
		"no field":          {DataTypeRule{From: FromField, Name: "f"}, &kgo.Record{Value: []byte("{}")}, `no field "f"`},
		"too long":          {DataTypeRule{From: FromKey}, &kgo.Record{Key: make([]byte, 1000), Value: []byte("x")}, "at most 200"},
		"not UTF-8":         {DataTypeRule{From: FromKey}, &kgo.Record{Key: []byte("\xff"), Value: []byte("x")}, "UTF-8"},
		"control character": {DataTypeRule{From: FromKey}, &kgo.Record{Key: []byte("a\x00"), Value: []byte("x")}, "control character"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Records.Topics[0].DataType = c.rule
			in := w.start()
			c.record.Topic = "in"
			if err := w.client.ProduceSync(w.context(), c.record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			dead := w.read("dead", 1)[0]
			if got := header(dead, headerExceptionMessage); !strings.Contains(got, c.reason) {
				t.Errorf("reason %q does not say %q", got, c.reason)
			}
			if string(dead.Value) != string(c.record.Value) || string(dead.Key) != string(c.record.Key) {
				t.Error("the dead letter is not the original record")
			}
			if n := len(in.scorer.seen()); n != 0 {
				t.Errorf("%d batches were scored", n)
			}
			in.drain(t)
			if at := w.committed(0); at != 1 {
				t.Errorf("committed %d, want 1", at)
			}
		})
	}
}

func TestDataTypeRules(t *testing.T) {
	rec := &kgo.Record{Key: []byte("k"), Value: []byte(`{"f":"beer"}`), Headers: []kgo.RecordHeader{
		{Key: "type", Value: []byte("first")}, {Key: "type", Value: []byte("last")},
	}}
	bare := &kgo.Record{Value: []byte("{}")}
	field, err := record.JSON().FieldReader("f")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule DataTypeRule
		rec  *kgo.Record
		want string
	}{
		{DataTypeRule{From: FromKey}, rec, "k"},
		{DataTypeRule{From: FromKey, Default: "d"}, bare, "d"},
		{DataTypeRule{From: FromHeader, Name: "type"}, rec, "last"},
		{DataTypeRule{From: FromHeader, Name: "type", Default: "d"}, bare, "d"},
		{DataTypeRule{From: FromField, Name: "f"}, rec, "beer"},
		{DataTypeRule{From: FromField, Name: "f", Default: "d"}, bare, "d"},
		{DataTypeRule{From: FromFixed, Name: "wine"}, bare, "wine"},
	} {
		typer := newDataTyper(c.rule, field)
		for range 2 { // the second time it is known
			dt, err := typer.of(c.rec)
			if err != nil || dt.name != c.want || string(dt.key) != c.want {
				t.Errorf("%+v: data type %+v, %v; want %q", c.rule, dt, err, c.want)
			}
		}
	}
}

func TestRememberedDataTypesAreBounded(t *testing.T) {
	typer := newDataTyper(DataTypeRule{From: FromKey}, nil)
	for i := range 3 * maxInterned {
		if _, err := typer.of(&kgo.Record{Key: []byte{byte('a' + i%26), byte('a' + i/26%26), byte('a' + i/676%26), 'x'}}); err != nil {
			t.Fatal(err)
		}
		if len(typer.interned) > maxInterned {
			t.Fatalf("%d data types are remembered", len(typer.interned))
		}
	}
}

func TestADeadLetterReplacesAnEarlierReason(t *testing.T) {
	d := deadLetters{topic: "dead"}
	var once, twice kgo.Record
	in := &kgo.Record{Topic: "in", Offset: 1, Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("kept")}}}
	d.letter(&once, in, &rejection{stage: stageProduce, class: "A", err: errors.New("first")})
	once.Topic = "dead"
	d.letter(&twice, &once, &rejection{stage: stageProduce, class: "B", err: errors.New("second")})
	if len(twice.Headers) != len(once.Headers) || header(&twice, "own") != "kept" ||
		header(&twice, headerExceptionMessage) != "second" || header(&twice, headerTopic) != "dead" {
		t.Errorf("headers %v", twice.Headers)
	}
}

func TestReasonsAreShortened(t *testing.T) {
	for _, s := range []string{strings.Repeat("x", 100), strings.Repeat("é", 100), "€€€€", "x"} {
		for n := 4; n < 20; n++ {
			got := shorten(s, n)
			if len(got) > n || !utf8.ValidString(got) {
				t.Errorf("shorten(%q, %d) = %q", s, n, got)
			}
		}
	}
}
