package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/bench/internal/winerows"
	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model/all"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/record"
)

// workload is what each store is filled with.
type workload struct {
	document  []byte // PMML
	dataTypes []string
	source    *record.Source
	records   []record.Raw
}

func newWorkload(n int) (*workload, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d data types", n)
	}
	document, err := fs.ReadFile(wine.Files(), "models/logistic.pmml")
	if err != nil {
		return nil, err
	}
	w := &workload{document: document, source: &record.Source{Topic: "wine-records", Format: record.Wine()}}
	payloads, err := winerows.Payloads()
	if err != nil {
		return nil, err
	}
	for _, p := range payloads[:256] {
		w.records = append(w.records, record.Raw{Payload: p})
	}
	for i := range n {
		w.dataTypes = append(w.dataTypes, fmt.Sprintf("type-%04d", i))
	}
	return w, nil
}

// server is the actors over a store, with this program in place of Kafka.
type server struct {
	*workload
	store    persistence.Store
	system   *actor.ActorSystem
	models   *actors.Models
	inbox    *actor.PID
	outcomes chan *messages.ModelOutcome
	scored   chan *record.Scored
}

func (w *workload) open(ctx context.Context, p *place, activation actors.Activation) (*server, error) {
	types, err := all.Registry(all.Config{})
	if err != nil {
		return nil, err
	}
	s := &server{workload: w, outcomes: make(chan *messages.ModelOutcome, len(w.dataTypes)), scored: make(chan *record.Scored, 1)}
	if s.store, err = p.open(ctx); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	s.system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	s.models, err = actors.New(s.system, actors.Config{
		Types: types, Store: s.store, Formats: []*record.Format{w.source.Format}, Results: record.ResultProtobuf,
		Activation: activation, Meter: noop.NewMeterProvider().Meter(""), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	s.inbox = s.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *messages.ModelOutcome:
			s.outcomes <- m
		case *record.Scored:
			s.scored <- m
		}
	}))
	return s, nil
}

// publish gives each data type a model of its own: the documents differ by a
// comment, so that each is an artifact.
func (s *server) publish(ctx context.Context) error {
	const inFlight = 64
	for i := range len(s.dataTypes) + inFlight {
		if i < len(s.dataTypes) {
			d := &messages.ModelDescriptor{
				Name: "logistic", DataType: s.dataTypes[i], Type: "pmml",
				Content: &messages.ModelDescriptor_Data{Data: append(bytes.Clone(s.document), "<!-- "+s.dataTypes[i]+" -->\n"...)},
			}
			s.models.Offer(d, &messages.Source{Topic: "models", Offset: int64(i)}, s.inbox)
		}
		if i < inFlight {
			continue
		}
		select {
		case o := <-s.outcomes:
			if o.GetOutcome() != messages.ModelOutcome_PROMOTED {
				return fmt.Errorf("%s: %v: %s", o.GetDataType(), o.GetOutcome(), o.GetReason())
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// recover does what a server does at its start.
func (s *server) recover(ctx context.Context) error {
	ids, err := s.store.IDs(ctx)
	if err != nil {
		return err
	}
	_, err = s.models.Recover(ctx, ids)
	return err
}

// score scores a batch of 256 wines.
func (s *server) score(dataType string) error {
	s.models.Score(&record.Batch{
		DataType: dataType, Source: s.source, Records: s.records, Deadline: time.Now().Add(30 * time.Second),
	}, s.inbox)
	r := <-s.scored
	if r.Err == nil && len(r.Failures) > 0 {
		return r.Failures[0].Err
	}
	return r.Err
}

// check makes sure that every data type is there, with its model.
func (s *server) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	states, err := s.models.States(ctx)
	if err != nil {
		return err
	}
	if len(states.GetModels()) != len(s.dataTypes) || s.models.Damaged() {
		return fmt.Errorf("%d of %d data types came back (damaged: %v)", len(states.GetModels()), len(s.dataTypes), s.models.Damaged())
	}
	for _, m := range states.GetModels() {
		if m.GetCurrent().GetModel().GetName() != "logistic" {
			return fmt.Errorf("%s came back without its model", m.GetDataType())
		}
	}
	return nil
}

func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := errors.Join(s.models.Stop(ctx), s.store.Close())
	s.system.Shutdown()
	return err
}
