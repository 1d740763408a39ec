package record

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/messages"
)

// Format is how payloads of a topic are written. It never changes and is safe
// for concurrent use.
type Format struct {
	name    string
	message protoreflect.MessageDescriptor // nil for JSON
	limits  Limits
}

// Limits bound what a stranger's payload can cost.
type Limits struct {
	// PayloadBytes is the greatest size of a payload.
	PayloadBytes int
	// Depth is how deep messages, groups, objects and arrays may nest.
	Depth int
}

// DefaultLimits are the limits of a new format: 16 MiB and 64 levels.
func DefaultLimits() Limits { return Limits{PayloadBytes: 16 << 20, Depth: 64} }

// JSON returns the format of payloads that are one JSON object each (RFC 8259).
func JSON() *Format { return &Format{name: "json", limits: DefaultLimits()} }

// Protobuf returns the format of payloads that are one message of that type
// each.
func Protobuf(message protoreflect.MessageDescriptor) (*Format, error) {
	if message == nil {
		return nil, errors.New("a protobuf format needs a message descriptor")
	}
	if message.IsPlaceholder() {
		return nil, fmt.Errorf("message %s is only named, not described: add its file to the descriptor set", message.FullName())
	}
	return &Format{
		name:    "protobuf " + string(message.FullName()),
		message: message,
		limits:  DefaultLimits(),
	}, nil
}

// Wine returns the built-in protobuf format of modelserver.v1.WineRecord.
func Wine() *Format {
	message := messages.File_modelserver_v1_model_proto.Messages().ByName("WineRecord")
	return &Format{name: "protobuf " + string(message.FullName()), message: message, limits: DefaultLimits()}
}

// WithLimits returns the format with other limits. A limit that is not positive
// keeps its value.
func (f *Format) WithLimits(l Limits) *Format {
	g := *f
	if l.PayloadBytes > 0 {
		g.limits.PayloadBytes = l.PayloadBytes
	}
	if l.Depth > 0 {
		g.limits.Depth = l.Depth
	}
	return &g
}

// String returns the format's name for people: "json" or
// "protobuf modelserver.v1.WineRecord".
func (f *Format) String() string { return f.name }

// Message returns the message type of a protobuf format, or nil.
func (f *Format) Message() protoreflect.MessageDescriptor { return f.message }
