package load_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/load"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml"
)

func drawModel(t *rapid.T) load.Model {
	return load.Model{
		DataType: "red", Version: rapid.IntRange(0, 1<<20).Draw(t, "version"),
		Slope: rapid.IntRange(-9, 9).Draw(t, "slope"), Intercept: rapid.IntRange(-999, 999).Draw(t, "intercept"),
		EffectiveFromMS: rapid.Int64Range(0, 1<<42).Draw(t, "from"), Flaw: load.Flaw(rapid.IntRange(0, 3).Draw(t, "flaw")),
	}
}

// What is published is read back, and flaws are seen.
func TestModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		b, err := proto.Marshal(m.Descriptor())
		if err != nil {
			t.Fatal(err)
		}
		at := check.Place{Topic: "models", Offset: 3}
		got := load.DecodeModel(at, 5, b)
		if got.Bad != (m.Flaw != load.Sound) {
			t.Fatalf("bad is %v with the flaw %v", got.Bad, m.Flaw)
		}
		want := check.Model{
			Place: at, AppendedMS: 5, DataType: "red", Name: got.Name, Version: float64(m.Version),
			Slope: float64(m.Slope), Intercept: float64(m.Intercept), EffectiveFromMS: m.EffectiveFromMS, Bad: got.Bad,
		}
		if m.Flaw != load.CutShort && got != want {
			t.Fatalf("%+v is read as %+v", want, got)
		}
	})
}

// The server's own engine scores the document as the checker expects it.
func TestDocumentScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		m.Flaw = load.Sound
		number, x := float64(rapid.IntRange(0, 1<<30).Draw(t, "number")), float64(rapid.IntRange(0, 1<<20).Draw(t, "x"))
		e, err := pmml.Type().Load(context.Background(), model.Spec{Name: "m", Artifact: model.Artifact{Bytes: m.Document()}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var in, out model.Batch
		in.Reset(e.Signature().Inputs, 1)
		for i, f := range e.Signature().Inputs {
			in.Columns[i].Float64[0] = map[string]float64{"fixed acidity": number, "alcohol": x}[f.Name]
		}
		if err := e.Score(context.Background(), &in, &out); err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for i, f := range e.Signature().Outputs {
			got[f.Name] = out.Columns[i].Float64[0]
		}
		if got["version"] != float64(m.Version) || got["number"] != number || got["y"] != float64(m.Slope)*x+float64(m.Intercept) {
			t.Fatalf("version %d, %d·%v + %d of number %v is %v", m.Version, m.Slope, x, m.Intercept, number, got)
		}
	})
}

// What flows is acknowledged, read back, and as the ledger says.
func TestLoad(t *testing.T) {
	fake := kafkatest.Fake(t)
	cfg := load.Config{
		Seeds:       fake.ListenAddrs(),
		Topics:      []load.Topic{{kafkatest.Topic(t, fake.ListenAddrs(), 2, nil), load.Wine, 2}, {kafkatest.Topic(t, fake.ListenAddrs(), 3, nil), load.JSON, 3}},
		DataTypes:   []load.DataType{{"red", false}, {"white", true}},
		ModelsTopic: kafkatest.Topic(t, fake.ListenAddrs(), 1, nil),
		PerSecond:   20_000, ModelEvery: time.Millisecond, Lead: time.Second, BadOneIn: 4, Seed: 1,
	}
	l, err := load.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	models := kafkatest.Take(t, cfg.Seeds, cfg.ModelsTopic, 40)
	kafkatest.Take(t, cfg.Seeds, cfg.Topics[1].Name, 1000)
	ledger, err := l.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ledger.Records != int(l.Sent()) || len(ledger.Places) != ledger.Records+ledger.Models {
		t.Errorf("%d records were sent, the ledger has %d, %d models, %d places", l.Sent(), ledger.Records, ledger.Models, len(ledger.Places))
	}
	checkModels(t, models)
	checkRecords(t, cfg, ledger.Records)
}

// checkModels: first models are sound and at arrival; later ones may be bad, and
// of one of the data types they are for a time to come.
func checkModels(t *testing.T, models []kafkatest.Record) {
	t.Helper()
	bad := 0
	for i, r := range models {
		m := load.DecodeModel(check.Place{Offset: r.Offset}, r.Time.UnixMilli(), r.Value)
		if m.Bad {
			bad++
		}
		later := i >= 2
		if m.Bad && !later || (m.EffectiveFromMS != 0) != (later && m.DataType == "white") {
			t.Errorf("model %d is %+v", i, m)
		}
		if m.EffectiveFromMS != 0 && m.EffectiveFromMS < m.AppendedMS+500 {
			t.Errorf("model %d of %d is effective from %d", i, m.AppendedMS, m.EffectiveFromMS)
		}
	}
	if bad == 0 || bad > len(models)/2 {
		t.Errorf("%d of %d models are bad", bad, len(models))
	}
}

func checkRecords(t *testing.T, cfg load.Config, want int) {
	t.Helper()
	numbers, outcomes := map[float64]bool{}, map[check.Outcome]int{}
	total, disorder := 0, 0
	for _, topic := range cfg.Topics {
		last := map[int32]time.Time{}
		for _, r := range kafkatest.ReadAll(t, cfg.Seeds, topic.Name) {
			dataType := ""
			for _, h := range r.Headers {
				dataType = string(h.Value)
			}
			rec, err := load.DecodeRecord(topic.Format, check.Place{}, r.Time.UnixMilli(), dataType, r.Value)
			if err != nil {
				t.Fatal(err)
			}
			if rec.DataType != "red" && rec.DataType != "white" {
				t.Fatalf("a record has the data type %q", rec.DataType)
			}
			if rec.Want == check.Scored {
				numbers[rec.Number] = true
			}
			outcomes[rec.Want]++
			total++
			if r.Time.Before(last[r.Partition]) {
				disorder++
			}
			last[r.Partition] = r.Time
		}
	}
	if total != want || len(numbers) != outcomes[check.Scored] || outcomes[check.Failed] == 0 || outcomes[check.Refused] == 0 || disorder == 0 {
		t.Errorf("%d of %d records, %d numbers, outcomes %v, %d out of order", total, want, len(numbers), outcomes, disorder)
	}
}
