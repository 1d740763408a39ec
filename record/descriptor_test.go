package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/modelstream/modelserver/model"
)

func TestReadDescriptorSet(t *testing.T) {
	set, err := proto.Marshal(testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "schemas.binpb")
	if err := os.WriteFile(path, set, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := ReadDescriptorSet(path, "test.All")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Protobuf(m)
	if err != nil || f.String() != "protobuf test.All" {
		t.Errorf("got %v, %v, want protobuf test.All", f, err)
	}
	if _, err := ReadDescriptorSet(path+".not", "test.All"); !os.IsNotExist(err) {
		t.Errorf("got %v, want that the file is not there", err)
	}
	if _, err := ReadDescriptorSet(path, "test.Wine"); err == nil || !strings.Contains(err.Error(), "test.All, test.Inner, test.Old, test.Twins") {
		t.Errorf("got %v, want the messages that there are", err)
	}
}

func TestLoadDescriptorSetRefuses(t *testing.T) {
	encode := func(change func(*descriptorpb.FileDescriptorSet)) []byte {
		set := testSchemas()
		change(set)
		b, err := proto.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		set  []byte
		want string
	}{
		{"nothing", nil, "1 to 2000"},
		{"no descriptor set", []byte("syntax = \"proto3\";"), "not a descriptor set"},
		{"too large", make([]byte, maxDescriptorSet+1), "larger than 8 MiB"},
		{"too many files", encode(func(s *descriptorpb.FileDescriptorSet) {
			s.File = append(s.File, make([]*descriptorpb.FileDescriptorProto, maxDescriptorFiles)...)
			for i := range s.File {
				if s.File[i] == nil {
					s.File[i] = &descriptorpb.FileDescriptorProto{}
				}
			}
		}), "1 to 2000"},
		{"an import that is not there", encode(func(s *descriptorpb.FileDescriptorSet) {
			s.File[0].Dependency = append(s.File[0].Dependency, "other.proto")
		}), "--include_imports"},
		{"google's name for another's file", encode(func(s *descriptorpb.FileDescriptorSet) {
			s.File[0].Dependency = append(s.File[0].Dependency, "google/protobuf/none.proto")
		}), "--include_imports"},
		{"two files of one name", encode(func(s *descriptorpb.FileDescriptorSet) { s.File = append(s.File, s.File[0]) }), "not complete"},
		{"an enum for a message", encode(func(*descriptorpb.FileDescriptorSet) {}), "no message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := LoadDescriptorSet(test.set, "test.Color")
			if err == nil || m != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want …%s…", m, err, test.want)
			}
		})
	}
}

func FuzzLoadDescriptorSet(f *testing.F) {
	set, err := proto.Marshal(testSchemas())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Fuzz(func(t *testing.T, set []byte) {
		m, err := LoadDescriptorSet(set, "test.All")
		if err != nil {
			return
		}
		format, err := Protobuf(m)
		if err != nil {
			t.Fatal(err)
		}
		d, err := format.Bind(signature(input("d", 1), input("s", 5), input("packed", 2, 2)), map[string]string{"d": "inner.ph"})
		if err == nil {
			d.Decode([]Raw{{Payload: set}}, new(model.Batch))
		}
	})
}
