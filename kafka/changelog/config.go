package changelog

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/persistence"
)

// Config is where the store is. [DefaultConfig] has the values that hold where
// nothing is said.
type Config struct {
	// Topic holds the state, ArtifactsTopic the bytes of artifacts.
	Topic          string `koanf:"topic"`
	ArtifactsTopic string `koanf:"artifacts_topic"`
	// CreateTopics makes missing topics at start, with Partitions and
	// ReplicationFactor (-1: the cluster's default).
	CreateTopics      bool  `koanf:"create_topics"`
	Partitions        int32 `koanf:"partitions"`
	ReplicationFactor int16 `koanf:"replication_factor"`
	// MaxRecordBytes is the greatest record of the state topic: an event or a
	// snapshot with 4 KiB for what is around it.
	MaxRecordBytes int `koanf:"max_record_bytes"`
	// ChunkBytes is the most bytes of an artifact in one record.
	ChunkBytes int `koanf:"chunk_bytes"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Topic: "modelserver-state", ArtifactsTopic: "modelserver-artifacts",
		CreateTopics: true, Partitions: 4, ReplicationFactor: -1,
		MaxRecordBytes: persistence.MaxRecordLength + overhead,
		ChunkBytes:     512 << 10,
	}
}

// Limits of the configuration.
const (
	minRecordBytes = 64 << 10
	maxRecordBytes = persistence.MaxRecordLength + overhead // below what brokers take in one request
	minChunkBytes  = 1 << 10
	maxChunkBytes  = 16 << 20
	maxPartitions  = 1000
	maxTopicName   = 249 // Kafka's
)

// Validate returns everything that is wrong, each with the key it is under.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, key, why string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %s", key, why))
		}
	}
	check(topicName(c.Topic), "topic", "must be a topic's name: at most 249 letters, digits, dots, dashes and underscores")
	check(topicName(c.ArtifactsTopic), "artifacts_topic", "must be a topic's name: at most 249 letters, digits, dots, dashes and underscores")
	check(c.Topic != c.ArtifactsTopic, "artifacts_topic", "must not be store.kafka.topic")
	check(c.Partitions > 0 && c.Partitions <= maxPartitions, "partitions", "must be between 1 and 1000")
	check(c.ReplicationFactor == -1 || c.ReplicationFactor > 0, "replication_factor", "must be positive, or -1 for the cluster's default")
	check(c.MaxRecordBytes >= minRecordBytes && c.MaxRecordBytes <= maxRecordBytes, "max_record_bytes", "must be between 64 KiB and 64 MiB + 4 KiB")
	check(c.ChunkBytes >= minChunkBytes && c.ChunkBytes <= maxChunkBytes, "chunk_bytes", "must be between 1 KiB and 16 MiB")
	return errors.Join(errs...)
}

func topicName(name string) bool {
	return name != "" && len(name) <= maxTopicName && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// Options are what a store is made of.
type Options struct {
	Config Config
	Kafka  *kafka.Config // brokers, TLS, SASL
	Node   string        // written into claims, for people who read the topic
	Log    *slog.Logger  // required
	Meter  metric.Meter  // nil: no metrics
	// Progress is called each second while the store is restored, and at the
	// end. It must not block. May be nil.
	Progress func(Progress)
}

// Progress is how far restoring has come.
type Progress struct {
	Records, Bytes int64   // read so far
	Percent        float64 // of the offsets that there were at the start
	Took           time.Duration
	Done           bool
}
