package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// History reads what lies on topics, from one offset to another: ranges of
// records, results and models. It needs no consumer group and leaves no trace.
// It belongs to one goroutine.
type History struct {
	config *Config
	log    *slog.Logger
	conn   *connection
	client *kgo.Client // for questions
	models *spanReader // for single messages of the models topic; nil until one is read
}

// Span is consecutive offsets of a partition: From to To-1.
type Span struct{ From, To int64 }

// OpenHistory returns a history. It connects when it is first used.
func OpenHistory(config *Config, log *slog.Logger) (*History, error) {
	only := *config
	only.CreateTopics.Enabled = false // who looks makes nothing
	h := &History{config: &only, log: log, conn: newConnection(log)}
	opts, err := config.clientOptions(log, h.conn)
	if err != nil {
		return nil, err
	}
	if h.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return h, nil
}

// Close ends the history and what was read from it.
func (h *History) Close() {
	if h.models != nil {
		h.models.Close()
	}
	h.client.Close()
}

// questionTimeout bounds a question to the brokers.
const questionTimeout = 30 * time.Second

// Spans returns what lies between two positions of a topic now, by partition:
// committed records alone, unless it is a topic of records and those are read
// uncommitted. Positions outside of the log mean its ends. Without partitions,
// all are meant; one that does not exist is an error.
func (h *History) Spans(ctx context.Context, topic string, from, to Position, partitions ...int32) (map[int32]Span, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	if _, err := h.config.checkTopics(ctx, h.client, []string{topic}); err != nil {
		return nil, h.explain(err)
	}
	starts, err := listOffsets(ctx, h.client, topic, true)
	if err != nil {
		return nil, h.explain(err)
	}
	ends, err := h.ends(ctx, topic)
	if err != nil {
		return nil, h.explain(err)
	}
	for _, number := range partitions {
		if _, exists := ends[number]; !exists {
			return nil, fmt.Errorf("topic %s has no partition %d: it has %d", topic, number, len(ends))
		}
	}
	spans := map[int32]Span{}
	for number, end := range ends {
		if len(partitions) == 0 || slices.Contains(partitions, number) {
			spans[number] = Span{starts[number], end}
		}
	}
	firsts, err := h.place(ctx, topic, from, spans)
	if err != nil {
		return nil, err
	}
	lasts, err := h.place(ctx, topic, to, spans)
	if err != nil {
		return nil, err
	}
	for number := range spans {
		spans[number] = Span{firsts[number], max(firsts[number], lasts[number])}
	}
	return spans, nil
}

// ends returns where a topic's partitions end.
func (h *History) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	isRecords := slices.ContainsFunc(h.config.Records.Topics, func(t TopicConfig) bool { return t.Topic == topic })
	if !isRecords || h.config.Records.Isolation != "read_uncommitted" {
		return listOffsets(ctx, h.client, topic, false)
	}
	listed, err := kadm.NewClient(h.client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	at := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { at[o.Partition] = o.Offset })
	return at, err
}

// place finds a position in each partition's log.
func (h *History) place(ctx context.Context, topic string, p Position, logs map[int32]Span) (map[int32]int64, error) {
	at := make(map[int32]int64, len(logs))
	if p.kind == atTime {
		listed, err := kadm.NewClient(h.client).ListOffsetsAfterMilli(ctx, p.time.UnixMilli(), topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("look up %v in topic %s: %w", p, topic, h.explain(err))
		}
		listed.Each(func(o kadm.ListedOffset) { at[o.Partition] = o.Offset })
	}
	for number, log := range logs {
		switch p.kind {
		case atStart:
			at[number] = log.From
		case atEnd:
			at[number] = log.To
		case atOffset:
			at[number] = p.offset
		}
		at[number] = min(max(at[number], log.From), log.To)
	}
	return at, nil
}

// explain adds why no broker answers, if that is so.
func (h *History) explain(err error) error {
	if health := h.conn.health(time.Now()); health != nil {
		return fmt.Errorf("%w (%w)", err, health)
	}
	return err
}
