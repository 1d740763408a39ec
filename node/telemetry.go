package node

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// telemetry is one Prometheus registry that everything of a node reports to:
// its own instruments, protoactor's, and the Go runtime's.
type telemetry struct {
	registry *prometheus.Registry
	provider *sdkmetric.MeterProvider
}

func newTelemetry() (*telemetry, error) {
	t := &telemetry{registry: prometheus.NewRegistry()}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(t.registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	t.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithView(receiveView()))
	return t, nil
}

// receiveView gives protoactor's histogram of receive durations, in seconds,
// buckets that fit: its own are those of milliseconds.
func receiveView() sdkmetric.View {
	return sdkmetric.NewView(
		sdkmetric.Instrument{Name: "protoactor_actor_message_receive_duration_seconds"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.000001, .00001, .0001, .001, .01, .1, 1, 10},
		}},
	)
}

// meter is what the parts of the node make their instruments with.
func (t *telemetry) meter() metric.Meter {
	return t.provider.Meter("github.com/modelstream/modelserver")
}

// observe registers what is known at any time: the build, and whether the node
// is ready.
func (t *telemetry) observe(version string, ready func() bool) error {
	_, err := t.meter().Int64ObservableGauge("modelserver.build_info",
		metric.WithDescription("Always 1; its label is the version that runs."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, metric.WithAttributes(attribute.String("version", version)))
			return nil
		}))
	if err != nil {
		return err
	}
	_, err = t.meter().Int64ObservableGauge("modelserver.ready",
		metric.WithDescription("1 when records are being scored, else 0."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if ready() {
				o.Observe(1)
			} else {
				o.Observe(0)
			}
			return nil
		}))
	return err
}

func (t *telemetry) handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// systems guards the global meter provider while an actor system is made:
// protoactor takes its meter from there, and from nowhere else.
var systems sync.Mutex

// newSystem makes an actor system that reports to this telemetry.
func (t *telemetry) newSystem(options ...actor.ConfigOption) *actor.ActorSystem {
	systems.Lock()
	defer systems.Unlock()
	otel.SetMeterProvider(t.provider)
	return actor.NewActorSystem(append(options, actor.WithMetricProviders(t.provider))...)
}
