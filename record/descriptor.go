package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	// The well-known types that descriptor sets may leave out.
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	maxDescriptorSet   = 8 << 20
	maxDescriptorFiles = 2000
	maxDescriptorDepth = 64
	maxListedMessages  = 12
)

// ReadDescriptorSet reads a file that `protoc --descriptor_set_out` or `buf
// build` wrote, and returns the message of that full name.
func ReadDescriptorSet(path, message string) (protoreflect.MessageDescriptor, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	set, err := io.ReadAll(io.LimitReader(file, maxDescriptorSet+1))
	if err != nil {
		return nil, err
	}
	m, err := LoadDescriptorSet(set, message)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// LoadDescriptorSet returns the message of that full name from a serialized
// google.protobuf.FileDescriptorSet of at most 8 MiB. Imports must be in the set
// (protoc: --include_imports); google/protobuf's own may be left out.
func LoadDescriptorSet(set []byte, message string) (protoreflect.MessageDescriptor, error) {
	if len(set) > maxDescriptorSet {
		return nil, fmt.Errorf("a descriptor set is larger than %d MiB", maxDescriptorSet>>20)
	}
	var parsed descriptorpb.FileDescriptorSet
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDescriptorDepth}).Unmarshal(set, &parsed); err != nil {
		return nil, fmt.Errorf("not a descriptor set (make one with `protoc --include_imports --descriptor_set_out`): %w", err)
	}
	if n := len(parsed.GetFile()); n == 0 || n > maxDescriptorFiles {
		return nil, fmt.Errorf("a descriptor set of %d files: it must have 1 to %d", n, maxDescriptorFiles)
	}
	addWellKnown(&parsed)
	files, err := protodesc.NewFiles(&parsed)
	if err != nil {
		return nil, fmt.Errorf("the descriptor set is not complete (make it with --include_imports): %w", err)
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(message))
	if m, ok := found.(protoreflect.MessageDescriptor); ok {
		return m, nil
	}
	if err != nil && !errors.Is(err, protoregistry.NotFound) {
		return nil, err
	}
	return nil, fmt.Errorf("the descriptor set has no message %q; it has %s", message, listMessages(files))
}

// addWellKnown adds the files of google/protobuf that others import and the set
// does not have.
func addWellKnown(set *descriptorpb.FileDescriptorSet) {
	have := map[string]bool{}
	for _, f := range set.GetFile() {
		have[f.GetName()] = true
	}
	for i := 0; i < len(set.GetFile()); i++ { //nolint:intrange // the list grows
		for _, name := range set.GetFile()[i].GetDependency() {
			if have[name] || !strings.HasPrefix(name, "google/protobuf/") {
				continue
			}
			if known, err := protoregistry.GlobalFiles.FindFileByPath(name); err == nil {
				have[name] = true
				set.File = append(set.File, protodesc.ToFileDescriptorProto(known))
			}
		}
	}
}

// listMessages names the messages of a set, for people.
func listMessages(files *protoregistry.Files) string {
	var names []string
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(f.Path(), "google/protobuf/") {
			return true
		}
		for i := range f.Messages().Len() {
			names = append(names, string(f.Messages().Get(i).FullName()))
		}
		return true
	})
	slices.Sort(names)
	if len(names) > maxListedMessages {
		names = append(names[:maxListedMessages], "…")
	}
	return strings.Join(names, ", ")
}
