package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/node/config"
)

// Options are how the demo is run.
type Options struct {
	Types   *model.Registry
	Version string
	Listen  string        // of the HTTP server
	Rate    int           // records a second
	Every   time.Duration // between two models
	For     time.Duration // 0: until the context ends
	Once    bool          // end when every model was shown

	Out io.Writer
	// Terminal returns the size of the terminal that Out is, or false: then
	// lines are written instead of a table that is drawn over and over.
	Terminal func() (width, height int, ok bool)
	Coloured bool
	Log      *slog.Logger // the server's own log
}

// The demo's topics.
const (
	recordsTopic = "wine-records"
	modelsTopic  = "models"
	resultsTopic = "wine-results"
	lettersTopic = "dead-letters"
	partitions   = 4
)

// keep is how long the embedded broker keeps records, and sweep how often it
// drops older ones: it has them in memory.
const (
	keep  = 30 * time.Second
	sweep = 5 * time.Second

	segment = 1 << 20 // bytes
)

// stopTimeout bounds the end of the demo.
const stopTimeout = 10 * time.Second

// show is a running demo.
type show struct {
	options   Options
	manifest  *wine.Manifest
	seeds     []string
	kafka     *kafka.Config
	node      *node.Node
	publisher *kafka.Publisher
	watch     *watcher
	began     time.Time
}

// Run runs the demo until ctx ends or its time is over.
func Run(ctx context.Context, o Options) (err error) {
	manifest, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modelserver-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	broker, err := kafkatest.NewFake()
	if err != nil {
		return fmt.Errorf("the embedded broker: %w", err)
	}
	defer broker.Close()

	s := &show{options: o, manifest: manifest, seeds: broker.ListenAddrs(), began: time.Now()}
	fmt.Fprintf(o.Out, "modelserver demo: broker, server and publishers in this one process.\n"+
		"The broker is kfake, an imitation for trials: never use it for data that you need.\n\n")
	if err := s.leaveOut(ctx); err != nil {
		return err
	}
	if err := s.createTopics(ctx); err != nil {
		return err
	}
	if s.node, err = s.startNode(dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(s.node)) }()
	if s.publisher, err = kafka.NewPublisher(s.kafka, o.Log); err != nil {
		return err
	}
	defer s.publisher.Close()
	return s.run(ctx, broker.ApplyRetention)
}

// leaveOut drops the models whose type does not work on this machine, and says
// so: TensorFlow's, where its library is missing.
func (s *show) leaveOut(ctx context.Context) error {
	var kept []wine.Model
	told := map[string]bool{}
	for _, m := range s.manifest.Models {
		if m.Rejected != "" {
			kept = append(kept, m)
			continue
		}
		err := s.try(ctx, m)
		var unable *model.LoadError
		switch {
		case err == nil:
			kept = append(kept, m)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &unable) && strings.HasPrefix(m.Type, "tensorflow"):
			if !told[err.Error()] {
				fmt.Fprintf(s.options.Out, "Without the TensorFlow models: %v\n\n", err)
				told[err.Error()] = true
			}
		default:
			return fmt.Errorf("the demo's model %s: %w", m.Name, err)
		}
	}
	s.manifest.Models = kept
	return nil
}

// try loads a model, as the server is going to.
func (s *show) try(ctx context.Context, m wine.Model) error {
	t, err := s.options.Types.Lookup(m.Type)
	if err != nil {
		return err
	}
	d, err := describe(s.manifest, m)
	if err != nil {
		return err
	}
	e, err := t.Load(ctx, model.Spec{
		Name: m.Name, DataType: s.manifest.DataType, Options: m.Options,
		Artifact: model.Artifact{Bytes: d.GetData(), SHA256: d.GetSha256()},
	})
	if err != nil {
		return err
	}
	return e.Close()
}

func (s *show) createTopics(ctx context.Context) error {
	short := map[string]string{ // only whole segments are dropped
		"retention.ms": fmt.Sprint(keep.Milliseconds()), "segment.bytes": fmt.Sprint(segment),
	}
	for _, t := range []struct {
		name       string
		partitions int
		configs    map[string]string
	}{
		{recordsTopic, partitions, short},
		{resultsTopic, partitions, short},
		{lettersTopic, 1, short},
		{modelsTopic, 1, map[string]string{"max.message.bytes": fmt.Sprint(32 << 20)}},
	} {
		if err := kafkatest.CreateTopic(ctx, s.seeds, t.name, t.partitions, t.configs); err != nil {
			return err
		}
	}
	return nil
}

// startNode starts the server, configured as anybody's.
func (s *show) startNode(dir string) (*node.Node, error) {
	loaded, err := config.Load(config.Sources{Set: []string{
		"node.name=demo",
		"kafka.brokers=" + strings.Join(s.seeds, ","),
		"kafka.records.topics=[{topic: " + recordsTopic + ", format: wine, data_type: {from: field, name: data_type}}]",
		"kafka.models.topic=" + modelsTopic,
		"kafka.results.topic=" + resultsTopic,
		"kafka.dead_letters.topic=" + lettersTopic,
		"models.standby_for=2s",
		"store.dir=" + dir,
		"http.listen=" + s.options.Listen,
	}})
	if err != nil {
		return nil, err
	}
	s.kafka = &loaded.Kafka
	n, err := node.New(loaded.Config, node.Options{Types: s.options.Types, Log: s.options.Log, Version: s.options.Version})
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, errors.Join(err, stop(n))
	}
	return n, nil
}

func stop(n *node.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return n.Stop(ctx)
}

// run lets everybody play until the time is over.
func (s *show) run(ctx context.Context, applyRetention func()) error {
	if s.options.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.For)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.watch = newWatcher(s.node)

	var wg sync.WaitGroup
	play := func(part func(context.Context) error) {
		wg.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	play(s.publishRecords)
	play(s.publishModels)
	play(s.followResults)
	play(func(ctx context.Context) error {
		return every(ctx, sweep, func() error { applyRetention(); return nil })
	})
	play(s.display)
	<-ctx.Done()
	wg.Wait()
	s.farewell()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) && !errors.Is(cause, errShown) {
		return cause
	}
	return nil
}

// every calls f again and again until it fails or ctx ends.
func every(ctx context.Context, period time.Duration, f func() error) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := f(); err != nil {
				return err
			}
		}
	}
}
