package record

import "time"

// Raw is one record as it came from a topic.
type Raw struct {
	Payload   []byte // the message's value; not copied, valid as long as its batch
	Partition int32
	Offset    int64
	TimeMS    int64 // the record's timestamp, milliseconds since the Unix epoch
}

// Source says where a batch's records came from and how to read them. One
// Source is shared by all batches of a topic and never changes.
type Source struct {
	Topic  string
	Format *Format
}

// Batch is raw records of one data type and one topic on their way to the
// serving generation. Records of one partition are in offset order.
type Batch struct {
	DataType string
	Source   *Source
	Records  []Raw
	// Deadline is when the sender stops waiting for the scores.
	Deadline time.Time
	// Floor is the newest generation that has scored earlier records of the
	// batch's partitions, here or elsewhere: the batch waits until that
	// generation serves here or is known not to.
	Floor Place
}

// Place is where on the models topic a generation's descriptor is. It orders the
// generations of a data type, whose descriptors are in one partition.
type Place struct {
	Partition int32
	End       int64 // the descriptor's offset plus one; 0: no generation
}

// After says that p is a later generation than q. Places in different partitions
// have no order.
func (p Place) After(q Place) bool {
	return p.End != 0 && (q.End == 0 || p.Partition == q.Partition && p.End > q.End)
}
