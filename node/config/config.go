package config

import (
	"log/slog"
	"time"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/kafka/changelog"
	"github.com/modelstream/modelserver/persistence/postgres"
)

// Config is the whole configuration. reference.yaml documents each key.
type Config struct {
	Node       Node                `koanf:"node"`
	Kafka      kafka.Config        `koanf:"kafka"`
	Formats    map[string]Format   `koanf:"formats"`
	Models     Models              `koanf:"models"`
	DataTypes  map[string]DataType `koanf:"data_types"`
	TensorFlow TensorFlow          `koanf:"tensorflow"`
	Store      Store               `koanf:"store"`
	HTTP       HTTP                `koanf:"http"`
	Log        Log                 `koanf:"log"`
}

// Node is this process among others.
type Node struct {
	Name         string        `koanf:"name"`
	DrainTimeout time.Duration `koanf:"drain_timeout"`
}

// Format is how payloads of a records topic are written, under the name that
// kafka.records.topics[].format refers to. The names "wine" and "json" are
// built in.
type Format struct {
	Type string `koanf:"type"` // protobuf or json

	// For protobuf: the full name of the message, and the file of a compiled
	// FileDescriptorSet that describes it. Without a set, the message is one of
	// the server's own.
	Message       string `koanf:"message"`
	DescriptorSet string `koanf:"descriptor_set"`

	MaxBytes int `koanf:"max_bytes"` // of one payload; 0: the format's default
}

// Models is how models are loaded and held.
type Models struct {
	LoadTimeout  time.Duration `koanf:"load_timeout"`
	ScoreTimeout time.Duration `koanf:"score_timeout"`
	StandbyFor   time.Duration `koanf:"standby_for"`
	Activation   string        `koanf:"activation"` // eager or on-demand
	IdleAfter    time.Duration `koanf:"idle_after"`
	MaxLoaded    int           `koanf:"max_loaded"`
	Remember     int           `koanf:"remember"`
	MaxDataTypes int           `koanf:"max_data_types"`
	MaxHeld      int           `koanf:"max_held"`
	Locations    Locations     `koanf:"locations"`
}

// Locations is what a descriptor's location may refer to.
type Locations struct {
	FileRoots []string `koanf:"file_roots"`
	Hosts     []string `koanf:"hosts"`
	Buckets   []string `koanf:"buckets"`

	MaxBytes int           `koanf:"max_bytes"`
	Timeout  time.Duration `koanf:"timeout"`
}

// DataType is what is peculiar to the models of one data type.
type DataType struct {
	// Fields maps a model's input to the record field that feeds it, where the
	// names do not match by themselves.
	Fields map[string]string `koanf:"fields"`
}

// TensorFlow is where the library of the TensorFlow model types is, and what a
// model may take.
type TensorFlow struct {
	Dir      string `koanf:"dir"`
	MaxBytes int    `koanf:"max_bytes"`
}

// Store is where the ModelActors' memory is.
type Store struct {
	Kind          string        `koanf:"kind"` // one of the kinds below
	Dir           string        `koanf:"dir"`  // of the file store
	SnapshotEvery time.Duration `koanf:"snapshot_every"`

	Postgres postgres.Config  `koanf:"postgres"`
	Kafka    changelog.Config `koanf:"kafka"`
}

// Shared says that several servers keep what they remember in the one store.
func (s Store) Shared() bool { return s.Kind == PostgresStore || s.Kind == KafkaStore }

// HTTP is the server of state, metrics and health.
type HTTP struct {
	Listen         string        `koanf:"listen"` // empty: none
	RequestTimeout time.Duration `koanf:"request_timeout"`
	MaxConnections int           `koanf:"max_connections"`
}

// Log is what is logged to standard error, and how.
type Log struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// The kinds of stores.
const (
	FileStore   = "file"
	MemoryStore = "memory"
	// PostgresStore is shared by the servers that name the same schema.
	PostgresStore = "postgres"
	// KafkaStore is shared by the servers that name the same topics.
	KafkaStore = "kafka"
)

// The activations of Models.Activation.
const (
	EagerActivation    = "eager"
	OnDemandActivation = "on-demand"
)

// Default returns the configuration that holds where nothing is set.
func Default() *Config {
	return &Config{
		Node:      Node{DrainTimeout: 30 * time.Second},
		Kafka:     kafka.DefaultConfig(),
		Formats:   map[string]Format{},
		DataTypes: map[string]DataType{},
		Models: Models{
			LoadTimeout:  2 * time.Minute,
			ScoreTimeout: 5 * time.Second,
			StandbyFor:   time.Minute,
			Activation:   EagerActivation,
			IdleAfter:    time.Hour,
			MaxLoaded:    4,
			Remember:     20,
			MaxDataTypes: 10_000,
			MaxHeld:      1024,
			Locations:    Locations{MaxBytes: 1 << 30, Timeout: time.Minute},
		},
		TensorFlow: TensorFlow{MaxBytes: 2 << 30},
		Store: Store{
			Kind: FileStore, Dir: "modelserver-data", SnapshotEvery: 30 * time.Second,
			Postgres: postgres.DefaultConfig(), Kafka: changelog.DefaultConfig(),
		},
		HTTP: HTTP{Listen: "127.0.0.1:8080", RequestTimeout: 10 * time.Second, MaxConnections: 256},
		Log:  Log{Level: "info", Format: "text"},
	}
}

// SlogLevel returns the level that is logged and above.
func (l Log) SlogLevel() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(l.Level))
	return level, err
}

// secrets are the keys whose values are never shown.
var secrets = map[string]bool{"kafka.sasl.password": true, "store.postgres.password": true}
