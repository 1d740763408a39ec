package load

import (
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/faults/check"
)

// generator makes records, each partition of each topic in turn.
type generator struct {
	cfg    Config
	rand   *rand.Rand
	places []place
	n      int
}

type place struct {
	topic     Topic
	partition int32
}

func newGenerator(cfg Config) *generator {
	g := &generator{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 2))}
	for _, t := range cfg.Topics {
		for p := range t.Partitions {
			g.places = append(g.places, place{t, int32(p)})
		}
	}
	return g
}

// oldest is how far a record's time may lie behind.
const oldest = 3 * time.Second

func (g *generator) next(now time.Time) (*kgo.Record, error) {
	to := g.places[g.n%len(g.places)]
	g.n++
	r := check.Record{
		Number:   float64(g.n),
		X:        float64(g.rand.IntN(1 << 20)),
		DataType: g.cfg.DataTypes[g.rand.IntN(len(g.cfg.DataTypes))].Name,
	}
	// A fifth of the records is older than those before it.
	if g.rand.IntN(5) == 0 {
		now = now.Add(-time.Duration(g.rand.Int64N(int64(oldest))))
	}
	if to.topic.Format == JSON && g.cfg.BadOneIn > 0 && g.rand.IntN(g.cfg.BadOneIn) == 0 {
		r.Want = []check.Outcome{check.Failed, check.Refused}[g.rand.IntN(2)]
	}
	value, err := encode(to.topic.Format, &r)
	if err != nil {
		return nil, err
	}
	out := &kgo.Record{Topic: to.topic.Name, Partition: to.partition, Value: value, Timestamp: now}
	if to.topic.Format == JSON {
		out.Headers = []kgo.RecordHeader{{Key: DataTypeHeader, Value: []byte(r.DataType)}}
	}
	return out, nil
}
