package kafka

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/record"
)

// instruments makes instruments and keeps the first error.
type instruments struct {
	meter metric.Meter
	err   error
}

func (i *instruments) counter(name, unit, doc string) metric.Int64Counter {
	c, err := i.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(doc))
	i.err = errors.Join(i.err, err)
	return c
}

func (i *instruments) histogram(name, unit, doc string, bounds ...float64) metric.Float64Histogram {
	h, err := i.meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(doc),
		metric.WithExplicitBucketBoundaries(bounds...))
	i.err = errors.Join(i.err, err)
	return h
}

func (i *instruments) gauge(name, unit, doc string, observe metric.Int64Callback) {
	_, err := i.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(doc),
		metric.WithInt64Callback(observe))
	i.err = errors.Join(i.err, err)
}

// latencyBounds are the buckets of latencies, in seconds.
var latencyBounds = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300}

// recordMetrics are the metrics of record ingestion. They are added to once per
// poll, batch or chunk, never per record.
type recordMetrics struct {
	consumed        metric.Int64Counter
	produced        metric.Int64Counter
	dropped         metric.Int64Counter
	dead            metric.Int64Counter
	recordErrors    metric.Int64Counter
	batchErrors     metric.Int64Counter
	retries         metric.Int64Counter
	lateAnswers     metric.Int64Counter
	fetchErrors     metric.Int64Counter
	produceFailures metric.Int64Counter
	commits         metric.Int64Counter
	rebalances      metric.Int64Counter
	renewals        metric.Int64Counter
	holds           metric.Int64Counter
	batchRecords    metric.Float64Histogram
	latency         metric.Float64Histogram
	commitTime      metric.Float64Histogram
	restoreTime     metric.Float64Histogram
	status          *recordStatus
}

func newRecordMetrics(meter metric.Meter, status *recordStatus) (*recordMetrics, error) {
	i := &instruments{meter: meter}
	m := &recordMetrics{
		consumed:        i.counter("modelserver.records.consumed", "{record}", "Records read from the records topics."),
		produced:        i.counter("modelserver.results.produced", "{record}", "Results acknowledged by the broker."),
		dropped:         i.counter("modelserver.records.dropped", "{record}", "Records without a model that were dropped."),
		dead:            i.counter("modelserver.dead_letters", "{record}", "Records that could not be processed, by stage and class."),
		recordErrors:    i.counter("modelserver.record.errors", "{record}", "Records that could not be decoded or scored, by kind."),
		batchErrors:     i.counter("modelserver.batch.errors", "{batch}", "Batches that were given up."),
		retries:         i.counter("modelserver.batch.retries", "{batch}", "Batches that were sent again."),
		lateAnswers:     i.counter("modelserver.batch.late_answers", "{batch}", "Answers to batches that were settled already."),
		fetchErrors:     i.counter("modelserver.fetch.errors", "{error}", "Errors of polls."),
		produceFailures: i.counter("modelserver.produce.failures", "{record}", "Results and dead letters that the broker did not take at first."),
		commits:         i.counter("modelserver.commits", "{commit}", "Commits of offsets, by outcome."),
		rebalances:      i.counter("modelserver.rebalances", "{rebalance}", "Assignments and losses of partitions."),
		renewals:        i.counter("modelserver.client.renewals", "{renewal}", "Times that ingestion started over with a new client."),
		holds:           i.counter("modelserver.partition.holds", "{hold}", "Times that a partition was paused because its scores were late."),
		batchRecords:    i.histogram("modelserver.batch.records", "{record}", "Records of a batch.", 1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096),
		latency: i.histogram("modelserver.record.latency", "s",
			"From the timestamp of a chunk's oldest record to the acknowledgement of its result.", latencyBounds...),
		commitTime: i.histogram("modelserver.commit.duration", "s", "Duration of a commit.", latencyBounds...),
		restoreTime: i.histogram("modelserver.progress.restore.duration", "s",
			"From the assignment of partitions until their progress is known.", latencyBounds...),
		status: status,
	}
	i.gauge("modelserver.consumer.lag", "{record}", "Records of a partition that are not settled.", status.observeLag)
	i.gauge("modelserver.records.in_flight", "{record}", "Records polled and not settled, by state.", status.observeInFlight)
	return m, i.err
}

func (m *recordMetrics) polled(p *polled) {
	if p.records > 0 {
		m.consumed.Add(context.Background(), int64(p.records))
		m.status.consumed.Add(int64(p.records))
	}
}

// scored counts a batch that is settled.
func (m *recordMetrics) scored(f *flight) {
	ctx := context.Background()
	m.batchRecords.Record(ctx, float64(f.count))
	if f.err != nil && !errors.Is(f.err, record.ErrNoModel) {
		m.batchErrors.Add(ctx, 1)
	}
	for i := range f.failures {
		m.recordErrors.Add(ctx, 1, metric.WithAttributes(attribute.String("kind", f.failures[i].Err.Kind.String())))
	}
}

func (m *recordMetrics) deadLettered(why *rejection) {
	m.dead.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String("stage", string(why.stage)), attribute.String("class", why.class)))
}

// settled counts a chunk whose outputs are acknowledged.
func (m *recordMetrics) settled(c *chunk) {
	ctx := context.Background()
	if n := c.results; n > 0 {
		m.produced.Add(ctx, int64(n))
		m.latency.Record(ctx, c.age().Seconds())
	}
	if c.dropped > 0 {
		m.dropped.Add(ctx, int64(c.dropped))
	}
}

func (m *recordMetrics) committed(took time.Duration, err error) {
	ctx, outcome := context.Background(), "ok"
	if err != nil {
		outcome = "failed"
	}
	m.commits.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
	m.commitTime.Record(ctx, took.Seconds())
}

func (m *recordMetrics) held(held bool) {
	if held {
		m.holds.Add(context.Background(), 1)
	}
}
