package changelog

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// observe registers the store's gauges.
func (s *Store) observe(meter metric.Meter) error {
	lag, err1 := meter.Int64ObservableGauge("modelserver.store.changelog.lag", metric.WithUnit("{record}"),
		metric.WithDescription("Records of the state topic that this server has not read yet."))
	size, err2 := meter.Int64ObservableGauge("modelserver.store.changelog.size", metric.WithUnit("By"),
		metric.WithDescription("Bytes of events and snapshots that this server holds in memory."))
	took, err3 := meter.Float64ObservableGauge("modelserver.store.changelog.restore.duration", metric.WithUnit("s"),
		metric.WithDescription("How long it took to restore the store at the start."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		behind := int64(0)
		for p, end := range s.end {
			behind += max(end-s.position[p], 0)
		}
		o.ObserveInt64(lag, behind)
		o.ObserveInt64(size, s.view.bytes)
		o.ObserveFloat64(took, time.Duration(s.restoreTook.Load()).Seconds())
		return nil
	}, lag, size, took)
	return err
}
