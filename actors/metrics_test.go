package actors_test

import (
	"context"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/modelstream/modelserver/actors"
)

// The metrics count what happened, and only the model that serves is named:
// those before it leave no series behind.
func TestMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	b := newBench(t, func(c *actors.Config) { c.Meter = provider.Meter("") })
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.publish("refuse")
	b.outcome()
	b.score(1, -1, 3)
	b.mustServe("add 3\npanic-always")
	b.score(1) // falls back

	var got metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &got); err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	var serving []metricdata.DataPoint[int64]
	for _, m := range got.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				sums[m.Name] += p.Value
			}
		case metricdata.Gauge[int64]:
			if m.Name == "modelserver.generation_info" {
				serving = d.DataPoints
			}
		}
	}
	for name, want := range map[string]int64{
		"modelserver.scored_records": 4, "modelserver.record_failures": 1, "modelserver.batch_failures": 1,
		"modelserver.model_promotions": 4, "modelserver.model_rejections": 1, "modelserver.model_fallbacks": 1,
	} {
		if sums[name] != want {
			t.Errorf("%s = %d, want %d", name, sums[name], want)
		}
	}
	if len(serving) != 1 || serving[0].Value != 2 {
		t.Errorf("generation_info: %v, want generation 2 alone", serving)
	}
	if name, _ := serving[0].Attributes.Value("name"); name.AsString() != "add 2" {
		t.Errorf("the model that serves is called %q", name.AsString())
	}
}
