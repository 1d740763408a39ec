package demo

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// publishRecords publishes the wines, over and over, at the demo's rate.
func (s *show) publishRecords(ctx context.Context) error {
	payloads, err := wines(s.manifest.DataType)
	if err != nil {
		return err
	}
	stream := kafka.Stream{Topic: recordsTopic, Rate: float64(s.options.Rate), Loop: true}
	_, err = s.publisher.PublishRecords(ctx, stream, func(yield func(kafka.Outgoing) bool) {
		for _, p := range payloads {
			if !yield(kafka.Outgoing{Value: p}) {
				return
			}
		}
	})
	return err
}

// wines returns the records of the example as payloads.
func wines(dataType string) ([][]byte, error) {
	f, err := wine.Files().Open(wine.RecordsFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", wine.RecordsFile, err)
	}
	encoder, err := record.Wine().Encoder(append(rows[0], "data_type"))
	if err != nil {
		return nil, err
	}
	payloads := make([][]byte, 0, len(rows)-1)
	for i, row := range rows[1:] {
		p, err := encoder.Append(nil, i+1, append(row, dataType))
		if err != nil {
			return nil, err
		}
		payloads = append(payloads, p)
	}
	return payloads, nil
}

// errShown ends the demo when every model was shown.
var errShown = errors.New("every model was shown")

// publishModels publishes one model after the other, from the first again after
// the last, once the server reads records. The next one waits until it is told
// what became of the one before, so that on a slow machine none is superseded.
func (s *show) publishModels(ctx context.Context) error {
	select {
	case <-s.node.ReadyForRecords():
	case <-ctx.Done():
		return nil
	}
	next := 0
	var last *messages.Source
	publish := func() error {
		if last != nil && !s.settled(ctx, last) {
			return nil
		}
		if s.options.Once && next == len(s.manifest.Models) {
			return errShown
		}
		d, err := describe(s.manifest, s.manifest.Models[next%len(s.manifest.Models)])
		if err != nil {
			return err
		}
		next++
		last, err = s.publisher.PublishModel(ctx, d)
		return err
	}
	return errors.Join(publish(), every(ctx, s.options.Every, publish))
}

// settled says that the generation from that place of the models topic serves,
// or was rejected.
func (s *show) settled(ctx context.Context, from *messages.Source) bool {
	state, err := s.node.Models().State(ctx, s.manifest.DataType)
	if err != nil {
		return false // it was not even read
	}
	for _, g := range state.GetGenerations() {
		if g.GetModel().GetSource().GetOffset() == from.GetOffset() {
			return g.GetPhase() >= messages.GenerationState_SERVING
		}
	}
	return false
}

// describe makes the descriptor of a model of the manifest.
func describe(manifest *wine.Manifest, m wine.Model) (*messages.ModelDescriptor, error) {
	artifact, err := fs.ReadFile(wine.Files(), m.File)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(artifact)
	return &messages.ModelDescriptor{
		Name: m.Name, Description: m.Description, Version: m.Version, DataType: manifest.DataType,
		Type: m.Type, Options: m.Options, Sha256: hex.EncodeToString(sum[:]),
		Content: &messages.ModelDescriptor_Data{Data: artifact},
	}, nil
}

// followResults reads what the server writes.
func (s *show) followResults(ctx context.Context) error {
	var broken error
	err := kafka.TailResults(ctx, s.kafka, s.options.Log, kafka.Tail{FromStart: true}, func(r *kafka.TailedResult) bool {
		if broken = r.Err; broken == nil {
			s.watch.result(r.Result, time.Now())
		}
		return broken == nil
	})
	return errors.Join(err, broken)
}
