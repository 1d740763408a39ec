package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/messages"
)

// ModelTaker takes what the models topic brings.
type ModelTaker interface {
	// Offer hands a descriptor over and returns at once. One
	// *messages.ModelOutcome comes back to replyTo when it is settled: promoted,
	// rejected, a duplicate and so on. The same descriptor may be offered again
	// when no outcome came; d must not be changed.
	Offer(d *messages.ModelDescriptor, from *messages.Source, replyTo *actor.PID)
}

// Positions remembers how far the models topic was processed: for each
// partition the offset of the first descriptor that is not settled.
type Positions interface {
	Load(ctx context.Context) (map[int32]int64, error)
	Save(ctx context.Context, positions map[int32]int64) error
}

// ModelsOptions is what model ingestion is made of.
type ModelsOptions struct {
	Config    *Config
	Models    ModelTaker
	Positions Positions
	Log       *slog.Logger
	Meter     metric.Meter
}

// Models is the handle of the model ingestion actor. Its methods may be called
// by any goroutine.
type Models struct {
	config    *Config
	models    ModelTaker
	positions Positions
	log       *slog.Logger
	metrics   *modelMetrics
	letters   deadLetters
	status    *modelStatus

	frontier     *Frontier
	caughtUp     chan struct{}
	caughtUpOnce sync.Once
	running      atomic.Pointer[session]
}

// NewModels checks the configuration and returns the handle. Nothing runs until
// its [Models.Props] are spawned.
func NewModels(o ModelsOptions) (*Models, error) {
	m := &Models{
		config:    o.Config,
		models:    o.Models,
		positions: o.Positions,
		log:       o.Log,
		letters:   o.Config.deadLetters(),
		status:    newModelStatus(),
		frontier:  &Frontier{},
		caughtUp:  make(chan struct{}),
	}
	m.letters.actor = "ingest/models"
	opts, err := m.clientOptions(newConnection(o.Log))
	if err != nil {
		return nil, err
	}
	if err := kgo.ValidateOpts(opts...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	m.metrics, err = newModelMetrics(o.Meter)
	return m, err
}

// Props returns the props to spawn the actor with, once per process. After a
// restart it starts over from the saved positions.
func (m *Models) Props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return newModelsActor(m) })
}

// CaughtUp is closed once every descriptor that was on the topic when the
// process started is settled.
func (m *Models) CaughtUp() <-chan struct{} { return m.caughtUp }

// Frontier is up to when the models topic is known.
func (m *Models) Frontier() *Frontier { return m.frontier }

// Close stops reading, saves the positions and closes the client. Descriptors
// that are not settled are offered again at the next start. The actor does
// nothing any more afterwards; stop it.
func (m *Models) Close(ctx context.Context) error {
	s := m.running.Load()
	if s == nil {
		return nil
	}
	reply := make(chan error, 1)
	s.root.Send(s.actor, &closeModels{reply: reply})
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("model ingestion does not answer: %w", ctx.Err())
	}
}

func (m *Models) clientOptions(conn *connection) ([]kgo.Opt, error) {
	opts, err := m.config.clientOptions(m.log, conn)
	if err != nil {
		return nil, err
	}
	c := &m.config.Models
	opts = append(opts, m.config.producerOptions()...)
	return append(opts,
		kgo.ProducerBatchMaxBytes(c.batchBytes()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A model of a transaction that was aborted was never published.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Markers of transactions move the position: without them the end of a
		// topic would never be reached.
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(time.Second),
		// Each fetch brings at least one batch, however large.
		kgo.FetchMaxBytes(c.batchBytes()),
		kgo.FetchMaxPartitionBytes(c.batchBytes()),
		kgo.BrokerMaxReadBytes(1<<30),
		kgo.MaxDecompressBatchBytes(int(min(4*int64(c.batchBytes()), 1<<30))),
		kgo.MaxConcurrentFetches(1),
	), nil
}
