package kafka

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	reader := sdk.NewManualReader()
	w.meter = sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("")
	w.publish(descriptorOf("wine", "m"), descriptorOf("", "nameless"))
	models := w.startModels()
	<-models.CaughtUp()
	in := w.start()
	in.scorer.set(func(b *record.Batch) *record.Scored {
		switch b.DataType {
		case "beer":
			return failWith(record.ErrNoModel)(b)
		case "tea":
			return failWith(errors.New("broken"))(b)
		}
		a := echo(b)
		a.Failures = []model.RowError{{Row: 0, Err: &model.RecordError{Kind: model.InvalidInput}}}
		return a
	})
	w.produce(0, "wine", "a", "b")
	w.produce(0, "beer", "c", "d", "e")
	w.produce(0, "tea", "f")
	eventually(t, "everything is committed", func() bool { return w.committed(0) == 6 })
	eventually(t, "others see it", func() bool { s := in.Stats(); return s.Lag == 0 && s.InFlight == 0 })
	got := sums(t, reader)
	in.drain(t)
	for name, want := range map[string]float64{
		"modelserver.records.consumed":     6,
		"modelserver.results.produced":     2,
		"modelserver.records.dropped":      3,
		"modelserver.dead_letters":         3, // invalid input, broken batch, nameless descriptor
		"modelserver.record.errors":        1,
		"modelserver.batch.errors":         1,
		"modelserver.batch.records":        6, // the histogram's sum
		"modelserver.consumer.lag":         0,
		"modelserver.records.in_flight":    0,
		"modelserver.rebalances":           1,
		"modelserver.descriptors.received": 2,
		"modelserver.descriptors.settled":  1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	for _, name := range []string{"modelserver.record.latency", "modelserver.commits", "modelserver.commit.duration"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
}

// sums adds up each metric over its attributes; of histograms it is the sum of
// the values.
func sums(t *testing.T, reader *sdk.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += float64(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += p.Sum
				}
			default:
				t.Fatalf("%s is a %T", m.Name, d)
			}
		}
	}
	return sums
}

// noMeter is the meter of tests that do not look at metrics.
func noMeter() metric.Meter { return noop.NewMeterProvider().Meter("") }
