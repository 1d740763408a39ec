package actors

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/messages"
)

// instruments are the metrics of all ModelActors of a node. Each is touched once
// a batch or more seldom, never once a record.
type instruments struct {
	scored      metric.Int64Counter
	failures    metric.Int64Counter
	batchErrors metric.Int64Counter
	scoring     metric.Float64Histogram
	promotions  metric.Int64Counter
	rejections  metric.Int64Counter
	fallbacks   metric.Int64Counter
	loading     metric.Float64Histogram
	swap        metric.Float64Histogram
	store       metric.Float64Histogram
	storeErrors metric.Int64Counter
	restarts    metric.Int64Counter

	activations, passivations metric.Int64Counter
}

// newInstruments makes them; serving calls its argument for each model that
// serves, and actors counts data types with and without a ModelActor.
func newInstruments(
	m metric.Meter, serving func(func(*messages.ModelAccepted)), actors func() (active, passive int64),
) (*instruments, error) {
	var errs []error
	counter := func(name, doc string) metric.Int64Counter {
		c, err := m.Int64Counter("modelserver."+name, metric.WithDescription(doc))
		errs = append(errs, err)
		return c
	}
	seconds := func(name, doc string, bounds ...float64) metric.Float64Histogram {
		h, err := m.Float64Histogram("modelserver."+name, metric.WithDescription(doc), metric.WithUnit("s"),
			metric.WithExplicitBucketBoundaries(bounds...))
		errs = append(errs, err)
		return h
	}
	long := []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 120}
	i := &instruments{
		scored:       counter("scored_records", "Records that went through a model, failed ones included."),
		failures:     counter("record_failures", "Records that could not be decoded or scored, by kind."),
		batchErrors:  counter("batch_failures", "Batches that a generation failed on."),
		promotions:   counter("model_promotions", "Generations that began to serve."),
		rejections:   counter("model_rejections", "Generations that were rejected, by the phase in which it happened."),
		fallbacks:    counter("model_fallbacks", "Times that the last good generation took over from a failing one."),
		storeErrors:  counter("store_failures", "Writes to the store that failed, by what was written."),
		restarts:     counter("model_actor_restarts", "ModelActors that were spawned again after a failure."),
		activations:  counter("model_activations", "Times that the models of a data type were loaded because a record came."),
		passivations: counter("model_passivations", "Times that the models of a data type were closed because no record came."),
		scoring: seconds("scoring", "Time of a batch in a model: decode, score, encode.",
			.00001, .00003, .0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10),
		loading: seconds("model_load", "Time from the start of a generation's host to ready.", long...),
		swap:    seconds("model_swap", "Time from the acceptance of a descriptor to its promotion.", long...),
		store:   seconds("store_write", "Time of a write to the store, by what was written.", long...),
	}
	// Observed, not recorded: the labels of former models go with them.
	_, err := m.Int64ObservableGauge("modelserver.generation_info",
		metric.WithDescription("The generation that serves a data type, as a number; its labels name the model."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			serving(func(g *messages.ModelAccepted) {
				o.Observe(int64(g.GetNumber()), metric.WithAttributeSet(attribute.NewSet(
					attribute.String("data_type", g.GetDataType()), attribute.String("name", g.GetName()),
					attribute.String("version", g.GetVersion()), attribute.String("type", g.GetType()))))
			})
			return nil
		}))
	errs = append(errs, err)
	_, err = m.Int64ObservableGauge("modelserver.model_actors",
		metric.WithDescription("Data types that are known, by whether they are active or passive: without records, and without loaded models."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			active, passive := actors()
			o.Observe(active, metric.WithAttributes(attribute.String("state", "active")))
			o.Observe(passive, metric.WithAttributes(attribute.String("state", "passive")))
			return nil
		}))
	return i, errors.Join(append(errs, err)...)
}

// dataTypeMetrics are the instruments with one data type's label.
type dataTypeMetrics struct {
	*instruments
	dataType attribute.KeyValue
	with     metric.MeasurementOption
}

func (i *instruments) of(dataType string) *dataTypeMetrics {
	kv := attribute.String("data_type", dataType)
	return &dataTypeMetrics{instruments: i, dataType: kv, with: metric.WithAttributeSet(attribute.NewSet(kv))}
}

func (m *dataTypeMetrics) and(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(m.dataType, attribute.String(key, value)))
}

func (m *dataTypeMetrics) count(c metric.Int64Counter) { c.Add(context.Background(), 1, m.with) }

func (m *dataTypeMetrics) scoredBatch(records int, r *ScoreReply) {
	ctx := context.Background()
	m.scored.Add(ctx, int64(records), m.with)
	m.scoring.Record(ctx, r.Spent.Seconds(), m.with)
	for _, f := range r.Scored.Failures {
		m.failures.Add(ctx, 1, m.and("kind", f.Err.Kind.String()))
	}
}

func (m *dataTypeMetrics) loaded(took time.Duration) {
	m.loading.Record(context.Background(), took.Seconds(), m.with)
}

func (m *dataTypeMetrics) rejected(phase messages.GenerationState_Phase) {
	m.rejections.Add(context.Background(), 1, m.and("phase", phase.String()))
}

func (m *dataTypeMetrics) swapped(g *messages.ModelAccepted) {
	m.swap.Record(context.Background(), time.Since(time.UnixMilli(g.GetAcceptedTimeMs())).Seconds(), m.with)
}

func (m *dataTypeMetrics) stored(what string, err error, took time.Duration) {
	m.store.Record(context.Background(), took.Seconds(), m.and("what", what))
	if err != nil {
		m.storeErrors.Add(context.Background(), 1, m.and("what", what))
	}
}
