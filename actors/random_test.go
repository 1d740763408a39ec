package actors_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// Models with an effective_from and batches come at random times relative to
// loading, closing and leaving. Each result is from the generation that the rule
// names, given the descriptors that were there before its batch, or some of those
// that came while it was under way.
func TestRandomModelsAndRecords(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &randomRun{rand: rand.New(rand.NewPCG(seed, 0)), sent: map[*record.Batch]int{}}
	r.bench = newBench(t, func(c *actors.Config) {
		c.MaxLoaded, c.StandbyFor, c.IdleAfter = 2, time.Millisecond, 5*time.Millisecond
		c.SetTick(time.Millisecond)
	})
	r.mustServe("add 1")
	r.models = append(r.models, published{offset: r.offset})
	for range 300 {
		switch r.rand.IntN(4) {
		case 0:
			if len(r.models) < 40 {
				r.offer()
			}
		case 1:
			r.drain()
		default:
			r.random()
		}
	}
	r.drain()
}

type randomRun struct {
	*bench
	rand   *rand.Rand
	models []published
	sent   map[*record.Batch]int // how many models were published before
}

type published struct {
	offset   int64
	from     int64
	rejected bool
}

func (r *randomRun) offer() {
	script, from := fmt.Sprintf("add %d", len(r.models)+1), r.rand.Int64N(100)*1000+1000
	p := published{from: from, rejected: r.rand.IntN(4) == 0}
	if p.rejected {
		script += "\nrefuse"
	}
	r.publishFrom(script, from)
	p.offset = r.offset
	r.models = append(r.models, p)
}

func (r *randomRun) random() {
	seconds := make([]int64, 1+r.rand.IntN(20))
	for i := range seconds {
		seconds[i] = r.rand.Int64N(102)
	}
	if r.rand.IntN(2) == 0 {
		slices.Sort(seconds)
	}
	batch := r.timed(seconds...)
	r.sent[batch] = len(r.models)
	r.bench.models.Score(batch, r.inbox)
}

// drain takes all answers that are out.
func (r *randomRun) drain() {
	r.t.Helper()
	for len(r.sent) > 0 {
		s := r.answer()
		known := r.sent[s.Batch]
		delete(r.sent, s.Batch)
		part := 0
		for row, result := range r.results(s) {
			if s.Parts[part].End == row {
				part++
			}
			got := result.GetGeneration().GetOffset()
			if s.Parts[part].Place.End != got+1 {
				r.t.Fatalf("row %d has a result of offset %d and is in the part %+v", row, got, s.Parts[part])
			}
			if !r.allowed(got, s.Batch.Records[row].TimeMS, known) {
				r.t.Fatalf("a record of %d was scored by the model of offset %d\n%s", s.Batch.Records[row].TimeMS, got, r.show())
			}
		}
	}
	for len(r.outcomes) > 0 {
		if o := <-r.outcomes; o.GetOutcome() == messages.ModelOutcome_REJECTED && !strings.Contains(o.GetReason(), "refused as told") {
			r.t.Fatalf("%v", o)
		}
	}
}

// allowed says that the rule names a model for a record of that time, when all
// descriptors but some of the last, that came after its batch, are known.
func (r *randomRun) allowed(offset, ms int64, known int) bool {
	for n := known; n <= len(r.models); n++ {
		for _, p := range slices.Backward(r.models[:n]) {
			if !p.rejected && p.from <= ms {
				if p.offset == offset {
					return true
				}
				break
			}
		}
	}
	return false
}

func (r *randomRun) show() string {
	var b strings.Builder
	for _, p := range r.models {
		fmt.Fprintf(&b, "%+v\n", p)
	}
	return b.String()
}
