package config

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// format makes the record format that the configuration describes.
func (f *Format) format() (*record.Format, error) {
	made := record.JSON()
	if f.Type == "protobuf" {
		m, err := f.message()
		if err != nil {
			return nil, err
		}
		if made, err = record.Protobuf(m); err != nil {
			return nil, err
		}
	}
	return made.WithLimits(record.Limits{PayloadBytes: f.MaxBytes}), nil
}

func (f *Format) message() (protoreflect.MessageDescriptor, error) {
	if f.DescriptorSet != "" {
		return record.ReadDescriptorSet(f.DescriptorSet, f.Message)
	}
	own := messages.File_modelserver_v1_model_proto
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(f.Message))
	if m, ok := d.(protoreflect.MessageDescriptor); err == nil && ok && m.ParentFile().Package() == own.Package() {
		return m, nil
	}
	return nil, fmt.Errorf("message %s is none of the server's own; set descriptor_set to a file that describes it", f.Message)
}
