package cli

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelstream/modelserver/examples/wine"
)

func field(b []byte, number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), value)
}

func varint(b []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
}

func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		if _, err := z.Create(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGuessType(t *testing.T) {
	node := string(field(field(nil, 1, "x"), 2, "Placeholder"))
	for _, c := range []struct {
		name    string
		content []byte
		want    string // a type
		says    string // or an error
	}{
		{"PMML", []byte(`<?xml version="1.0"?><PMML version="4.4"/>`), typePMML, ""},
		{"PMML after a mark and blanks", []byte("\ufeff\n <PMML/>"), typePMML, ""},
		{"PMML in UTF-16", []byte("\xff\xfe<\x00P\x00M\x00M\x00L\x00"), typePMML, ""},
		{"other XML", []byte("<html/>"), "", "no PMML"},
		{"graph", field(nil, 1, node), typeTensorFlow, ""},
		{"graph with an internal operation", field(nil, 1, string(field(field(nil, 1, "x"), 2, "_Arg"))), typeTensorFlow, ""},
		{"zip of a SavedModel", zipOf(t, "1/variables/x", "1/saved_model.pb"), typeSavedModel, ""},
		{"other zip", zipOf(t, "a.txt"), "", "without saved_model.pb"},
		{"cut zip", []byte("PK\x03\x04abc"), "", "but is none"},
		{"tar", tarOf(t, "saved_model.pb"), typeSavedModel, ""},
		{"tar.gz", gzipOf(t, tarOf(t, "saved_model.pb")), typeSavedModel, ""},
		{"other gzip", gzipOf(t, []byte("x")), "", "unpack it first"},
		{"saved_model.pb", field(varint(nil, 1, 1), 2, string(field(nil, 1, "meta"))), "", "give the directory"},
		{"ONNX", field(varint(nil, 1, 8), 2, "pytorch"), "", "looks like ONNX"},
		{"nothing", nil, "", "neither"},
		{"text", []byte("hello"), "", "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guessType(c.content)
			switch {
			case c.says == "" && (err != nil || got != c.want):
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %q, %v; want an error that says %q", got, err, c.says)
			}
		})
	}
}

// Each model of the example is recognized as what its manifest says.
func TestGuessTypeOfTheExample(t *testing.T) {
	m, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range m.Models {
		f, err := wine.Files().Open(model.File)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := guessType(b); err != nil || got != model.Type {
			t.Errorf("%s: %q, %v; want %q", model.Name, got, err, model.Type)
		}
	}
}

// Whatever a file holds, guessing neither panics nor takes a type for known that
// is not.
func FuzzGuessType(f *testing.F) {
	f.Add([]byte("<PMML/>"))
	f.Add(zipOf(f, "saved_model.pb"))
	f.Add(gzipOf(f, tarOf(f, "x")))
	f.Add(field(nil, 1, string(field(field(nil, 1, "x"), 2, "Const"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		name, err := guessType(b)
		if (name == "") == (err == nil) {
			t.Errorf("%q, %v", name, err)
		}
	})
}

// The directory of a SavedModel becomes an archive of its files alone, the same
// bytes each time.
func TestZipSavedModel(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	for path, content := range map[string]string{
		filepath.Join(dir, "saved_model.pb"): "graph", outside: "secret",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "variables"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "variables", "v.index"), []byte("i"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	first, err := readModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := readModel(dir)
	if err != nil || first.SHA256 != again.SHA256 {
		t.Errorf("two archives of one directory differ: %v", err)
	}
	z, err := zip.NewReader(bytes.NewReader(first.Bytes), int64(len(first.Bytes)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "saved_model.pb variables/v.index" {
		t.Errorf("the archive holds %s", got)
	}
}

func TestPickDelimiter(t *testing.T) {
	for _, c := range []struct {
		wanted, header string
		want           rune
	}{
		{"", "a,b,c", ','},
		{"", "a;b;c", ';'},
		{"", "a\tb", '\t'},
		{"", "a", ','},
		{"", "a,b;c;d", ';'},
		{"|", "a,b", '|'},
		{`\t`, "a,b", '\t'},
	} {
		if got, err := pickDelimiter(c.wanted, c.header); err != nil || got != c.want {
			t.Errorf("pickDelimiter(%q, %q) = %q, %v; want %q", c.wanted, c.header, got, err, c.want)
		}
	}
	if _, err := pickDelimiter("ab", ""); err == nil {
		t.Error("two characters are taken for one")
	}
}
