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

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// beat is the time between two handfuls of records.
const beat = 20 * time.Millisecond

// publishRecords publishes the wines, over and over, at the demo's rate.
func (s *show) publishRecords(ctx context.Context) error {
	payloads, err := wines(s.manifest.DataType)
	if err != nil {
		return err
	}
	began, sent := time.Now(), 0
	return every(ctx, beat, func() error {
		due := int(time.Since(began).Seconds() * float64(s.options.Rate))
		handful := make([]kafkatest.Record, 0, due-sent)
		for ; sent < due; sent++ {
			handful = append(handful, kafkatest.Record{Partition: int32(sent % partitions), Value: payloads[sent%len(payloads)]})
		}
		if len(handful) == 0 {
			return nil
		}
		return kafkatest.ProduceRecords(ctx, s.seeds, recordsTopic, handful...)
	})
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

// publishModels publishes one model after the other, from the first again after
// the last, once the server reads records.
func (s *show) publishModels(ctx context.Context) error {
	select {
	case <-s.node.ReadyForRecords():
	case <-ctx.Done():
		return nil
	}
	next := 0
	publish := func() error {
		d, err := describe(s.manifest, s.manifest.Models[next%len(s.manifest.Models)])
		if err != nil {
			return err
		}
		next++
		value, err := proto.Marshal(d)
		if err != nil {
			return err
		}
		return kafkatest.ProduceRecords(ctx, s.seeds, modelsTopic, kafkatest.Record{Value: value})
	}
	return errors.Join(publish(), every(ctx, s.options.Every, publish))
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
	err := kafkatest.FollowRecords(ctx, s.seeds, resultsTopic, func(r kafkatest.Record) bool {
		result, err := record.DecodeResult(record.ResultProtobuf, r.Value)
		if err != nil {
			broken = err
			return false
		}
		s.watch.result(result, time.Now())
		return true
	})
	return errors.Join(err, broken)
}
