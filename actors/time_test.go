package actors_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// timed makes a batch whose records have these timestamps, in seconds; their
// alcohol is 0, so that results are what the model adds.
func (b *bench) timed(seconds ...int64) *record.Batch {
	b.t.Helper()
	batch := b.batch("wine", make([]float64, len(seconds))...)
	for i := range batch.Records {
		batch.Records[i].TimeMS = seconds[i] * 1000
	}
	return batch
}

// sums are the results of an answer: what the model added, -1 for an error, -2
// for none.
func (b *bench) sums(s *record.Scored) []float64 {
	b.t.Helper()
	var sums []float64
	for _, r := range b.results(s) {
		switch {
		case r == nil:
			sums = append(sums, -2)
		case r.GetError() != nil:
			sums = append(sums, -1)
		default:
			sums = append(sums, r.GetOutputs()["sum"].GetNumber())
		}
	}
	return sums
}

func (b *bench) wantSums(s *record.Scored, want ...float64) {
	b.t.Helper()
	if got := b.sums(s); !slices.Equal(got, want) {
		b.t.Errorf("results %v, want %v", got, want)
	}
}

// A batch across a switch in record time is scored by several generations, and
// comes back as one: rows in order, failures by row, a part for each run.
func TestBatchAcrossASwitch(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustAccept("add 2", 100_000)
	b.mustAccept("add 3\npanic-at 13", 200_000)
	batch := b.timed(0, 99, 100, 250, 199, 200, 5)
	batch.Records[2].Payload = b.batch("wine", -1).Records[0].Payload // a failure of the model
	batch.Records[4].Payload = []byte{0xff}                           // malformed
	batch.Records[5].Payload = b.batch("wine", 13).Records[0].Payload
	b.models.Score(batch, b.inbox)
	s := b.answer()
	b.wantSums(s, 1, 1, -1, 3, -2, -1, 1)

	var rows []int
	for _, f := range s.Failures {
		rows = append(rows, f.Row)
	}
	slices.Sort(rows)
	if !slices.Equal(rows, []int{2, 4, 5}) {
		t.Errorf("failures of rows %v", rows)
	}
	var parts []string
	for _, p := range s.Parts {
		parts = append(parts, fmt.Sprintf("%d:%d", p.End, p.Place.End))
		if !p.Timed || p.NS == 0 || p.Err != nil {
			t.Errorf("part %+v", p)
		}
	}
	if want := []string{"2:2", "3:3", "4:4", "5:3", "6:4", "7:2"}; !slices.Equal(parts, want) {
		t.Errorf("parts %v, want %v", parts, want)
	}
	for row, r := range b.results(s) {
		if r != nil && r.GetSource().GetOffset() != int64(row) {
			t.Errorf("row %d has the result of row %d", row, r.GetSource().GetOffset())
		}
	}
	if s.Generation != 3 || s.Batch != batch {
		t.Errorf("answer of generation %d", s.Generation)
	}
	if r := b.state().GetStatistics(); r.GetRecords() != 7 || r.GetRecordErrors() != 3 {
		t.Errorf("statistics %v", r)
	}
}

// Records wait for the generation whose time they are of, from its acceptance
// on, and those behind them wait, too.
func TestRecordsWaitForTheirGeneration(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.publishFrom("add 2\ngate two", 100_000)
	eventually(t, "the second one is accepted", func() bool { return len(b.state().GetGenerations()) == 2 })
	b.models.Score(b.timed(50), b.inbox)
	b.wantSums(b.answer(), 1)
	across, before := b.timed(50, 150), b.timed(50)
	b.models.Score(across, b.inbox)
	b.models.Score(before, b.inbox)
	eventually(t, "they are held", func() bool { return b.state().GetHeldBatches() == 2 })
	b.scripted.open("two")
	for range 2 { // in any order: they go to two hosts
		if s := b.answer(); s.Batch == across {
			b.wantSums(s, 1, 2)
		} else {
			b.wantSums(s, 1)
		}
	}
}

// When the generation is rejected, its records go to what comes next by the rule.
func TestRecordsOfARejectedGeneration(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustAccept("add 2", 100_000)
	b.publishFrom("gate three\nrefuse", 50_000)
	eventually(t, "the third one is accepted", func() bool { return len(b.state().GetGenerations()) == 3 })
	b.models.Score(b.timed(0, 75, 150), b.inbox)
	eventually(t, "a portion is held", func() bool { return b.state().GetHeldBatches() > 0 })
	b.scripted.open("three")
	b.wantSums(b.answer(), 1, 1, 2)
}

// A generation that was closed is loaded again for late records.
func TestLateRecords(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.StandbyFor = time.Nanosecond })
	b.mustServe("add 1")
	b.mustAccept("add 2", 100_000)
	eventually(t, "the first one is closed", func() bool {
		return b.state().GetGenerations()[0].GetPhase() == messages.GenerationState_CLOSED
	})
	loads, _ := b.scripted.balance()
	b.models.Score(b.timed(99, 100), b.inbox)
	b.wantSums(b.answer(), 1, 2)
	if again, _ := b.scripted.balance(); again != loads+1 {
		t.Errorf("loaded %d times, want once", again-loads)
	}
	b.wantServing(2)
}

// More generations than may be loaded at a time: each has its turn.
func TestBatchOfManyGenerations(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.MaxLoaded = 2 })
	var seconds []int64
	var want []float64
	for n := int64(1); n <= 8; n++ {
		b.mustAccept(fmt.Sprintf("add %d", n), n*100_000)
		seconds = append(seconds, n*100+1, (9-n)*100+1)
		want = append(want, float64(n), float64(9-n))
	}
	b.models.Score(b.timed(seconds...), b.inbox)
	b.wantSums(b.answer(), want...)
}

// What cannot be had is said, for those rows alone; no other generation scores
// them silently.
func TestRowsThatCannotBeScored(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.StandbyFor = time.Nanosecond })
	b.mustAccept("add 1", 100_000)
	b.mustAccept("add 2", 200_000)
	lost := b.state().GetGenerations()[0].GetModel().GetSha256()
	eventually(t, "the first one is closed", func() bool {
		return b.state().GetGenerations()[0].GetPhase() == messages.GenerationState_CLOSED
	})
	if err := b.store.RetainArtifacts(t.Context(), 0, func(d string) bool { return d != lost }); err != nil {
		t.Fatal(err)
	}
	b.models.Score(b.timed(0, 250, 150, 50), b.inbox)
	s := b.answer()
	b.wantSums(s, -2, 2, -2, -2)
	var load *model.LoadError
	if len(s.Failures) != 0 || len(s.Parts) != 4 || !errors.Is(s.Parts[0].Err, record.ErrNoModel) || s.Parts[1].Err != nil ||
		!errors.As(s.Parts[2].Err, &load) || !errors.Is(s.Parts[3].Err, record.ErrNoModel) {
		t.Errorf("parts %+v, failures %v", s.Parts, s.Failures)
	}
	b.models.Score(b.timed(150), b.inbox)
	if s := b.answer(); !errors.As(s.Err, &load) || !strings.Contains(s.Err.Error(), "publish it again") {
		t.Errorf("rows of the lost generation alone: %v", s.Err)
	}
	b.models.Score(b.timed(50), b.inbox)
	if s := b.answer(); !errors.Is(s.Err, record.ErrNoModel) {
		t.Errorf("rows before all generations alone: %v", s.Err)
	}

	again := descriptor("add 1")
	again.EffectiveFromMs = 100_000
	b.models.Offer(again, &messages.Source{Topic: "models", Offset: 1}, b.inbox)
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_PROMOTED {
		t.Fatal(o)
	}
	b.models.Score(b.timed(150, 250), b.inbox)
	b.wantSums(b.answer(), 1, 2)
}

// A generation chosen by timestamps that panics is not replaced: it scores row by
// row.
func TestScheduledGenerationThatPanics(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustAccept("add 2\npanic-at 13", 100_000)
	batch := b.timed(150, 150)
	batch.Records[0].Payload = b.batch("wine", 13).Records[0].Payload
	b.models.Score(batch, b.inbox)
	b.wantSums(b.answer(), -1, 2)
	b.wantServing(2)
}

func TestScheduledGenerationsSurviveARestart(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustAccept("add 2", 100_000)
	future := time.Now().Add(time.Hour)
	b.mustAccept("add 3", future.UnixMilli())
	if g := b.state().GetGenerations()[2]; g.GetPhase() != messages.GenerationState_SCHEDULED {
		t.Errorf("the third one is %v", g.GetPhase())
	}
	b.stop()
	b.start()
	b.recover()
	b.wantServing(2)
	b.models.Score(b.timed(99, 100, future.Unix()+1), b.inbox)
	b.wantSums(b.answer(), 1, 2, 3)
}

func TestNegativeEffectiveFromIsRefused(t *testing.T) {
	b := newBench(t)
	b.publishFrom("add 1", -1)
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_REJECTED || !strings.Contains(o.GetReason(), "effective_from_ms is -1") {
		t.Errorf("%v", o)
	}
}

// A batch with a floor waits until what scored its partition's earlier records
// elsewhere is known here; nothing overtakes it.
func TestFloor(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	ahead := b.batch("wine", 0)
	ahead.Floor = record.Place{End: 3} // offset 2, which was not read here yet
	b.models.Score(ahead, b.inbox)
	behind := b.batch("wine", 0)
	behind.Floor = record.Place{End: 2}
	b.models.Score(behind, b.inbox)
	eventually(t, "both are held", func() bool { return b.state().GetHeldBatches() == 2 })
	b.publish("add 2\ngate two")
	eventually(t, "the second one is accepted", func() bool { return len(b.state().GetGenerations()) == 2 })
	if n := b.state().GetHeldBatches(); n != 2 {
		t.Errorf("%d batches are held while it loads, want 2", n)
	}
	b.scripted.open("two")
	for _, batch := range []*record.Batch{ahead, behind} {
		if s := b.answer(); s.Batch != batch {
			t.Error("they come in another order")
		} else {
			b.wantSums(s, 2)
		}
	}
}

// A floor is reached, too, when what it names is rejected here.
func TestFloorOfARejectedGeneration(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	batch := b.batch("wine", 0)
	batch.Floor = record.Place{End: 3}
	b.models.Score(batch, b.inbox)
	b.publish("refuse")
	b.outcome()
	b.wantSums(b.answer(), 1)
}

// Waiting is bounded in number and in time.
func TestHeldBatchesAreBounded(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.MaxHeld = 2 })
	b.mustServe("add 1")
	floor := record.Place{End: 9}
	first := b.batch("wine", 1)
	first.Floor = floor
	b.models.Score(first, b.inbox)
	late := b.batch("wine", 2)
	late.Deadline = time.Now().Add(10 * time.Millisecond)
	b.models.Score(late, b.inbox)
	again := *first
	b.models.Score(&again, b.inbox) // another attempt with the same records takes no room
	b.send(3)
	var transient *model.TransientError
	if s := b.answer(); !errors.As(s.Err, &transient) || !strings.Contains(s.Err.Error(), "2 batches") {
		t.Errorf("beyond the bound: %v", s.Err)
	}
	if s := b.answer(); s.Batch != late || !errors.As(s.Err, &transient) {
		t.Errorf("past its deadline: %v", s.Err)
	}
	b.offset = 7
	b.mustServe("add 2") // offset 8
	if s := b.answer(); s.Batch != &again {
		t.Error("it is not the later attempt that is answered")
	} else {
		b.wantSums(s, 3)
	}
}
