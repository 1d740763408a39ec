package kafka

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientOptions returns what every client of this process has in common.
func (c *Config) clientOptions(log *slog.Logger, conn *connection) ([]kgo.Opt, error) {
	security, err := c.securityOptions()
	if err != nil {
		return nil, err
	}
	opts := append([]kgo.Opt{},
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.ClientID),
		kgo.SoftwareNameAndVersion("modelserver", "dev"),
		kgo.WithLogger(clientLogger{log}),
		kgo.DisableClientMetrics(),
		// How soon a moved leader or a new topic is noticed after an error.
		kgo.MetadataMinAge(time.Second),
		// A connection that ends at once is what a broker that restarts looks
		// like; a wrong TLS or SASL setting is told by the log, not by giving up.
		kgo.AlwaysRetryEOF(),
	)
	opts = append(opts, security...)
	if conn != nil {
		opts = append(opts, kgo.WithHooks(conn))
	}
	return opts, nil
}

// ClientOptions returns what every client of this process has in common: the
// brokers, TLS, SASL, and a log of lost and regained connections. It is for the
// packages below this one.
func (c *Config) ClientOptions(log *slog.Logger) ([]kgo.Opt, error) {
	return c.clientOptions(log, newConnection(log))
}

// producerOptions returns the options of a client that produces results and
// dead letters.
func (c *Config) producerOptions() []kgo.Opt {
	partitioner := kgo.Partitioner(inputPartitioner{})
	if c.Results.Partition == "key" {
		partitioner = resultsPartitioner{results: c.Results.Topic, byKey: kgo.StickyKeyPartitioner(nil)}
	}
	return []kgo.Opt{
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerLinger(c.Producer.Linger),
		kgo.ProducerBatchCompression(compression(c.Producer.Compression)...),
		kgo.ProducerBatchMaxBytes(c.Producer.BatchBytes),
		// What is in flight is bounded by the ingestion actor; Produce must
		// never block its mailbox.
		kgo.MaxBufferedRecords(1 << 30),
		// A missing topic may be made while we wait; nothing is given up.
		kgo.UnknownTopicRetries(-1),
	}
}

func compression(name string) []kgo.CompressionCodec {
	switch name {
	case "lz4":
		return []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.NoCompression()}
	case "snappy":
		return []kgo.CompressionCodec{kgo.SnappyCompression(), kgo.NoCompression()}
	case "zstd":
		return []kgo.CompressionCodec{kgo.ZstdCompression(), kgo.NoCompression()}
	case "gzip":
		return []kgo.CompressionCodec{kgo.GzipCompression(), kgo.NoCompression()}
	}
	return []kgo.CompressionCodec{kgo.NoCompression()}
}

// inputPartitioner sends an output to its input's partition modulo the number
// of the topic's partitions: what comes from one partition stays in order.
type inputPartitioner struct{}

func (inputPartitioner) ForTopic(string) kgo.TopicPartitioner        { return inputPartitioner{} }
func (inputPartitioner) RequiresConsistency(*kgo.Record) bool        { return true }
func (inputPartitioner) Partition(r *kgo.Record, n int) (picked int) { return int(r.Partition) % n }

// resultsPartitioner sends results by key, and dead letters by input partition.
type resultsPartitioner struct {
	results string
	byKey   kgo.Partitioner
}

func (p resultsPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if topic == p.results {
		return p.byKey.ForTopic(topic)
	}
	return inputPartitioner{}
}

// clientLogger passes the client's log on. Most of it is for debugging: what an
// operator has to know is logged by this package itself, once.
type clientLogger struct{ log *slog.Logger }

func (l clientLogger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelError
}

func (l clientLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	if level == kgo.LogLevelError && msg != "unable to request api versions" && msg != "group manage loop errored" {
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka client: "+msg, keyvals...)
}
