package kafka

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config is everything that the package needs to know about Kafka. It is read
// once at start; [DefaultConfig] has the values that hold where nothing is said.
type Config struct {
	// Brokers are the addresses to find the cluster by, host:port.
	Brokers []string `koanf:"brokers"`
	// ClientID names this process in the brokers' logs, metrics and quotas.
	ClientID string `koanf:"client_id"`

	TLS  TLS  `koanf:"tls"`
	SASL SASL `koanf:"sasl"`

	Records     RecordsConfig     `koanf:"records"`
	Models      ModelsConfig      `koanf:"models"`
	Results     ResultsConfig     `koanf:"results"`
	DeadLetters DeadLettersConfig `koanf:"dead_letters"`
	Group       GroupConfig       `koanf:"group"`
	Producer    ProducerConfig    `koanf:"producer"`

	// Delivery is what a reader of the results gets of each record: at least one
	// result, or exactly one.
	Delivery     Delivery           `koanf:"delivery"`
	Transactions TransactionsConfig `koanf:"transactions"`
	Progress     ProgressConfig     `koanf:"progress"`

	// CreateTopics makes missing topics at start: for demos and tests. It is
	// off by default, because a topic's partitions and retention are decisions.
	CreateTopics CreateTopicsConfig `koanf:"create_topics"`
}

// RecordsConfig is how records are read.
type RecordsConfig struct {
	Topics []TopicConfig `koanf:"topics"`

	// From is where a partition without a committed offset, or with one that
	// the log does not have any more, is read from: earliest or latest.
	From string `koanf:"from"`
	// Isolation is read_committed or read_uncommitted: whether records of
	// transactions that are not committed are scored.
	Isolation string `koanf:"isolation"`

	// PollRecords is the most records of one poll, BatchRecords the most of one
	// batch to a model.
	PollRecords  int `koanf:"poll_records"`
	BatchRecords int `koanf:"batch_records"`

	// InFlightRecords and InFlightBytes bound what was polled and is not yet
	// settled. A poll may exceed the bytes by what one fetch brings.
	InFlightRecords int   `koanf:"in_flight_records"`
	InFlightBytes   int64 `koanf:"in_flight_bytes"`

	// UnansweredBatches is how many batches of a data type are with its model at
	// once. A few keep it busy; the others wait without a deadline.
	UnansweredBatches int `koanf:"unanswered_batches"`

	// HoldAfter is how long a partition may wait for scores before it is paused
	// and stops counting as in flight, so that it does not delay the others.
	HoldAfter time.Duration `koanf:"hold_after"`

	// ScoringTimeout is how long a batch may take until it is sent again.
	ScoringTimeout time.Duration `koanf:"scoring_timeout"`
	// Attempts is how often a batch is sent before its records are
	// dead-lettered. RetryBackoff is the pause after a transient failure; it
	// doubles with each attempt up to MaxRetryBackoff.
	Attempts        int           `koanf:"attempts"`
	RetryBackoff    time.Duration `koanf:"retry_backoff"`
	MaxRetryBackoff time.Duration `koanf:"max_retry_backoff"`

	// NoModel is what becomes of records whose data type no model serves: drop,
	// dead-letter or hold.
	NoModel NoModelPolicy `koanf:"no_model"`

	// CommitInterval is the time between two commits of offsets.
	CommitInterval time.Duration `koanf:"commit_interval"`

	// FetchMaxWait is how long a broker may hold a fetch that has no data.
	FetchMaxWait time.Duration `koanf:"fetch_max_wait"`
	// FetchBytes bounds one fetch from one broker, FetchPartitionBytes one
	// partition's share of it. MaxBatchBytes bounds what one compressed batch
	// of records may grow to; a partition with a greater one stops and says so.
	FetchBytes          int32 `koanf:"fetch_bytes"`
	FetchPartitionBytes int32 `koanf:"fetch_partition_bytes"`
	MaxBatchBytes       int   `koanf:"max_batch_bytes"`
}

// TopicConfig is one topic of records.
type TopicConfig struct {
	Topic string `koanf:"topic"`
	// Format names how its payloads are written; the server's configuration of
	// formats says what the name means.
	Format   string       `koanf:"format"`
	DataType DataTypeRule `koanf:"data_type"`
}

// DataTypeRule says where a record's data type is found.
type DataTypeRule struct {
	// From is header, key, field or fixed.
	From DataTypeFrom `koanf:"from"`
	// Name is the header's or the field's name, or the data type itself when
	// From is fixed.
	Name string `koanf:"name"`
	// Default is the data type of records that do not say theirs. When it is
	// empty such records are dead-lettered.
	Default string `koanf:"default"`
}

// DataTypeFrom is a place where a data type can be found.
type DataTypeFrom string

// The places where a data type can be found.
const (
	FromHeader DataTypeFrom = "header"
	FromKey    DataTypeFrom = "key"
	FromField  DataTypeFrom = "field"
	FromFixed  DataTypeFrom = "fixed"
)

// NoModelPolicy is what becomes of records whose data type no model serves.
type NoModelPolicy string

// The policies for records without a model.
const (
	// NoModelDrop counts the record and goes on, as the book has it.
	NoModelDrop NoModelPolicy = "drop"
	// NoModelDeadLetter sends the record to the dead-letter topic.
	NoModelDeadLetter NoModelPolicy = "dead-letter"
	// NoModelHold keeps the record, and its partition, until there is a model.
	NoModelHold NoModelPolicy = "hold"
)

// ModelsConfig is how the models topic is read.
type ModelsConfig struct {
	Topic string `koanf:"topic"`
	// MaxBytes is the greatest descriptor that is accepted and published.
	MaxBytes int `koanf:"max_bytes"`
	// InFlight and InFlightBytes bound the descriptors that are not settled.
	InFlight      int   `koanf:"in_flight"`
	InFlightBytes int64 `koanf:"in_flight_bytes"`
	// OfferTimeout is how long a descriptor may take to be settled until it is
	// offered again: greater than any model's loading time.
	OfferTimeout time.Duration `koanf:"offer_timeout"`
	// Lead is how long before its effective_from a model is published at the
	// latest, to be sure that it is known everywhere in time: a server that has
	// not heard from the models topic for longer waits with its records. 0: it
	// does not wait.
	Lead time.Duration `koanf:"lead"`
}

// ResultsConfig is how results are written.
type ResultsConfig struct {
	Topic string `koanf:"topic"`
	// Format is protobuf or json: what the actors encode.
	Format string `koanf:"format"`
	// Partition is input (the input's partition modulo the results' partitions:
	// keeps the order of each input partition) or key (by data type: keeps the
	// order of each data type of each input partition).
	Partition string `koanf:"partition"`
}

// DeadLettersConfig is where records go that cannot be processed.
type DeadLettersConfig struct {
	// Topic gets records and descriptors that cannot be processed. When it is
	// empty they are logged and counted, and gone.
	Topic string `koanf:"topic"`
}

// GroupConfig is the consumer group of record ingestion.
type GroupConfig struct {
	ID string `koanf:"id"`
	// InstanceID makes the membership static: a member that is back within the
	// session timeout gets its partitions at once. It must differ on each node.
	InstanceID string `koanf:"instance_id"`
	// LeaveOnStop makes a static member leave when it is stopped in order, so that
	// the others take over at once; else its partitions wait for it to come back.
	LeaveOnStop      bool          `koanf:"leave_on_stop"`
	SessionTimeout   time.Duration `koanf:"session_timeout"`
	RebalanceTimeout time.Duration `koanf:"rebalance_timeout"`
}

// ProducerConfig is how results and dead letters are produced.
type ProducerConfig struct {
	Linger time.Duration `koanf:"linger"`
	// Compression is none, lz4, snappy, zstd or gzip.
	Compression string `koanf:"compression"`
	// BatchBytes is the most bytes of one batch; not more than the topics'
	// max.message.bytes.
	BatchBytes int32 `koanf:"batch_bytes"`
}

// Delivery is a promise about results.
type Delivery string

// The deliveries.
const (
	// AtLeastOnce commits offsets after the results are acknowledged.
	AtLeastOnce Delivery = "at-least-once"
	// ExactlyOnce writes results, dead letters, progress and offsets in one
	// transaction: a reader of committed records sees each result once.
	ExactlyOnce Delivery = "exactly-once"
)

// TransactionsConfig is for exactly-once delivery.
type TransactionsConfig struct {
	// ID is the transactional id, which must be stable and differ on each node:
	// who uses it last fences the others. Empty: the group's id and the node's name.
	ID string `koanf:"id"`
	// Timeout is when the broker aborts a transaction that nobody ends: longer
	// than a batch may take to be scored, shorter than the session, so that what
	// a dead server has left open is gone before its partitions are read on.
	// 0: halfway between the two.
	Timeout time.Duration `koanf:"timeout"`
}

// ProgressConfig is the compacted topic that the next owner of a partition
// learns from how far it has come: which generation scored last, and the
// statistics.
type ProgressConfig struct {
	// Topic is made when it is missing. Empty: none is kept; then a partition
	// that moves may see an older model for a moment, and statistics end with
	// the process.
	Topic string `koanf:"topic"`
}

// CreateTopicsConfig says which topics to make at start when they are missing.
type CreateTopicsConfig struct {
	Enabled           bool  `koanf:"enabled"`
	Partitions        int32 `koanf:"partitions"`
	ReplicationFactor int16 `koanf:"replication_factor"`
}

// DefaultConfig returns the defaults. Brokers and topics are those of the demo.
func DefaultConfig() Config {
	return Config{
		Brokers:  []string{"127.0.0.1:9092"},
		ClientID: "modelserver",
		Records: RecordsConfig{
			Topics: []TopicConfig{{
				Topic:    "wine-records",
				Format:   "wine",
				DataType: DataTypeRule{From: FromField, Name: "data_type"},
			}},
			From:                "earliest",
			Isolation:           "read_committed",
			PollRecords:         4096,
			BatchRecords:        1024,
			InFlightRecords:     32 << 10,
			InFlightBytes:       64 << 20,
			UnansweredBatches:   4,
			HoldAfter:           500 * time.Millisecond,
			ScoringTimeout:      7 * time.Second,
			Attempts:            5,
			RetryBackoff:        100 * time.Millisecond,
			MaxRetryBackoff:     5 * time.Second,
			NoModel:             NoModelDrop,
			CommitInterval:      500 * time.Millisecond,
			FetchMaxWait:        500 * time.Millisecond,
			FetchBytes:          16 << 20,
			FetchPartitionBytes: 1 << 20,
			MaxBatchBytes:       64 << 20,
		},
		Models: ModelsConfig{
			Topic:         "models",
			MaxBytes:      32 << 20,
			InFlight:      64,
			InFlightBytes: 128 << 20,
			OfferTimeout:  10 * time.Minute,
			Lead:          10 * time.Second,
		},
		Results:     ResultsConfig{Topic: "wine-results", Format: "protobuf", Partition: "input"},
		DeadLetters: DeadLettersConfig{Topic: "modelserver-dead-letters"},
		Group: GroupConfig{
			ID:               "modelserver",
			LeaveOnStop:      true,
			SessionTimeout:   10 * time.Second,
			RebalanceTimeout: 30 * time.Second,
		},
		Producer:     ProducerConfig{Linger: 5 * time.Millisecond, Compression: "snappy", BatchBytes: 1_000_012},
		Delivery:     AtLeastOnce,
		Progress:     ProgressConfig{Topic: "modelserver-progress"},
		CreateTopics: CreateTopicsConfig{Partitions: 4, ReplicationFactor: 1},
	}
}

// maxModelBytes is the greatest descriptor that may be configured. A broker
// drops the connection at 100 MiB (socket.request.max.bytes), which an
// idempotent producer retries for ever, so it must never get that far.
const maxModelBytes = 90 << 20

// Validate returns everything that is wrong, each with the key it is under.
func (c *Config) Validate() error {
	v := &validation{}
	v.check(len(c.Brokers) > 0, "brokers", "name at least one broker as host:port")
	for _, b := range c.Brokers {
		v.check(strings.TrimSpace(b) != "", "brokers", "an address is empty")
	}
	c.TLS.validate(v)
	c.SASL.validate(v)
	c.Records.validate(v)
	c.Models.validate(v)
	v.check(c.Results.Topic != "", "results.topic", "must be set")
	v.oneOf(c.Results.Format, "results.format", "protobuf", "json")
	v.oneOf(c.Results.Partition, "results.partition", "input", "key")
	c.Group.validate(v)
	v.check(c.Producer.Linger >= 0, "producer.linger", "must not be negative")
	v.oneOf(c.Producer.Compression, "producer.compression", "none", "lz4", "snappy", "zstd", "gzip")
	v.check(c.Producer.BatchBytes >= 1<<10 && c.Producer.BatchBytes <= maxModelBytes,
		"producer.batch_bytes", "must be between 1 KiB and 90 MiB")
	c.validateDelivery(v)
	if c.CreateTopics.Enabled {
		v.check(c.CreateTopics.Partitions > 0, "create_topics.partitions", "must be positive")
		v.check(c.CreateTopics.ReplicationFactor > 0, "create_topics.replication_factor", "must be positive")
	}
	c.distinctTopics(v)
	return errors.Join(v.errs...)
}

// distinctTopics refuses topics that would feed themselves.
func (c *Config) distinctTopics(v *validation) {
	uses := map[string]string{}
	use := func(topic, key string) {
		if topic == "" {
			return
		}
		if other, taken := uses[topic]; taken {
			v.fail(key, fmt.Sprintf("topic %q is %s already", topic, other))
		}
		uses[topic] = key
	}
	for i := range c.Records.Topics {
		use(c.Records.Topics[i].Topic, fmt.Sprintf("records.topics[%d].topic", i))
	}
	use(c.Models.Topic, "models.topic")
	use(c.Results.Topic, "results.topic")
	use(c.DeadLetters.Topic, "dead_letters.topic")
	use(c.Progress.Topic, "progress.topic")
}

func (c *Config) validateDelivery(v *validation) {
	v.oneOf(string(c.Delivery), "delivery", string(AtLeastOnce), string(ExactlyOnce))
	v.check(c.Transactions.Timeout >= 0, "transactions.timeout", "must not be negative")
	if c.Delivery != ExactlyOnce {
		return
	}
	scoring, session := c.Records.ScoringTimeout, c.Group.SessionTimeout
	timeout := c.transactionTimeout()
	v.check(scoring < session, "records.scoring_timeout", fmt.Sprintf(
		"must be less than group.session_timeout (%v) with exactly-once delivery", session))
	v.check(c.Transactions.Timeout == 0 || scoring < timeout && timeout < session, "transactions.timeout", fmt.Sprintf(
		"must be between records.scoring_timeout (%v) and group.session_timeout (%v)", scoring, session))
	v.check(c.Records.CommitInterval < timeout, "records.commit_interval", fmt.Sprintf(
		"must be less than the transaction's timeout (%v): it is how long a transaction is open", timeout))
}

// transactionTimeout is the configured one, or halfway between its bounds.
func (c *Config) transactionTimeout() time.Duration {
	if t := c.Transactions.Timeout; t != 0 {
		return t
	}
	return (c.Records.ScoringTimeout + c.Group.SessionTimeout) / 2
}

func (r *RecordsConfig) validate(v *validation) {
	v.check(len(r.Topics) > 0, "records.topics", "name at least one topic")
	for i := range r.Topics {
		r.Topics[i].validate(v, fmt.Sprintf("records.topics[%d]", i))
	}
	v.oneOf(r.From, "records.from", "earliest", "latest")
	v.oneOf(r.Isolation, "records.isolation", "read_committed", "read_uncommitted")
	v.oneOf(string(r.NoModel), "records.no_model",
		string(NoModelDrop), string(NoModelDeadLetter), string(NoModelHold))
	v.check(r.PollRecords > 0, "records.poll_records", "must be positive")
	v.check(r.BatchRecords > 0, "records.batch_records", "must be positive")
	v.check(r.InFlightRecords >= r.PollRecords, "records.in_flight_records",
		"must not be less than records.poll_records")
	v.check(r.InFlightBytes > 0, "records.in_flight_bytes", "must be positive")
	v.check(r.UnansweredBatches > 0, "records.unanswered_batches", "must be positive")
	v.check(r.HoldAfter > 0, "records.hold_after", "must be positive")
	v.check(r.ScoringTimeout > 0, "records.scoring_timeout", "must be positive")
	v.check(r.Attempts > 0, "records.attempts", "must be at least 1")
	v.check(r.RetryBackoff > 0, "records.retry_backoff", "must be positive")
	v.check(r.MaxRetryBackoff >= r.RetryBackoff, "records.max_retry_backoff",
		"must not be less than records.retry_backoff")
	v.check(r.CommitInterval >= 10*time.Millisecond, "records.commit_interval", "must be at least 10ms")
	v.check(r.FetchMaxWait > 0, "records.fetch_max_wait", "must be positive")
	v.check(r.FetchBytes >= 1<<10, "records.fetch_bytes", "must be at least 1 KiB")
	v.check(r.FetchPartitionBytes >= 1<<10 && r.FetchPartitionBytes <= r.FetchBytes,
		"records.fetch_partition_bytes", "must be between 1 KiB and records.fetch_bytes")
	v.check(r.MaxBatchBytes >= 1<<10, "records.max_batch_bytes", "must be at least 1 KiB")
}

func (t *TopicConfig) validate(v *validation, at string) {
	v.check(t.Topic != "", at+".topic", "must be set")
	rule, at := t.DataType, at+".data_type"
	v.oneOf(string(rule.From), at+".from",
		string(FromHeader), string(FromKey), string(FromField), string(FromFixed))
	if rule.From != FromKey {
		v.check(rule.Name != "", at+".name", "must be set")
	}
	for key, name := range map[string]string{".default": rule.Default, ".name": rule.Name} {
		if key == ".name" && rule.From != FromFixed || name == "" {
			continue
		}
		if err := checkDataType([]byte(name)); err != nil {
			v.fail(at+key, err.Error())
		}
	}
}

func (m *ModelsConfig) validate(v *validation) {
	v.check(m.Topic != "", "models.topic", "must be set")
	v.check(m.MaxBytes >= 1<<10 && m.MaxBytes <= maxModelBytes, "models.max_bytes",
		"must be between 1 KiB and 90 MiB; refer to greater models by location")
	v.check(m.InFlight > 0, "models.in_flight", "must be positive")
	v.check(m.InFlightBytes > 0, "models.in_flight_bytes", "must be positive")
	v.check(m.OfferTimeout > 0, "models.offer_timeout", "must be positive")
	v.check(m.Lead == 0 || m.Lead >= 500*time.Millisecond, "models.lead", "must be 0 or at least 500ms")
}

func (g *GroupConfig) validate(v *validation) {
	v.check(g.ID != "", "group.id", "must be set")
	v.check(g.SessionTimeout >= time.Second, "group.session_timeout",
		"must be at least 1s and within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms")
	v.check(g.RebalanceTimeout >= time.Second, "group.rebalance_timeout", "must be at least 1s")
}

// validation collects what is wrong with a configuration.
type validation struct{ errs []error }

func (v *validation) fail(key, why string) {
	v.errs = append(v.errs, fmt.Errorf("kafka.%s: %s", key, why))
}

func (v *validation) check(ok bool, key, why string) {
	if !ok {
		v.fail(key, why)
	}
}

func (v *validation) oneOf(got, key string, allowed ...string) {
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	v.fail(key, fmt.Sprintf("%q is not one of %s", got, strings.Join(allowed, ", ")))
}
