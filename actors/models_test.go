package actors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/record"
)

func TestFirstModelServes(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 5")
	r := b.score(10, 11)
	if got := r[1].GetOutputs()["sum"].GetNumber(); got != 16 {
		t.Errorf("sum = %v, want 16", got)
	}
	g := r[0].GetGeneration()
	if g.GetNumber() != 1 || g.GetName() != "add 5" || g.GetOffset() != 1 || len(g.GetSha256()) != 64 {
		t.Errorf("generation of the result: %v", g)
	}
	s := b.state()
	if s.GetStatistics().GetRecords() != 2 || s.GetStatistics().GetMinUs() <= 0 || s.GetNode() != "here" {
		t.Errorf("state: %v", s)
	}
}

// Promotion is atomic between batches: every batch is scored by one generation,
// in the order in which batches were sent no generation ever comes back, and
// what is sent after a promotion was told is scored by the new generation.
func TestSwapWhileScoring(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	const swaps, perSwap, window = 20, 50, 8
	var sent []*record.Batch
	least := map[*record.Batch]uint64{} // the generation that served when it was sent
	by := map[*record.Batch]uint64{}
	take := func(s *record.Scored) {
		by[s.Batch] = s.Generation
		for _, r := range b.results(s) {
			if r.GetGeneration().GetNumber() != s.Generation {
				t.Errorf("a result of generation %d in a batch of %d", r.GetGeneration().GetNumber(), s.Generation)
			}
		}
	}
	promoted := uint64(1)
	for n := 2; n <= swaps; n++ {
		b.publish(fmt.Sprintf("add %d", n))
		for told := false; !told || len(sent) < n*perSwap; {
			if len(sent)-len(by) < window {
				batch := b.send(1, 2, 3)
				sent = append(sent, batch)
				least[batch] = promoted
			}
			select {
			case s := <-b.scored:
				take(s)
			case o := <-b.outcomes:
				if o.GetOutcome() != messages.ModelOutcome_PROMOTED {
					t.Fatalf("%v", o)
				}
				promoted, told = o.GetGeneration(), true
			default:
			}
		}
	}
	for len(by) < len(sent) {
		take(b.answer())
	}
	last := uint64(1)
	for i, batch := range sent {
		switch got := by[batch]; {
		case got < last:
			t.Errorf("batch %d was scored by generation %d after %d", i, got, last)
		case got < least[batch]:
			t.Errorf("batch %d was scored by generation %d, though %d served when it was sent", i, got, least[batch])
		}
		last = by[batch]
	}
	if last != swaps {
		t.Errorf("the last batch was scored by generation %d, want %d", last, swaps)
	}
}

// Results say how long they took, all of a batch the same; row by row, each says
// its own. The answer's parts say it again, for who counts.
func TestScoringTimes(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1\npanic-at 13")
	for _, c := range []struct {
		name    string
		alcohol []float64
		parts   int
	}{{"a batch", []float64{1, 2, -1}, 1}, {"row by row", []float64{1, 13, 3}, 3}} {
		b.send(c.alcohol...)
		s := b.answer()
		if len(s.Parts) != c.parts || s.Parts[c.parts-1].End != len(c.alcohol) {
			t.Fatalf("%s: parts %+v, want %d", c.name, s.Parts, c.parts)
		}
		part := 0
		for row, r := range b.results(s) {
			if row == s.Parts[part].End {
				part++
			}
			p := s.Parts[part]
			if r.GetScoringNs() == 0 || r.GetScoringNs() != p.NS || p.Place != (record.Place{End: 2}) {
				t.Errorf("%s: result %d took %d ns, its part is %+v", c.name, row, r.GetScoringNs(), p)
			}
		}
	}
}

func TestBadModelsChangeNothing(t *testing.T) {
	cases := []struct{ name, script, reason string }{
		{"refused by its type", "refuse", "loading: refused as told"},
		{"panics while it loads", "panic-loading", "loading: panic while loading: loading as told"},
		{"fails its own verification", "add 1\nunverified", "verifying: verification row 3 differs"},
		{"unknown word", "nonsense", `loading: unknown word "nonsense"`},
	}
	b := newBench(t)
	b.mustServe("add 5")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b.publish(c.script)
			o := b.outcome()
			if o.GetOutcome() != messages.ModelOutcome_REJECTED || !strings.Contains(o.GetReason(), c.reason) {
				t.Errorf("outcome: %v, want a rejection with %q", o, c.reason)
			}
			if got := b.score(1)[0].GetOutputs()["sum"].GetNumber(); got != 6 {
				t.Errorf("sum = %v, want 6 by the first model", got)
			}
		})
	}
	rejected := 0
	for _, g := range b.state().GetGenerations() {
		if g.GetPhase() == messages.GenerationState_REJECTED && g.GetReason() != "" {
			rejected++
		}
	}
	if rejected != len(cases) {
		t.Errorf("the state lists %d rejected generations, want %d", rejected, len(cases))
	}
}

func TestRefusedDescriptors(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.MaxArtifactSize, c.MaxDataTypes = 100, 1 })
	b.mustServe("add 5")
	wrongDigest := descriptor("add 6")
	wrongDigest.Sha256 = strings.Repeat("0", 64)
	cases := []struct {
		name, reason string
		d            *messages.ModelDescriptor
	}{
		{"no data type", "data_type is empty", &messages.ModelDescriptor{}},
		{"no model", "neither data nor location", &messages.ModelDescriptor{DataType: "wine"}},
		{"too large", "publish it by location", descriptor(strings.Repeat(" ", 101))},
		{"a data type too many", "as many as are allowed", &messages.ModelDescriptor{
			DataType: "beer", Content: &messages.ModelDescriptor_Data{Data: []byte("x")},
		}},
		{"unknown model type", `"frobnicator" is not known here; known are scripted`, &messages.ModelDescriptor{
			DataType: "wine", Type: "frobnicator", Content: &messages.ModelDescriptor_Data{Data: []byte("x")},
		}},
		{"wrong digest", "it was changed or cut on its way", wrongDigest},
		{"location without a resolver", "not allowed by the configuration", &messages.ModelDescriptor{
			DataType: "wine", Type: "scripted", Content: &messages.ModelDescriptor_Location{Location: "file:///x"},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b.offset++
			b.models.Offer(c.d, &messages.Source{Topic: "models", Offset: b.offset}, b.inbox)
			o := b.outcome()
			if o.GetOutcome() != messages.ModelOutcome_REJECTED || !strings.Contains(o.GetReason(), c.reason) {
				t.Errorf("outcome: %v, want a rejection with %q", o, c.reason)
			}
		})
	}
	b.wantServing(1)
}

func TestSlowLoadDelaysNoScore(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.publish("add 2\ngate two")
	for range 100 {
		if got := b.score(1)[0].GetGeneration().GetNumber(); got != 1 {
			t.Fatalf("scored by generation %d while the second one loads", got)
		}
	}
	b.scripted.open("two")
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_PROMOTED {
		t.Fatal(o)
	}
	if got := b.score(1)[0].GetGeneration().GetNumber(); got != 2 {
		t.Errorf("scored by generation %d after the promotion of the second one", got)
	}
}

func TestLoadTimeLimit(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.LoadTimeout = 20 * time.Millisecond })
	b.publish("add 1\ngate never")
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_REJECTED || !strings.Contains(o.GetReason(), "given up") {
		t.Errorf("%v", o)
	}
}

func TestPanicFallsBack(t *testing.T) {
	for _, standby := range []bool{true, false} {
		t.Run(fmt.Sprintf("standby=%v", standby), func(t *testing.T) {
			b := newBench(t, func(c *actors.Config) {
				if !standby {
					c.StandbyFor = time.Nanosecond
				}
			})
			b.mustServe("add 1")
			b.mustServe("add 2\npanic-always")
			if !standby {
				eventually(t, "the former generation is closed", func() bool {
					return b.state().GetGenerations()[0].GetPhase() == messages.GenerationState_CLOSED
				})
			}
			r := b.score(1, 2)
			if r[1].GetOutputs()["sum"].GetNumber() != 3 || r[1].GetGeneration().GetNumber() != 1 {
				t.Errorf("result: %v, want 3 by generation 1", r[1])
			}
			s := b.state()
			bad := s.GetGenerations()[1]
			if bad.GetPhase() != messages.GenerationState_REJECTED || !strings.Contains(bad.GetReason(), "scoring as told") {
				t.Errorf("the failing generation: %v", bad)
			}
			if s.GetCurrent().GetModel().GetNumber() != 1 {
				t.Errorf("serving: %v", s.GetCurrent())
			}
		})
	}
}

// When the record is to blame, not the model, the newer generation goes on and
// only that record fails.
func TestPoisonRecord(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1\npanic-at 13")
	b.mustServe("add 2\npanic-at 13")
	b.send(1, 13, 3)
	s := b.answer()
	r := b.results(s)
	if r[0].GetOutputs()["sum"].GetNumber() != 3 || r[2].GetOutputs()["sum"].GetNumber() != 5 {
		t.Errorf("the neighbours of the poison record: %v, %v", r[0], r[2])
	}
	if r[1].GetError().GetKind() != "panicked" {
		t.Errorf("the poison record: %v", r[1])
	}
	if len(s.Failures) != 1 || s.Failures[0].Row != 1 {
		t.Errorf("failures: %v", s.Failures)
	}
	b.wantServing(2)
}

func TestPoisonRecordOfAnOnlyModel(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1\npanic-at 13")
	if r := b.score(13, 2); r[0].GetError().GetKind() != "panicked" || r[1].GetOutputs()["sum"].GetNumber() != 3 {
		t.Errorf("results: %v", r)
	}
	b.wantServing(1)
}

func TestStuckHostIsGivenUp(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.ScoreTimeout = 10 * time.Millisecond })
	b.mustServe("add 1")
	b.mustServe("add 2\nstuck host")
	if r := b.score(1); r[0].GetGeneration().GetNumber() != 1 {
		t.Errorf("scored by %v, want generation 1", r[0].GetGeneration())
	}
	b.scripted.open("host")
	b.wantServing(1)
}

func TestTransientErrorsGoBackToTheSender(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1\nbusy")
	b.send(1)
	var transient *model.TransientError
	if s := b.answer(); !errors.As(s.Err, &transient) {
		t.Errorf("answer: %v, want a transient error", s.Err)
	}
	b.wantServing(1)
}

// A batch whose time is over is not the model's fault.
func TestLateBatchesGoBackToTheSender(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustServe("add 2")
	late := b.batch("wine", 1)
	late.Deadline = time.Now().Add(-time.Second)
	b.models.Score(late, b.inbox)
	var transient *model.TransientError
	if s := b.answer(); !errors.As(s.Err, &transient) {
		t.Errorf("answer: %v, want a transient error", s.Err)
	}
	b.wantServing(2)
}

func TestRecordErrors(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	batch := b.batch("wine", 1, -1, 3)
	batch.Records[2].Payload = []byte{0xff}
	b.models.Score(batch, b.inbox)
	s := b.answer()
	r := b.results(s)
	if r[0].GetError() != nil || r[1].GetError().GetField() != "alcohol" || r[1].GetError().GetKind() != "invalid-input" {
		t.Errorf("results: %v", r)
	}
	if r[2] != nil {
		t.Errorf("a malformed record has a result: %v", r[2])
	}
	if len(s.Failures) != 2 {
		t.Errorf("failures: %v", s.Failures)
	}
	if got := b.state().GetStatistics().GetRecordErrors(); got != 2 {
		t.Errorf("record errors: %d", got)
	}
}

func TestNoModel(t *testing.T) {
	b := newBench(t)
	b.send(1)
	if s := b.answer(); !errors.Is(s.Err, record.ErrNoModel) {
		t.Errorf("unknown data type: %v", s.Err)
	}
	b.publish("refuse")
	b.outcome()
	b.send(1)
	if s := b.answer(); !errors.Is(s.Err, record.ErrNoModel) {
		t.Errorf("rejected model only: %v", s.Err)
	}
	if n := len(b.models.DataTypes()); n != 1 {
		t.Errorf("%d ModelActors: records alone must not spawn any", n)
	}
}

func TestRestart(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.publish("refuse")
	b.outcome()
	b.score(1, 2, 3)
	before := b.state()
	b.stop()

	b.start()
	b.recover()
	if b.models.Damaged() {
		t.Error("damage was reported where there is none")
	}
	after := b.state()
	if after.GetCurrent().GetModel().GetNumber() != 2 || after.GetStatistics().GetRecords() != before.GetStatistics().GetRecords() {
		t.Errorf("after the restart: %v", after)
	}
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 3 {
		t.Errorf("result: %v", r[0])
	}
	// The topic brings the descriptors again.
	b.offset = 1
	b.publish("add 2")
	if o := b.outcome(); o.GetOutcome() != messages.ModelOutcome_OUTDATED {
		t.Errorf("%v", o)
	}
	b.offset = 3
	b.mustServe("add 4")
	b.wantServing(4)
}

// A batch that comes while the serving generation is being restored waits for
// it, whatever the policy is for data types without a model.
func TestBatchesWaitForRecovery(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.stop()
	b.start()
	go b.recover()
	eventually(t, "the ModelActor is there", func() bool { return len(b.models.DataTypes()) == 1 })
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 2 {
		t.Errorf("result: %v", r[0])
	}
}

func TestLostArtifactFallsBackAndIsWelcomeAgain(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustServe("add 2")
	lost := b.state().GetCurrent().GetModel().GetSha256()
	b.stop()
	if err := b.store.RetainArtifacts(context.Background(), 0, func(d string) bool { return d != lost }); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.recover()
	b.wantServing(1)
	if !b.models.Damaged() {
		t.Error("the loss was not reported")
	}
	b.offset = 1
	b.mustServe("add 2")
	b.wantServing(3)
}

// A full disk neither stops scoring nor the next model.
func TestStoreFailuresDoNotStopScoring(t *testing.T) {
	b := newBench(t)
	failing := &failingStore{Store: b.store}
	b.stop()
	b.store = failing
	b.start()
	failing.failing.Store(true)
	b.mustServe("add 1")
	b.mustServe("add 2")
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 3 {
		t.Errorf("result: %v", r[0])
	}
	failing.failing.Store(false)
}

// A store that does not answer for a while loses no model: its artifact is read
// again until it is there.
func TestStoreThatIsAwayForAWhile(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.mustServe("add 2")
	b.stop()
	away := &awayStore{Store: b.store}
	away.times.Store(2)
	b.store = away
	b.start()
	b.recover()
	b.wantServing(2)
	if b.models.Damaged() {
		t.Error("it was taken for lost")
	}
}

// awayStore cannot read artifacts the first few times.
type awayStore struct {
	persistence.Store
	times atomic.Int64
}

func (s *awayStore) Artifact(ctx context.Context, sha256 string) ([]byte, error) {
	if s.times.Add(-1) >= 0 {
		return nil, errors.New("connection refused")
	}
	return s.Store.Artifact(ctx, sha256)
}

type failingStore struct {
	persistence.Store
	failing atomic.Bool
}

func (s *failingStore) err() error {
	if s.failing.Load() {
		return errors.New("no space left on device")
	}
	return nil
}

func (s *failingStore) Claim(ctx context.Context, id string) (uint64, error) {
	if err := s.err(); err != nil {
		return 0, err
	}
	return s.Store.Claim(ctx, id)
}

func (s *failingStore) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Append(ctx, id, epoch, seq, event)
}

func (s *failingStore) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, data []byte) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.SaveSnapshot(ctx, id, epoch, seq, data)
}

func (s *failingStore) PutArtifact(ctx context.Context, sha256 string, b []byte) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.PutArtifact(ctx, sha256, b)
}

// Every evaluator that was loaded is closed in the end, and no goroutine stays.
func TestNothingIsLeftBehind(t *testing.T) {
	ignored := []goleak.Option{
		goleak.IgnoreCurrent(),
		// Ends by itself a second after a dead letter, of this test or another.
		goleak.IgnoreAnyFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"),
	}
	b := newBench(t, func(c *actors.Config) { c.StandbyFor = time.Nanosecond })
	for n := range 50 {
		b.mustServe(fmt.Sprintf("add %d", n+1))
		b.score(1)
	}
	b.stop()
	eventually(t, "all evaluators are closed", func() bool {
		loaded, closed := b.scripted.balance()
		return loaded == 50 && closed == 50
	})
	goleak.VerifyNone(t, ignored...)
}

// The supervisor spawns a ModelActor again that died; it recovers from the store.
func TestModelActorIsSpawnedAgain(t *testing.T) {
	b := newBench(t, func(c *actors.Config) { c.RestartBackoff = time.Millisecond })
	b.mustServe("add 1")
	b.system.Root.Send(b.system.NewLocalPID("models/wine"), (*actors.Ready)(nil)) // it panics on this
	eventually(t, "it scores again", func() bool {
		b.send(1)
		select {
		case s := <-b.scored:
			return s.Err == nil
		case <-time.After(50 * time.Millisecond): // the dead answer nobody: senders try again
			return false
		}
	})
	b.wantServing(1)
}

// The ModelActor loads a generation again whose host died, and gives a batch up
// that is deadly to every host.
func TestHostIsLoadedAgain(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	deadly := b.batch("wine", 1)
	deadly.Source = nil // the host panics on this outside of the evaluator
	b.models.Score(deadly, b.inbox)
	if s := b.answer(); s.Err == nil || s.Batch != deadly {
		t.Errorf("answer: %v", s)
	}
	if loaded, _ := b.scripted.balance(); loaded < 3 {
		t.Errorf("the model was loaded %d times, want 3", loaded)
	}
	if r := b.score(1); r[0].GetOutputs()["sum"].GetNumber() != 2 {
		t.Errorf("result: %v", r[0])
	}
}

// Artifacts go when no generation needs them: the one that serves, the standby
// and the two newest that have served keep theirs.
func TestArtifactsAreCleanedUp(t *testing.T) {
	b := newBench(t)
	for n := 1; n <= 6; n++ {
		b.mustServe(fmt.Sprintf("add %d", n))
	}
	b.publish("refuse")
	b.outcome()
	generations := b.state().GetGenerations()
	b.models.CleanArtifacts()
	for i, kept := range []bool{false, false, true, true, true, true, false} {
		digest := generations[i].GetModel().GetSha256()
		_, err := b.store.Artifact(context.Background(), digest)
		if gone := errors.Is(err, persistence.ErrNotFound); gone == kept {
			t.Errorf("generation %d, %v: %v, and it should be kept: %v", i+1, generations[i].GetPhase(), err, kept)
		}
	}
}

// An artifact that was written a short while ago stays, whatever its event says.
func TestFreshArtifactsAreSpared(t *testing.T) {
	b := newBench(t)
	b.mustServe("add 1")
	b.publish("refuse")
	b.outcome()
	b.models.CleanArtifactsNow()
	for _, g := range b.state().GetGenerations() {
		if _, err := b.store.Artifact(context.Background(), g.GetModel().GetSha256()); err != nil {
			t.Errorf("generation %d: %v", g.GetModel().GetNumber(), err)
		}
	}
}
