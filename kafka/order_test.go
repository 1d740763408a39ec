package kafka

import (
	"errors"
	"slices"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// TestRowsWithoutAGeneration: of a batch that lies across a switch in record
// time, some records may have no generation: they fare like records without a
// model, and those whose generation is gone become dead letters.
func TestRowsWithoutAGeneration(t *testing.T) {
	for policy, want := range map[NoModelPolicy]struct {
		dead    []string
		dropped int64
	}{
		NoModelDrop:       {[]string{"gone"}, 1},
		NoModelDeadLetter: {[]string{"none", "gone"}, 0},
	} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t)
			in := w.start(func(c *Config) { c.Records.NoModel = policy })
			in.scorer.set(func(b *record.Batch) *record.Scored {
				a := &record.Scored{Batch: b}
				for i := range b.Records {
					payload := string(b.Records[i].Payload)
					part := record.Part{End: i + 1, NS: 10, Timed: true}
					switch payload {
					case "none":
						part.Err = record.ErrNoModel
					case "gone":
						part.Err = &model.LoadError{Reason: "its artifact is gone", Err: errors.New("not found")}
					default:
						a.Payloads = append(a.Payloads, payload...)
					}
					a.Ends, a.Parts = append(a.Ends, int32(len(a.Payloads))), append(a.Parts, part)
				}
				return a
			})
			w.produce(0, "wine", "a", "none", "b", "gone", "c")
			eventually(t, "all is committed", func() bool { return w.committed(0) == 5 })
			in.drain(t)
			if got := values(w.committedRecords("out"))[0]; !slices.Equal(got, []string{"a", "b", "c"}) {
				t.Errorf("results %v", got)
			}
			if got := values(w.committedRecords("dead"))[0]; !slices.Equal(got, want.dead) {
				t.Errorf("dead letters %v", got)
			}
			if got := in.Stats().Dropped; got != want.dropped {
				t.Errorf("%d dropped", got)
			}
		})
	}
}
