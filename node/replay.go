package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/record"
	"github.com/modelstream/modelserver/replay"
)

// ReplayOptions say what is to be replayed and what becomes of it. The zero
// value of an optional field stands for what its comment says.
type ReplayOptions struct {
	Types    *model.Registry // required
	Resolver actors.Resolver // nil: what models.locations allows
	Log      *slog.Logger    // required

	Topics     []string // none: all topics of records
	Partitions []int32  // none: all
	From, To   kafka.Position
	DataTypes  []string // none: all
	Limit      int64    // records; 0: all

	AsOf  replay.AsOf // "": as of the results
	Model *ModelChoice

	Diff      bool
	Tolerance float64
	// ResultsFrom is where earlier results are looked for; nil: five minutes
	// before the first record of a partition.
	ResultsFrom *kafka.Position
	// Indexed holds the earlier results in memory, up to IndexBytes, where they
	// are not in the order of the records.
	Indexed    bool
	IndexBytes int64 // 0: 1 GiB
	MaxLoaded  int   // models at a time; 0: 8

	ToTopic string    // "": none
	ToFile  io.Writer // of JSON lines; nil: none

	Finding  func(*replay.Finding)
	Progress func(ReplayProgress)
}

// ReplayProgress is how far a replay has come.
type ReplayProgress struct {
	Doing       string // what is under way, for people
	Done, Total int64  // offsets
	Records     int64
	Findings    int64
}

const (
	defaultIndexBytes = 1 << 30
	// beforeRecords is how much earlier than the first record results are looked
	// for: clocks differ.
	beforeRecords = 5 * time.Minute
	// maxDescriptors bounds what is kept of the models topic.
	maxDescriptors = 1_000_000
)

// Replay scores a range of records again; see package replay.
func Replay(ctx context.Context, cfg *config.Config, o ReplayOptions) (*replay.Summary, error) {
	r := &replaying{cfg: cfg, ReplayOptions: o}
	if r.AsOf == "" {
		r.AsOf = replay.AsOfResults
	}
	if r.Model != nil {
		r.AsOf = replay.AsOfModel
	}
	summary, err := r.run(ctx)
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	return summary, err
}

// replaying is a Replay under way.
type replaying struct {
	ReplayOptions
	cfg     *config.Config
	history *kafka.History
	formats map[string]*record.Format
	results record.ResultFormat
	topics  map[string]kafka.Topic
	closers []func() error

	resultSpans map[int32]kafka.Span // of the results topic, all there is
	done        int64                // offsets of the ranges that are finished
	total       int64
	firstMS     int64 // the least timestamp at the beginning of the range at hand
}

func (r *replaying) run(ctx context.Context) (*replay.Summary, error) {
	var err error
	if r.formats, err = r.cfg.RecordFormats(); err != nil {
		return nil, err
	}
	if r.results, err = record.ParseResultFormat(r.cfg.Kafka.Results.Format); err != nil {
		return nil, err
	}
	if r.history, err = kafka.OpenHistory(&r.cfg.Kafka, r.Log); err != nil {
		return nil, err
	}
	r.closers = append(r.closers, func() error { r.history.Close(); return nil })
	c := replay.Config{
		AsOf: r.AsOf, Diff: r.Diff, Tolerance: r.Tolerance, Format: r.results, Limit: r.Limit,
		Finding: r.Finding, Log: r, Batch: r.cfg.Kafka.Records.BatchRecords, DataTypes: map[string]bool{},
	}
	if c.Sink, err = r.sink(ctx, &c); err != nil {
		return nil, err
	}
	if c.Ranges, err = r.ranges(ctx); err != nil {
		return nil, err
	}
	if err := r.loadModels(ctx, &c); err != nil {
		return nil, err
	}
	if r.joins() {
		if err := r.earlier(ctx, &c); err != nil {
			return nil, err
		}
	}
	c.Progress = r.advance(c.Ranges)
	return replay.Run(ctx, c)
}

// joins says that earlier results are read.
func (r *replaying) joins() bool { return r.Diff || r.AsOf == replay.AsOfResults }

// sink returns what takes the results, or nil.
func (r *replaying) sink(ctx context.Context, c *replay.Config) (func(context.Context, replay.Output) error, error) {
	switch {
	case r.ToTopic != "":
		w, err := kafka.NewResultWriter(ctx, &r.cfg.Kafka, r.Log, r.ToTopic)
		if err != nil {
			return nil, err
		}
		r.closers = append(r.closers, func() error { return w.Close(ctx) })
		return func(ctx context.Context, o replay.Output) error {
			return w.Write(ctx, o.Partition, o.DataType, o.Payload)
		}, nil
	case r.ToFile != nil:
		c.Format = record.ResultJSON
		return func(_ context.Context, o replay.Output) error {
			_, err := r.ToFile.Write(o.Payload)
			if err == nil {
				_, err = r.ToFile.Write([]byte{'\n'})
			}
			return err
		}, nil
	}
	return nil, nil
}

// ranges finds what is to be read, topic by topic.
func (r *replaying) ranges(ctx context.Context) ([]replay.Range, error) {
	r.topics = map[string]kafka.Topic{}
	var names []string
	for _, t := range boundTopics(r.cfg.Kafka.Records.Topics, r.formats) {
		r.topics[t.Config.Topic] = t
		names = append(names, t.Config.Topic)
	}
	chosen := r.Topics
	if len(chosen) == 0 {
		chosen = names
	}
	var ranges []replay.Range
	for _, name := range chosen {
		t, known := r.topics[name]
		if !known {
			return nil, fmt.Errorf("topic %s is none of the topics of records (kafka.records.topics): %q", name, names)
		}
		spans, err := r.history.Spans(ctx, name, r.From, r.To, r.Partitions...)
		if err != nil {
			return nil, err
		}
		source := &record.Source{Topic: name, Format: t.Format}
		for _, number := range sortedKeys(spans) {
			s := spans[number]
			ranges = append(ranges, replay.Range{Source: source, Partition: number, From: s.From, To: s.To})
			r.total += s.To - s.From
		}
	}
	return slices.DeleteFunc(ranges, func(x replay.Range) bool { return x.From >= x.To }), nil
}

func sortedKeys[V any](m map[int32]V) []int32 {
	keys := make([]int32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// loadModels reads the models topic and says which generations there are.
func (r *replaying) loadModels(ctx context.Context, c *replay.Config) error {
	for _, name := range r.DataTypes {
		c.DataTypes[name] = true
	}
	r.tell("reading the models topic")
	descriptors, err := r.descriptors(ctx)
	if err != nil {
		return err
	}
	loading := replay.Loading{
		Types: r.Types, Artifacts: r, Resolver: r.Resolver, Fields: map[string]map[string]string{},
		MaxLoaded: r.MaxLoaded, LoadTimeout: r.cfg.Models.LoadTimeout, ScoreTimeout: r.cfg.Models.ScoreTimeout,
	}
	if loading.Resolver == nil {
		resolver, err := locations(r.cfg)
		if err != nil {
			return err
		}
		loading.Resolver = resolver
		r.closers = append(r.closers, func() error { resolver.Close(); return nil })
	}
	for _, f := range r.formats {
		loading.Formats = append(loading.Formats, f)
	}
	for name, d := range r.cfg.DataTypes {
		loading.Fields[name] = d.Fields
	}
	c.Models = replay.NewGenerations(loading, descriptors)
	r.closers = append(r.closers, c.Models.Close)
	if r.Model == nil {
		return nil
	}
	if c.Model, err = r.Model.among(descriptors, c.DataTypes); err != nil {
		return err
	}
	c.DataTypes = map[string]bool{c.Model.DataType: true}
	return c.Models.Load(ctx, c.Model)
}

// descriptors reads the models topic up to where it ends now. What is no
// descriptor was rejected by every server.
func (r *replaying) descriptors(ctx context.Context) ([]*replay.Descriptor, error) {
	var all []*replay.Descriptor
	err := r.history.Models(ctx, func(m *kafka.PublishedModel) error {
		if m.Descriptor == nil {
			return nil
		}
		if len(all) == maxDescriptors {
			return fmt.Errorf("topic %s has more than %d models", r.cfg.Kafka.Models.Topic, maxDescriptors)
		}
		at := replay.Place{Partition: m.Partition, Offset: m.Offset}
		all = append(all, replay.Describe(at, m.TimeMS, actors.TypeName(m.Descriptor), m.Descriptor))
		return nil
	})
	return all, err
}

// Artifact implements [replay.Artifacts].
func (r *replaying) Artifact(ctx context.Context, at replay.Place) ([]byte, error) {
	b, err := r.history.Artifact(ctx, at.Partition, at.Offset)
	var gone *kafka.ArtifactGoneError
	if errors.As(err, &gone) {
		err = fmt.Errorf("%w: %w", replay.ErrGone, err)
	}
	return b, err
}

// tell shows what is under way.
func (r *replaying) tell(doing string) {
	if r.Progress != nil {
		r.Progress(ReplayProgress{Doing: doing})
	}
}

// advance turns the progress of one range into that of all.
func (r *replaying) advance(ranges []replay.Range) func(replay.Progress) {
	if r.Progress == nil {
		return nil
	}
	before := map[string]int64{}
	for _, x := range ranges {
		before[x.String()] = r.done
		r.done += x.To - x.From
	}
	return func(p replay.Progress) {
		r.Progress(ReplayProgress{
			Doing: fmt.Sprintf("%s/%d at %d", p.Range.Source.Topic, p.Range.Partition, p.Next),
			Done:  before[p.Range.String()] + p.Next - p.Range.From, Total: r.total,
			Records: p.Records, Findings: p.Findings,
		})
	}
}
