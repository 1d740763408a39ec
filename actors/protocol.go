package actors

import (
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// The messages between a ModelActor and the host of a generation. They never
// leave the process, so they are plain structs; none is changed after sending.
//
// A host gets a HostSpec when it is made. Once started it sends its parent
// Progress at each step, then either Ready or Failed. Afterwards it answers
// every Score, in order, with a ScoreReply to the sender, by ctx.Request so that
// the reply says which host it is from. It is poisoned when
// it is not needed any more and then releases all it holds.

// Progress says that a generation entered a phase of loading.
type Progress struct {
	Number uint64
	Phase  messages.GenerationState_Phase
}

// Fetched says what the artifact of a generation is, once its bytes are there.
type Fetched struct {
	Number   uint64
	Artifact model.Artifact
}

// Ready says that a generation can score.
type Ready struct {
	Number    uint64
	Signature string
}

// Failed says that a generation cannot be loaded, in which phase and why. The
// host does nothing more.
type Failed struct {
	Number uint64
	Phase  messages.GenerationState_Phase
	Err    error
	// Lost says that the artifact is gone from the store.
	Lost bool
}

// Score asks a host to score a batch.
type Score struct {
	Batch *record.Batch
	// Isolate asks to score row by row, so that a row that panics harms no other.
	Isolate bool
}

// ScoreReply answers a Score.
type ScoreReply struct {
	Batch  *record.Batch
	Scored *record.Scored // nil when Err is set
	// Err says that the generation failed on this batch. A *model.TransientError
	// concerns the batch only; anything else is the generation's failure.
	Err   error
	Spent time.Duration // in decoding, scoring and encoding
}
