package check

import (
	"fmt"
	"time"

	"github.com/modelstream/modelserver/messages"
)

// Place is where a message is.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

func (p Place) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset) }

// partition is the place without the offset.
func (p Place) partition() Place { return Place{Topic: p.Topic, Partition: p.Partition} }

// Outcome is what has to become of a record.
type Outcome int

// The outcomes.
const (
	Scored  Outcome = iota // a result
	Failed                 // a result that carries an error, and a dead letter
	Refused                // a dead letter, and no result
)

func (o Outcome) String() string {
	return [...]string{"a result", "a result with an error, and a dead letter", "a dead letter only"}[o]
}

// Record is a message of a records topic.
type Record struct {
	Place
	DataType string
	TimeMS   int64   // the record's timestamp
	Number   float64 // unique in its run; the model has to give it back
	X        float64 // what the model computes with
	Want     Outcome
}

// Result is a message of the result topic.
type Result struct {
	At       Place
	Appended time.Time // when the broker appended it
	*messages.ServingResult
}

// source is where the result says that its record is.
func (r *Result) source() Place {
	s := r.GetSource()
	return Place{Topic: s.GetTopic(), Partition: s.GetPartition(), Offset: s.GetOffset()}
}

// DeadLetter is a message of the dead-letter topic.
type DeadLetter struct {
	At     Place
	Source Place // of the record or descriptor that it is about
	Reason string
}

// Model is a message of the models topic. A good one answers a record with the
// outputs "number" (the record's), "version" (its own), and as its target
// Slope·x + Intercept, in numbers that a float64 holds exactly.
type Model struct {
	Place
	DataType         string
	Name             string
	Version          float64
	Slope, Intercept float64
	EffectiveFromMS  int64 // 0: at arrival
	AppendedMS       int64 // when the broker appended it
	Bad              bool  // has to be rejected
}

// late says that the descriptor came when records that it is for may already
// have been scored.
func (m *Model) late(leadMS int64) bool {
	return m.EffectiveFromMS != 0 && m.AppendedMS > m.EffectiveFromMS-leadMS
}

// Input is all that the topics hold. Results are in the order of the result
// topic within each of its partitions.
type Input struct {
	Records     []Record
	Results     []Result
	DeadLetters []DeadLetter
	Models      []Model
	// LeadMS is how long before a record time, at the latest, models for it have
	// to be published to be known everywhere in time: kafka.models.lead.
	LeadMS int64
	// Progress is the newest message of each key of the progress topic; nil
	// when the servers do not write it.
	Progress []*messages.Progress
	// Acknowledged is where the broker said that it has put records and
	// descriptors; nil when nobody has kept book.
	Acknowledged []Place
}
