package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/messages"
)

// Health returns why models are not being read, naming each part that fails, or
// nil when all is well.
func (m *Models) Health() error { return m.status.health() }

// modelStatus is what the actor and its helpers let others see.
type modelStatus struct {
	mu    sync.Mutex
	state string // why nothing runs, or ""
	conn  *connection
	parts map[string]error
}

func newModelStatus() *modelStatus {
	return &modelStatus{state: "not started", parts: map[string]error{}}
}

func (s *modelStatus) starting(conn *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.conn = "", conn
	s.parts = map[string]error{"topics": errors.New("not looked up yet")}
}

func (s *modelStatus) stopped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = "stopped"
}

// fail notes that a part fails, or with nil that it works.
func (s *modelStatus) fail(part string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.parts, part)
	} else {
		s.parts[part] = err
	}
}

// connected returns why no broker answers, or nil.
func (s *modelStatus) connected(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.health(now)
}

func (s *modelStatus) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != "" {
		return fmt.Errorf("model ingestion is %s", s.state)
	}
	var errs []error
	if err := s.conn.health(time.Now()); err != nil {
		errs = append(errs, fmt.Errorf("connection: %w", err))
	}
	var names []string
	for name := range s.parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		errs = append(errs, fmt.Errorf("%s: %w", name, s.parts[name]))
	}
	return errors.Join(errs...)
}

// modelMetrics are the metrics of model ingestion.
type modelMetrics struct {
	received     metric.Int64Counter
	outcomes     metric.Int64Counter
	dead         metric.Int64Counter
	reoffers     metric.Int64Counter
	saveFailures metric.Int64Counter
}

func newModelMetrics(meter metric.Meter) (*modelMetrics, error) {
	i := &instruments{meter: meter}
	return &modelMetrics{
		received:     i.counter("modelserver.descriptors.received", "{descriptor}", "Descriptors read from the models topic."),
		outcomes:     i.counter("modelserver.descriptors.settled", "{descriptor}", "Descriptors settled, by outcome."),
		dead:         i.counter("modelserver.dead_letters", "{record}", "Records that could not be processed, by stage and class."),
		reoffers:     i.counter("modelserver.descriptors.reoffered", "{descriptor}", "Descriptors offered again because no outcome came."),
		saveFailures: i.counter("modelserver.positions.save_failures", "{save}", "Saves of the models topic's positions that failed."),
	}, i.err
}

func (m *modelMetrics) outcome(o messages.ModelOutcome_Outcome) {
	m.outcomes.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", o.String())))
}

func (m *modelMetrics) rejected(why *rejection) {
	m.dead.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String("stage", string(why.stage)), attribute.String("class", why.class)))
}
