package node_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// cellar is the wine example: its records and models, and what the models must
// answer.
type cellar struct {
	t        *testing.T
	manifest *wine.Manifest
	payloads [][]byte
	expected map[string]map[int]float64 // model → row → target
}

func openCellar(t *testing.T) *cellar {
	t.Helper()
	m, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		t.Fatal(err)
	}
	c := &cellar{t: t, manifest: m, expected: map[string]map[int]float64{}}
	header, rows := c.csv(wine.RecordsFile)
	encoder, err := record.Wine().Encoder(append(header, "data_type"))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		p, err := encoder.Append(nil, i, append(row, m.DataType))
		if err != nil {
			t.Fatal(err)
		}
		c.payloads = append(c.payloads, p)
	}
	for _, model := range m.Models {
		if model.Expected == "" {
			continue
		}
		_, rows := c.csv(model.Expected)
		answers := map[int]float64{}
		for _, row := range rows {
			answers[int(c.number(row[0]))] = c.number(row[1])
		}
		c.expected[model.Name] = answers
	}
	return c
}

func (c *cellar) csv(name string) (header []string, rows [][]string) {
	c.t.Helper()
	f, err := wine.Files().Open(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		c.t.Fatal(err)
	}
	return all[0], all[1:]
}

func (c *cellar) number(text string) float64 {
	c.t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// model returns the descriptor of one of the example's models.
func (c *cellar) model(name string) *messages.ModelDescriptor {
	c.t.Helper()
	i := slices.IndexFunc(c.manifest.Models, func(m wine.Model) bool { return m.Name == name })
	if i < 0 {
		c.t.Fatalf("the example has no model %q", name)
	}
	m := c.manifest.Models[i]
	b, err := fs.ReadFile(wine.Files(), m.File)
	if err != nil {
		c.t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return &messages.ModelDescriptor{
		Name: m.Name, Version: m.Version, Description: m.Description, DataType: c.manifest.DataType, Type: m.Type,
		Options: m.Options, Sha256: hex.EncodeToString(sum[:]), Content: &messages.ModelDescriptor_Data{Data: b},
	}
}

// records are n records from a number on, spread over partitions: record number
// i is row i (modulo all) in partition i modulo the number of partitions.
func (c *cellar) records(from, n, partitions int) []kafkatest.Record {
	rs := make([]kafkatest.Record, n)
	for i := range rs {
		number := from + i
		rs[i] = kafkatest.Record{Partition: int32(number % partitions), Value: c.payloads[number%len(c.payloads)]}
	}
	return rs
}

// check compares a result with what its model must answer for a record's number,
// if that is known, and says whether it is.
func (c *cellar) check(r *messages.ServingResult, number int) bool {
	c.t.Helper()
	if r.GetError() != nil {
		c.t.Fatalf("record %d: %v", number, r.GetError())
	}
	answers, known := c.expected[r.GetGeneration().GetName()]
	if !known {
		c.t.Fatalf("record %d was scored by %q, which is none of the models", number, r.GetGeneration().GetName())
	}
	want, known := answers[number%len(c.payloads)]
	if !known {
		return false
	}
	if got := c.target(r); math.Abs(got-want) > 1e-6*max(math.Abs(want), 1) {
		c.t.Fatalf("record %d scored by %s: %v, want %v", number, r.GetGeneration().GetName(), got, want)
	}
	return true
}

func (c *cellar) target(r *messages.ServingResult) float64 {
	c.t.Helper()
	switch v := r.GetTarget().GetKind().(type) {
	case *messages.Value_Number:
		return v.Number
	case *messages.Value_Integer:
		return float64(v.Integer)
	case *messages.Value_Label:
		return c.number(v.Label)
	}
	c.t.Fatalf("a result without a usable target: %v", r)
	return 0
}

// partitionLog is the results of one input partition: by the record's offset, in
// the order in which they were written.
type partitionLog struct {
	offsets []int64
	results []*messages.ServingResult
}

// allResults reads the result topic up to its end, by input partition.
func (w *world) allResults() map[int32]*partitionLog {
	w.t.Helper()
	logs := map[int32]*partitionLog{}
	for _, rec := range kafkatest.ReadAll(w.t, w.seeds, w.results) {
		r, err := record.DecodeResult(record.ResultProtobuf, rec.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		p := r.GetSource().GetPartition()
		if logs[p] == nil {
			logs[p] = &partitionLog{}
		}
		logs[p].offsets = append(logs[p].offsets, r.GetSource().GetOffset())
		logs[p].results = append(logs[p].results, r)
	}
	return logs
}

// awaitSettled waits until everything in the records topic is committed.
func (w *world) awaitSettled(perPartition int64) {
	w.t.Helper()
	await(w.t, "all offsets to be committed", func() (string, bool) {
		committed := kafkatest.Committed(w.t, w.seeds, w.records, w.records)
		done := len(committed) == w.partitions
		for _, at := range committed {
			done = done && at >= perPartition
		}
		return fmt.Sprint(committed), done
	})
}
