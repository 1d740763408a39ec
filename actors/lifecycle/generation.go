package lifecycle

import (
	"maps"
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// Phase is where a generation is in its life.
type Phase = messages.GenerationState_Phase

// Generation is one accepted model of the data type.
type Generation struct {
	Model        *messages.ModelAccepted
	Phase        Phase
	Reason       string // why it was rejected, or what last went wrong with it
	ServingSince int64  // when it was last promoted, milliseconds since the Unix epoch
	Size         int64  // of the artifact in bytes, once known
	Signature    string // inputs and outputs, for people

	good      bool // it was ready once: it has served, or will at its time
	persisted bool // its event was written, or could not be
	lost      bool // its artifact is neither in the store nor at a location any more
	broken    bool // loading it again has failed
	loaded    bool // its actor can score
	used      int64
	settled   messages.ModelOutcome_Outcome // of one that was rejected
}

// Number is the generation's number.
func (g *Generation) Number() uint64 { return g.Model.GetNumber() }

// From is the record timestamp from which on it scores; 0: at arrival.
func (g *Generation) From() int64 { return g.Model.GetEffectiveFromMs() }

// Loaded says that the generation can score.
func (g *Generation) Loaded() bool { return g.loaded }

// Lost says that the artifact of a generation that was good is gone.
func (g *Generation) Lost() bool { return g.lost }

// Broken says that loading the generation again has failed; Reason says why.
func (g *Generation) Broken() bool { return g.broken }

// Good says that the generation was ready once and was not rejected since.
func (g *Generation) Good() bool { return g.good && g.Phase != messages.GenerationState_REJECTED }

// Use notes when a batch went to the generation.
func (g *Generation) Use(now int64) { g.used = now }

// State returns the generation as a message.
func (g *Generation) State() *messages.GenerationState {
	return &messages.GenerationState{
		Model: g.Model, Phase: g.Phase, Reason: g.Reason, ServingSinceMs: g.ServingSince,
		SizeBytes: g.Size, Signature: g.Signature, Settled: g.settled,
	}
}

// pending says that it is not known yet whether the generation will ever serve.
func (g *Generation) pending() bool {
	return !g.good && g.Phase != messages.GenerationState_REJECTED
}

// served says that the generation was promoted and not rejected since.
func (g *Generation) served() bool {
	return g.ServingSince > 0 && g.Phase != messages.GenerationState_REJECTED
}

// newer says that a comes after b in the order of the models topic: by offset
// within a partition; otherwise as they came.
func newer(a, b *Generation) bool {
	x, y := a.Model.GetSource(), b.Model.GetSource()
	if x != nil && y != nil && samePartition(x, y) && x.GetOffset() != y.GetOffset() {
		return x.GetOffset() > y.GetOffset()
	}
	return a.Number() > b.Number()
}

// insert adds a generation in order.
func insert(list []*Generation, g *Generation) []*Generation {
	at := len(list)
	for at > 0 && newer(list[at-1], g) {
		at--
	}
	return slices.Insert(list, at, g)
}

func remove(list []*Generation, g *Generation) []*Generation {
	return slices.DeleteFunc(list, func(x *Generation) bool { return x == g })
}

func samePartition(a, b *messages.Source) bool {
	return a.GetTopic() == b.GetTopic() && a.GetPartition() == b.GetPartition()
}

func sameModel(a, b *messages.ModelAccepted) bool {
	return a.GetSha256() != "" && a.GetSha256() == b.GetSha256() && a.GetType() == b.GetType() &&
		a.GetEffectiveFromMs() == b.GetEffectiveFromMs() && maps.Equal(a.GetOptions(), b.GetOptions())
}
