package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/bench/internal/winerows"
	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml"
	"github.com/modelstream/modelserver/record"
)

func readModelFile(file string) ([]byte, error) {
	if file != "" {
		return os.ReadFile(file)
	}
	return fs.ReadFile(wine.Files(), "models/forest.pmml")
}

func readModel(file string) ([]byte, error) {
	data, err := readModelFile(file)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&messages.ModelDescriptor{
		Name: "bench", DataType: "wine", Modeltype: messages.ModelDescriptor_PMML,
		Content: &messages.ModelDescriptor_Data{Data: data},
	})
}

// fill writes the records, spread evenly over the partitions.
func fill(ctx context.Context, seeds []string, o options) error {
	rows, err := winerows.Payloads()
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic(dataTopic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(100_000),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return err
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for i := range o.records {
		client.Produce(ctx, &kgo.Record{Partition: int32(i % o.partitions), Value: rows[i%len(rows)]}, promise)
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// check compares one result in a thousand with the model's own answer, by the
// engine's single-record call, and wants no result to carry an error.
func (b *bench) check(ctx context.Context, out string) error {
	data, err := readModelFile(b.model)
	if err != nil {
		return err
	}
	m, err := pmml.Load(ctx, bytes.NewReader(data), pmml.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	rows, err := winerows.Payloads()
	if err != nil {
		return err
	}
	decoder, err := record.Wine().Bind(m.Signature(), nil)
	if err != nil {
		return err
	}
	want := make([]string, len(rows)) // the target's value of each row, as text
	var in, scores model.Batch
	for i, row := range rows {
		decoder.Decode([]record.Raw{{Payload: row}}, &in)
		if err := m.Score(ctx, &in, &scores); err != nil {
			return err
		}
		want[i] = fmt.Sprint(scores.Columns[m.Signature().Target].Value(0))
	}
	seen := 0
	var wrong error
	err = kafkatest.FollowRecords(ctx, b.seeds, out, func(r kafkatest.Record) bool {
		seen++
		if seen%1000 == 1 {
			wrong = compareResult(r.Value, want, b.partitions)
		}
		return wrong == nil && seen < b.records
	})
	return errors.Join(err, wrong)
}

func compareResult(payload []byte, want []string, partitions int) error {
	res, err := record.DecodeResult(record.ResultProtobuf, payload)
	if err != nil {
		return err
	}
	i := int(res.GetSource().GetOffset())*partitions + int(res.GetSource().GetPartition())
	var got string
	switch v := res.GetTarget().GetKind().(type) {
	case *messages.Value_Label:
		got = v.Label
	case *messages.Value_Number:
		got = fmt.Sprint(v.Number)
	case *messages.Value_Integer:
		got = fmt.Sprint(v.Integer)
	}
	if w := want[i%len(want)]; got != w || res.GetError() != nil {
		return fmt.Errorf("record %d: the result is %q (%v), the model says %q", i, got, res.GetError(), w)
	}
	return nil
}
