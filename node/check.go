package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/node/config"
)

// Check finds out what [New] would find wrong with the files that a
// configuration names: descriptor sets, certificates, passwords. It opens
// nothing and connects to nobody.
func Check(cfg *config.Config) error {
	formats, err := cfg.RecordFormats()
	if err != nil {
		return err
	}
	if _, err := locations(cfg); err != nil {
		return err
	}
	if p := cfg.Store.Postgres; cfg.Store.Kind == config.PostgresStore {
		if err := p.CheckFiles(); err != nil {
			return config.Errors(fmt.Errorf("store.postgres.%w", err))
		}
	}
	log, meter := slog.New(slog.DiscardHandler), noop.NewMeterProvider().Meter("")
	host, _ := os.Hostname()
	k := named(cfg, cmp.Or(cfg.Node.Name, host, "node"))
	_, records := kafka.NewRecords(kafka.RecordsOptions{Config: k, Topics: boundTopics(cfg.Kafka.Records.Topics, formats), Log: log, Meter: meter})
	_, models := kafka.NewModels(kafka.ModelsOptions{Config: k, Log: log, Meter: meter})
	if records != nil && models != nil && records.Error() == models.Error() {
		models = nil // both have the same connection
	}
	return config.Errors(errors.Join(records, models))
}
