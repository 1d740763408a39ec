package savedmodel_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/savedmodel"
)

// good is a SavedModel with a variable, a signature, and training operations
// that serving does not need.
const good = `saved_model_schema_version: 1 meta_graphs {
	meta_info_def { tags: "serve" }
	graph_def {
		node { name: "v" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "r" op: "ReadVariableOp" input: "v" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "y" op: "Mul" input: "x" input: "r" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "train" op: "RandomUniform" input: "x" }
		node { name: "file" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } }
		node { name: "names" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "v" } } } }
		node { name: "restored" op: "RestoreV2" input: "file" input: "names" input: "names" }
		node { name: "restore" op: "AssignVariableOp" input: "v" input: "restored" }
		node { name: "init" op: "NoOp" }
	}
	saver_def { filename_tensor_name: "file:0" restore_op_name: "restore" save_tensor_name: "save:0" }
	collection_def { key: "saved_model_main_op" value { node_list { value: "init" } } }
	collection_def { key: "variables" value { bytes_list { value: "anything" } } }
	signature_def { key: "serving_default" value { inputs { key: "in" value { name: "x:0" } } outputs { key: "out" value { name: "y:0" } } } }
	signature_def { key: "other" value { outputs { key: "z" value { name: "train:0" } } } }
}`

func saved(t testing.TB, text string) []byte {
	t.Helper()
	m := new(corepb.SavedModel)
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type file struct {
	name    string
	content []byte
}

// whole is the good SavedModel's directory, with files that are not needed.
func whole(t testing.TB, prefix string) []file {
	return []file{
		{prefix + "saved_model.pb", saved(t, good)},
		{prefix + "variables/variables.index", []byte("index")},
		{prefix + "variables/variables.data-00000-of-00001", []byte("data")},
		{prefix + "keras_metadata.pb", []byte("not needed")},
		{prefix + "fingerprint.pb", []byte("not needed")},
	}
}

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err == nil {
			_, err = w.Write(f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Size: int64(len(f.content)), Mode: 0o644, Format: tar.FormatUSTAR}
		if target, link := strings.CutPrefix(string(f.content), "-> "); link {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(f.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func read(archive []byte) (*savedmodel.Model, error) {
	return savedmodel.Read(archive, nil, savedmodel.Limits{Entries: 20, Bytes: 1 << 20}, graphdef.DefaultLimits())
}

func TestArchiveForms(t *testing.T) {
	for name, archive := range map[string][]byte{
		"zip":                       zipOf(t, whole(t, "")...),
		"zip of a folder":           zipOf(t, whole(t, "wine/1/")...),
		"tar":                       tarOf(t, whole(t, "")...),
		"tar of ./":                 tarOf(t, whole(t, "./")...),
		"tar.gz of a folder":        gzipOf(t, tarOf(t, whole(t, "1/")...)),
		"link that is not followed": tarOf(t, append(whole(t, ""), file{"assets/x", []byte("-> /etc/passwd")})...),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := read(archive)
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.Signature("")
			if err != nil || s.Name != "serving_default" || s.Inputs[0].Tensor != "x:0" || s.Outputs[0].Name != "out" {
				t.Fatalf("signature: %+v, %v", s, err)
			}
		})
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	bomb := gzipOf(t, tarOf(t, file{"saved_model.pb", make([]byte, 2<<20)}))
	passedOver := gzipOf(t, tarOf(t, file{"not_needed", make([]byte, 4<<20)}, file{"saved_model.pb", saved(t, good)}))
	broken := zipOf(t, whole(t, "")...)
	broken[60] ^= 0xff
	many := whole(t, "")
	for i := range 20 {
		many = append(many, file{"assets/" + strings.Repeat("a", i+1), nil})
	}
	for _, test := range []struct {
		name, contains string
		archive        []byte
	}{
		{"no archive", "no archive", []byte("saved_model.pb")},
		{"nothing", "no archive", nil},
		{"empty archive", "saved_model.pb", zipOf(t, file{"other", []byte("x")})},
		{"broken zip", "cannot be read", broken},
		{"zip cut short", "cannot be read", zipOf(t, whole(t, "")...)[:300]},
		{"gzip cut short", "cannot be read", gzipOf(t, tarOf(t, whole(t, "")...))[:100]},
		{"leads out", "plain path", zipOf(t, append(whole(t, ""), file{"../evil", nil})...)},
		{"leads out later", "plain path", zipOf(t, append(whole(t, ""), file{"a/../../evil", nil})...)},
		{"absolute", "plain path", zipOf(t, append(whole(t, ""), file{"/etc/passwd", nil})...)},
		{"backslash", "plain path", zipOf(t, append(whole(t, ""), file{`..\evil`, nil})...)},
		{"two models", "several", zipOf(t, append(whole(t, "1/"), whole(t, "2/")...)...)},
		{"a file twice", "twice", zipOf(t, append(whole(t, ""), whole(t, "")...)...)},
		{"too many entries", "20", zipOf(t, many...)},
		{"unpacks to too much", "unpacks to more", bomb},
		{"zip unpacks to too much", "unpacks to more", zipOf(t, file{"saved_model.pb", make([]byte, 2<<20)})},
		{"passes over too much", "unpacks to more", passedOver},
		{"text form", "text form", zipOf(t, file{"saved_model.pbtxt", []byte("x")})},
		{"no message", "not a valid message", zipOf(t, file{"saved_model.pb", []byte("\xff\xff")})},
		{"no graph", "tags", zipOf(t, file{"saved_model.pb", nil})},
		{"other tags", "train", zipOf(t, file{"saved_model.pb", saved(t, `meta_graphs { meta_info_def { tags: "train" } }`)})},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(test.archive)
			var load *model.LoadError
			if !errors.As(err, &load) || !strings.Contains(err.Error(), test.contains) {
				t.Errorf("the error does not say %q: %v", test.contains, err)
			}
		})
	}
}

// TestVetAndWrite checks what the library gets to see: the variables' files, and
// a SavedModel without anything that serving does not need.
func TestVetAndWrite(t *testing.T) {
	m, err := read(zipOf(t, whole(t, "1/")...))
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Vet([]string{"x", "y"}, graphdef.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if !g.Variables || g.Loops {
		t.Errorf("variables and no loops: %+v", g)
	}
	dir := t.TempDir()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	var names []string
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if want := []string{"saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the files are %q, %v", names, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "saved_model.pb"))
	if err != nil {
		t.Fatal(err)
	}
	written := new(corepb.SavedModel)
	if err := proto.Unmarshal(b, written); err != nil {
		t.Fatal(err)
	}
	meta := written.GetMetaGraphs()[0]
	var ops []string
	for _, n := range meta.GetGraphDef().GetNode() {
		ops = append(ops, n.GetName())
	}
	if want := []string{"v", "r", "x", "y", "file", "names", "restored", "restore", "init"}; !slices.Equal(ops, want) {
		t.Errorf("the operations are %q, not %q", ops, want)
	}
	if len(meta.GetCollectionDef()) != 1 || len(meta.GetSignatureDef()) != 0 || meta.GetSaverDef().GetSaveTensorName() != "" {
		t.Errorf("the SavedModel keeps more than it needs: %v", meta)
	}
}

func TestModelsThatAreRefused(t *testing.T) {
	with := func(old, new string) []file {
		files := whole(t, "")
		changed := strings.Replace(good, old, new, 1)
		if changed == good {
			t.Fatalf("the model has no %q", old)
		}
		files[0].content = saved(t, changed)
		return files
	}
	for _, test := range []struct {
		name, contains string
		files          []file
	}{
		{"no variables in the archive", "variables.index", whole(t, "")[:1]},
		{"assets", "assets", with(`saver_def {`, `asset_file_def { tensor_info { name: "names:0" } filename: "vocabulary" } saver_def {`)},
		{"checkpoint of another file", "another file", with(`input: "file" input: "names"`, `input: "names" input: "names"`)},
		{"initializer that reads a file", "ReadFile", with(`name: "init" op: "NoOp"`, `name: "init" op: "ReadFile" input: "names"`)},
		{"initializer that writes a file", "SaveV2", with(`name: "init" op: "NoOp"`, `name: "init" op: "SaveV2" input: "names"`)},
		{"serving that assigns", "AssignVariableOp", with(`name: "y" op: "Mul" input: "x"`, `name: "y" op: "Mul" input: "^restore" input: "x"`)},
		{"no such checkpoint operation", "nowhere", with(`filename_tensor_name: "file:0"`, `filename_tensor_name: "nowhere:0"`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := read(zipOf(t, test.files...))
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Vet([]string{"x", "y"}, graphdef.DefaultLimits())
			var load *model.LoadError
			if !errors.As(err, &load) || !strings.Contains(err.Error(), test.contains) {
				t.Errorf("the error does not say %q: %v", test.contains, err)
			}
		})
	}
	m, err := read(zipOf(t, with(`inputs { key: "in" value { name: "x:0" } }`, `inputs { key: "in" value { coo_sparse { } } }`)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Signature(""); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("a sparse input: %v", err)
	}
}

// FuzzRead has every archive either refused, or vetted and written inside its
// directory.
func FuzzRead(f *testing.F) {
	f.Add(zipOf(f, whole(f, "")...))
	f.Add(tarOf(f, whole(f, "a/")...))
	f.Add(gzipOf(f, tarOf(f, whole(f, "./")...)))
	f.Add(zipOf(f, append(whole(f, ""), file{"../evil", nil})...))
	limits := graphdef.DefaultLimits()
	limits.Elements, limits.TensorBytes = 10_000, 1<<20
	f.Fuzz(func(t *testing.T, archive []byte) {
		m, err := savedmodel.Read(archive, nil, savedmodel.Limits{Entries: 20, Bytes: 1 << 20}, limits)
		if err == nil {
			_, err = m.Signature("")
		}
		if err == nil {
			_, err = m.Vet([]string{"y"}, limits)
		}
		if err != nil {
			var load *model.LoadError
			if !errors.As(err, &load) {
				t.Fatalf("%v (%T)", err, err)
			}
			return
		}
		outside := t.TempDir()
		dir := filepath.Join(outside, "inside")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := m.Write(dir); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
			t.Fatalf("it wrote outside of its directory: %v, %v", entries, err)
		}
	})
}
