package replay

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

// Place is where a descriptor lies on the models topic.
type Place struct {
	Partition int32
	Offset    int64
}

// Descriptor is what is kept of a descriptor of the models topic. The artifact
// is read again when it is needed.
type Descriptor struct {
	Place       Place
	PublishedMS int64 // its timestamp on the topic
	EffectiveMS int64 // its effective_from; 0: from its publication on
	DataType    string
	Name        string
	Version     string
	Type        string // the model type's name
	SHA256      string // in lower case; "" where only the location knows
	Location    string // "" where the artifact is in the descriptor
	Options     map[string]string
	Artifact    []byte // of a model that is not on the topic; else nil

	rejected error // why it does not serve, once known
}

// Describe keeps what is needed of a descriptor; typeName is its model type.
func Describe(at Place, publishedMS int64, typeName string, d *messages.ModelDescriptor) *Descriptor {
	out := &Descriptor{
		Place: at, PublishedMS: publishedMS, EffectiveMS: d.GetEffectiveFromMs(), DataType: d.GetDataType(),
		Name: d.GetName(), Version: d.GetVersion(), Type: typeName, SHA256: strings.ToLower(d.GetSha256()),
		Location: d.GetLocation(), Options: d.GetOptions(),
	}
	if data := d.GetData(); out.SHA256 == "" && len(data) > 0 {
		out.SHA256 = model.NewArtifact(data).SHA256
	}
	return out
}

// from is the record timestamp from which on the descriptor's model scores.
func (d *Descriptor) from() int64 {
	if d.EffectiveMS != 0 {
		return d.EffectiveMS
	}
	return d.PublishedMS
}

// generation is what results say of their origin. Which number a server gave the
// generation is not known here.
func (d *Descriptor) generation() *messages.Generation {
	return &messages.Generation{
		Name: d.Name, Version: d.Version, Sha256: d.SHA256, Offset: d.Place.Offset, Partition: d.Place.Partition,
	}
}

// repeats says that d is a duplicate of the descriptor before it, which goes on
// serving then.
func (d *Descriptor) repeats(before *Descriptor) bool {
	return d.SHA256 != "" && d.SHA256 == before.SHA256 && d.Type == before.Type && d.EffectiveMS == before.EffectiveMS &&
		slices.Equal(sortedPairs(d.Options), sortedPairs(before.Options))
}

func sortedPairs(options map[string]string) []string {
	pairs := make([]string, 0, len(options))
	for k, v := range options {
		pairs = append(pairs, k+"\x00"+v)
	}
	slices.Sort(pairs)
	return pairs
}

// line is the timeline of one data type, newest last.
type line struct {
	descriptors []*Descriptor
	// The last answer holds for timestamps from since up to before until.
	answer       *Descriptor
	since, until int64
}

// newLine orders a data type's descriptors. They lie on one partition, as a rule,
// and are ordered by it; otherwise by their timestamps.
func newLine(all []*Descriptor) *line {
	onePartition := !slices.ContainsFunc(all, func(d *Descriptor) bool { return d.Place.Partition != all[0].Place.Partition })
	slices.SortFunc(all, func(a, b *Descriptor) int {
		if !onePartition && a.PublishedMS != b.PublishedMS {
			return cmp.Compare(a.PublishedMS, b.PublishedMS)
		}
		return cmp.Or(cmp.Compare(a.Place.Partition, b.Place.Partition), cmp.Compare(a.Place.Offset, b.Place.Offset))
	})
	l := &line{}
	var before *Descriptor
	for _, d := range all {
		if before == nil || !d.repeats(before) {
			l.descriptors = append(l.descriptors, d)
			before = d
		}
	}
	return l
}

// at returns the newest descriptor whose time has come at a record's timestamp
// and that is not known to be rejected, or nil.
func (l *line) at(ms int64) *Descriptor {
	if l.answer != nil && l.since <= ms && ms < l.until && l.answer.rejected == nil {
		return l.answer
	}
	until := int64(math.MaxInt64)
	for _, d := range slices.Backward(l.descriptors) {
		switch from := d.from(); {
		case d.rejected != nil:
		case from > ms:
			until = min(until, from)
		default:
			l.answer, l.since, l.until = d, from, until
			return d
		}
	}
	return nil
}
