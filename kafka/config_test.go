package kafka

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreValid(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Brokers = nil }, "kafka.brokers: name at least one broker"},
		{func(c *Config) { c.Brokers = []string{" "} }, "kafka.brokers: an address is empty"},
		{func(c *Config) { c.TLS.Cert = "x" }, "kafka.tls.cert: set tls.cert and tls.key both or neither"},
		{func(c *Config) { c.TLS.CA = "x" }, "kafka.tls.enabled: must be true"},
		{func(c *Config) { c.SASL.Mechanism = "GSSAPI" }, `kafka.sasl.mechanism: "GSSAPI" is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`},
		{func(c *Config) { c.SASL.Username = "u" }, "kafka.sasl.mechanism: must be set"},
		{func(c *Config) { c.SASL = SASL{Mechanism: "PLAIN", Username: "u"} }, "kafka.sasl.password: set one of"},
		{func(c *Config) { c.SASL = SASL{Mechanism: "PLAIN", Password: "p"} }, "kafka.sasl.username: must be set"},
		{func(c *Config) { c.Records.Topics = nil }, "kafka.records.topics: name at least one topic"},
		{func(c *Config) { c.Records.Topics[0].Topic = "" }, "kafka.records.topics[0].topic: must be set"},
		{func(c *Config) { c.Records.Topics[0].DataType = DataTypeRule{From: "value"} }, `kafka.records.topics[0].data_type.from: "value" is not one of header, key, field, fixed`},
		{func(c *Config) { c.Records.Topics[0].DataType = DataTypeRule{From: FromHeader} }, "kafka.records.topics[0].data_type.name: must be set"},
		{func(c *Config) { c.Records.Topics[0].DataType = DataTypeRule{From: FromFixed, Name: "a\nb"} }, "kafka.records.topics[0].data_type.name: the data type has a control character"},
		{func(c *Config) {
			c.Records.Topics[0].DataType = DataTypeRule{From: FromKey, Default: strings.Repeat("x", 999)}
		}, "data_type.default: the data type has 999 bytes"},
		{func(c *Config) { c.Records.From = "middle" }, "kafka.records.from"},
		{func(c *Config) { c.Records.Isolation = "" }, "kafka.records.isolation"},
		{func(c *Config) { c.Records.NoModel = "guess" }, "kafka.records.no_model"},
		{func(c *Config) { c.Records.PollRecords = 0 }, "kafka.records.poll_records: must be positive"},
		{func(c *Config) { c.Records.BatchRecords = 0 }, "kafka.records.batch_records: must be positive"},
		{func(c *Config) { c.Records.InFlightRecords = 1 }, "kafka.records.in_flight_records: must not be less"},
		{func(c *Config) { c.Records.InFlightBytes = 0 }, "kafka.records.in_flight_bytes"},
		{func(c *Config) { c.Records.UnansweredBatches = 0 }, "kafka.records.unanswered_batches"},
		{func(c *Config) { c.Records.HoldAfter = 0 }, "kafka.records.hold_after"},
		{func(c *Config) { c.Records.ScoringTimeout = 0 }, "kafka.records.scoring_timeout"},
		{func(c *Config) { c.Records.Attempts = 0 }, "kafka.records.attempts"},
		{func(c *Config) { c.Records.RetryBackoff = 0 }, "kafka.records.retry_backoff"},
		{func(c *Config) { c.Records.MaxRetryBackoff = 0 }, "kafka.records.max_retry_backoff"},
		{func(c *Config) { c.Records.CommitInterval = time.Millisecond }, "kafka.records.commit_interval"},
		{func(c *Config) { c.Records.FetchMaxWait = 0 }, "kafka.records.fetch_max_wait"},
		{func(c *Config) { c.Records.FetchBytes = 0 }, "kafka.records.fetch_bytes"},
		{func(c *Config) { c.Records.FetchPartitionBytes = c.Records.FetchBytes + 1 }, "kafka.records.fetch_partition_bytes"},
		{func(c *Config) { c.Records.MaxBatchBytes = 0 }, "kafka.records.max_batch_bytes"},
		{func(c *Config) { c.Models.Topic = "" }, "kafka.models.topic: must be set"},
		{func(c *Config) { c.Models.MaxBytes = 100 << 20 }, "kafka.models.max_bytes: must be between 1 KiB and 90 MiB; refer to greater models by location"},
		{func(c *Config) { c.Models.InFlight = 0 }, "kafka.models.in_flight"},
		{func(c *Config) { c.Models.InFlightBytes = 0 }, "kafka.models.in_flight_bytes"},
		{func(c *Config) { c.Models.OfferTimeout = 0 }, "kafka.models.offer_timeout"},
		{func(c *Config) { c.Results.Topic = "" }, "kafka.results.topic: must be set"},
		{func(c *Config) { c.Results.Format = "xml" }, "kafka.results.format"},
		{func(c *Config) { c.Results.Partition = "random" }, "kafka.results.partition"},
		{func(c *Config) { c.Results.Topic = "models" }, `kafka.results.topic: topic "models" is models.topic already`},
		{func(c *Config) { c.DeadLetters.Topic = "wine-records" }, `kafka.dead_letters.topic: topic "wine-records" is records.topics[0].topic already`},
		{func(c *Config) { c.Group.ID = "" }, "kafka.group.id: must be set"},
		{func(c *Config) { c.Group.SessionTimeout = 0 }, "kafka.group.session_timeout"},
		{func(c *Config) { c.Group.RebalanceTimeout = 0 }, "kafka.group.rebalance_timeout"},
		{func(c *Config) { c.Producer.Linger = -1 }, "kafka.producer.linger"},
		{func(c *Config) { c.Producer.Compression = "rar" }, "kafka.producer.compression"},
		{func(c *Config) { c.Producer.BatchBytes = 1 }, "kafka.producer.batch_bytes"},
		{func(c *Config) { c.CreateTopics = CreateTopicsConfig{Enabled: true, ReplicationFactor: 1} }, "kafka.create_topics.partitions"},
		{func(c *Config) { c.CreateTopics = CreateTopicsConfig{Enabled: true, Partitions: 1} }, "kafka.create_topics.replication_factor"},
	} {
		config := DefaultConfig()
		c.change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v\ndoes not say %s", err, c.want)
		}
	}
}

// TestValidateTellsEverything at once, not one thing after the other.
func TestValidateTellsEverything(t *testing.T) {
	err := (&Config{}).Validate()
	if n := strings.Count(err.Error(), "\n") + 1; n < 20 {
		t.Errorf("%d complaints about an empty configuration:\n%v", n, err)
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 1000: 1000} {
		if got := backoff(100, 1000, n); got != want {
			t.Errorf("pause %d is %d, want %d", n, got, want)
		}
	}
}
