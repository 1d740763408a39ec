package artifact

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// files makes files, with their directories. A content "-> x" is a link to x.
func files(t testing.TB, dir string, contents map[string]string) {
	t.Helper()
	for name, content := range contents {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		if target, link := strings.CutPrefix(content, "-> "); link {
			must(t, os.Symlink(target, path))
		} else {
			must(t, os.WriteFile(path, []byte(content), 0o600))
		}
	}
}

func location(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, map[string]string{
		"models/wine.pmml":                 "wine",
		"models/deep/er/iris.pmml":         "iris",
		"models/what? #1 100%.pmml":        "odd",
		"models/empty":                     "",
		"models/inside":                    "-> deep/er/iris.pmml",
		"models/mount/wine.pmml":           "-> ..data/wine.pmml", // as Kubernetes mounts a volume
		"models/mount/..data":              "-> ..2026_01",
		"models/mount/..2026_01/wine.pmml": "mounted",
		"models/up/and/down":               "-> ../../wine.pmml",
		"models/outside":                   "-> ../secret",
		"models/far":                       "-> /etc/hostname",
		"models/absolute":                  "-> " + filepath.Join(dir, "models/wine.pmml"),
		"models/dir-outside":               "-> ..",
		"models/dangling":                  "-> nothing",
		"models/loop":                      "-> loop",
		"models2/wine.pmml":                "not below models",
		"secret":                           "SECRET",
		"link":                             "-> models",
	})
	must(t, syscall.Mkfifo(filepath.Join(dir, "models/pipe"), 0o600))
	r := newResolver(t, Config{FileRoots: []string{filepath.Join(dir, "models"), "/nowhere"}})
	viaLink := newResolver(t, Config{FileRoots: []string{filepath.Join(dir, "link") + "/"}})

	for _, test := range []struct{ path, content string }{
		{"models/wine.pmml", "wine"},
		{"models/deep/er/iris.pmml", "iris"},
		{"models/deep/../wine.pmml", "wine"},
		{"models/what? #1 100%.pmml", "odd"},
		{"models/empty", ""},
		{"models/inside", "iris"},
		{"models/mount/wine.pmml", "mounted"},
		{"models/up/and/down", "wine"},
	} {
		a, err := r.Resolve(ctx, location(filepath.ToSlash(dir)+"/"+test.path))
		if err != nil || string(a.Bytes) != test.content || a.SHA256 != model.NewArtifact([]byte(test.content)).SHA256 {
			t.Errorf("%s: %q, %v", test.path, a.Bytes, err)
		}
	}
	for _, path := range []string{"models/wine.pmml", "link/wine.pmml"} { // by both of its names
		if a, err := viaLink.Resolve(ctx, "file://localhost"+dir+"/"+path); err != nil || string(a.Bytes) != "wine" {
			t.Errorf("%s: %q, %v", path, a.Bytes, err)
		}
	}
	for _, test := range []struct{ path, says string }{
		{"secret", "models.locations.file_roots"},
		{"models/../secret", "models.locations.file_roots"},
		{"models2/wine.pmml", "models.locations.file_roots"},
		{"link/wine.pmml", "models.locations.file_roots"},
		{"models/nothing", "no such file"},
		{"models/wine.pmml/more", "no such file"},
		{"models/dangling", "no such file"},
		{"models/outside", "symbolic link"},
		{"models/far", "symbolic link"},
		{"models/absolute", "symbolic link"},
		{"models/dir-outside/secret", "symbolic link"},
		{"models/dir-outside/models/wine.pmml", "symbolic link"},
		{"models/loop", "cannot be opened"},
		{"models/pipe", "neither a file nor a directory"},
		{"models/" + strings.Repeat("x", 300), "cannot be opened"},
	} {
		refused(t, r, location(dir+"/"+test.path), test.says)
	}
	refused(t, r, "file://"+dir+"/models/%2e%2e/secret", "models.locations.file_roots")
	refused(t, r, "file:///etc/passwd", "models.locations.file_roots")
	transient(t, r, "file:///nowhere/wine.pmml", "models.locations.file_roots") // a volume that is not mounted yet
}

func TestFileSizeIsLimited(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, map[string]string{"just": strings.Repeat("x", 2000), "more": strings.Repeat("x", 2001)})
	must(t, os.Truncate(filepath.Join(dir, "just"), 2000))
	f, err := os.Create(filepath.Join(dir, "huge"))
	must(t, err)
	must(t, errors.Join(f.Truncate(1<<40), f.Close()))
	r := newResolver(t, Config{FileRoots: []string{dir}, MaxBytes: 2000})
	if a, err := r.Resolve(ctx, location(dir+"/just")); err != nil || len(a.Bytes) != 2000 {
		t.Errorf("just enough: %d bytes, %v", len(a.Bytes), err)
	}
	refused(t, r, location(dir+"/more"), "larger than 2000 bytes", "models.locations.max_bytes")
	refused(t, r, location(dir+"/huge"), "larger than 2000 bytes")
	refused(t, r, location(dir), "larger than 2000 bytes")
}

// savedModel is the files of a directory, some of them left out of an archive.
var savedModel = map[string]string{
	"saved_model.pb":                                 "graph",
	"variables/variables.index":                      "index",
	"variables/variables.data-00000-of-00001":        "data",
	"assets/a long name " + strings.Repeat("x", 120): "vocabulary",
	".DS_Store":              "left out",
	"variables/.hidden/file": "left out",
}

// savedModelDigest is what the archive of savedModel must have for ever: the
// digest in a descriptor names it.
const savedModelDigest = "a4c908127538a336b56377cd0f93b7f4dd1bbfd88c856713b3f966ab5ee96b59"

func TestDirectoryIsPacked(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, savedModel)
	files(t, dir, map[string]string{"link/saved_model.pb": "-> ../saved_model.pb"})
	r := newResolver(t, Config{FileRoots: []string{dir}})
	a, err := r.Resolve(ctx, location(dir+"/"))
	must(t, err)

	got := unpack(t, a.Bytes)
	want := map[string]string{"link/saved_model.pb": "graph"}
	for name, content := range savedModel {
		if content != "left out" {
			want[name] = content
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the archive has %v, want %v", got, want)
	}

	// The same files elsewhere, made in another order, with other times.
	must(t, os.RemoveAll(filepath.Join(dir, "link")))
	first, err := r.Resolve(ctx, location(dir))
	must(t, err)
	if first.SHA256 != savedModelDigest {
		t.Errorf("the digest is %s, want %s", first.SHA256, savedModelDigest)
	}
}

func unpack(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	contents := make(map[string]string)
	last := ""
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return contents
		}
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		if h.Name <= last || h.Typeflag != tar.TypeReg || !h.ModTime.IsZero() && h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s after %s: %+v", h.Name, last, h)
		}
		last = h.Name
		contents[h.Name] = string(content)
	}
}

func TestDirectoriesThatAreNoModel(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, map[string]string{
		"hidden/.git/config": "left out",
		"linked/dir":         "-> ../deep",
		"outside/file":       "-> ../../secret",
		"deep/" + strings.Repeat("d/", maxTreeDepth+1) + "file": "deep",
		"names/a\xff": "latin1",
	})
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "pipe"), 0o700))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe/pipe"), 0o600))
	for i := range maxTreeFiles + 1 {
		files(t, dir, map[string]string{fmt.Sprintf("many/%d", i): ""})
	}
	r := newResolver(t, Config{FileRoots: []string{dir}})
	for name, says := range map[string]string{
		"empty": "no files", "hidden": "no files", "linked": "neither a file nor a directory", "outside": "symbolic link",
		"deep": "too deep", "pipe": "neither a file nor a directory", "many": "too many files", "names": "UTF-8",
	} {
		refused(t, r, location(dir+"/"+name), says)
	}
}

func TestFileErrors(t *testing.T) {
	p := place{text: "file:///wine"}
	for err, final := range map[error]bool{
		&fs.PathError{Err: syscall.EACCES}: true,
		&fs.PathError{Err: syscall.ENOENT}: true,
		&fs.PathError{Err: syscall.EIO}:    false,
		&fs.PathError{Err: syscall.ESTALE}: false,
		&fs.PathError{Err: syscall.EMFILE}: false,
		context.DeadlineExceeded:           false,
	} {
		var load *model.LoadError
		var retry *model.TransientError
		if got := p.fileError(err); errors.As(got, &load) != final || errors.As(got, &retry) == final {
			t.Errorf("%v: %T %v", err, got, got)
		}
	}
}

func TestGivenUpBeforeTheFileIsRead(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, savedModel)
	r := newResolver(t, Config{FileRoots: []string{dir}})
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, name := range []string{"", "/saved_model.pb"} {
		_, err := r.Resolve(over, location(dir+name))
		var e *model.TransientError
		if !errors.As(err, &e) || !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %T %v", name, err, err)
		}
	}
}

// FuzzFile: no location gets at a file outside of the root.
func FuzzFile(f *testing.F) {
	dir := f.TempDir()
	files(f, dir, map[string]string{
		"root/a": "inside", "root/d/b": "inside", "root/up": "-> ..", "root/out": "-> ../secret", "root/far": "-> /etc",
		"secret": "outside", "root2/a": "outside", "d/b": "outside",
	})
	r := newResolver(f, Config{FileRoots: []string{filepath.Join(dir, "root")}})
	for _, seed := range []string{
		"/a", "/d/b", "/up/secret", "/../secret", "/%2e%2e/secret", "/d/../../secret", "2/a", "/out", "/far/hostname", "/d//b", "/./a", "/up/root/a",
		"/d%2fb", "/..%2fsecret", "/%252e%252e/secret", "", "/", "/..", "/\\..\\secret",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		a, err := r.Resolve(ctx, "file://"+dir+"/root"+rest)
		if err != nil {
			if e := (*model.LoadError)(nil); !errors.As(err, &e) {
				t.Errorf("%q: %T %v", rest, err, err)
			}
			return
		}
		if bytes.Contains(a.Bytes, []byte("outside")) || !bytes.Contains(a.Bytes, []byte("inside")) {
			t.Errorf("%q: %q", rest, a.Bytes)
		}
	})
}
