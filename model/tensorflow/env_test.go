//go:build tensorflow

package tensorflow_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// requireVariable makes tests fail instead of skip where the library is absent.
const requireVariable = "MODELSERVER_REQUIRE_TENSORFLOW"

// config returns a configuration with the library that make brought, or skips.
func config(t testing.TB) tensorflow.Config {
	t.Helper()
	dir := os.Getenv(tensorflow.LibraryDirVariable)
	if dir == "" {
		dir = filepath.Join(repository(t), ".cache", "tensorflow")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv(requireVariable) != "" {
			t.Fatalf("%s is set, but TensorFlow's library is not in %s: run \"make tensorflow\"", requireVariable, dir)
		}
		t.Skipf("TensorFlow's library is not in %s: run \"make tensorflow\"", dir)
	}
	return tensorflow.Config{LibraryDir: dir}
}

// modelType returns a model type of this package by name.
func modelType(t testing.TB, c tensorflow.Config, name string) model.Type {
	t.Helper()
	for _, mt := range tensorflow.Types(c) {
		if mt.Name == name {
			return mt
		}
	}
	t.Fatalf("there is no model type %q", name)
	return model.Type{}
}

// repository returns the root of the project.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the tests do not run inside the project")
		}
		dir = parent
	}
}

// shared returns a path in the folder with test data that is not part of the
// project, or skips.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("MODELSERVER_SHARED")
	if root == "" {
		root = filepath.Join(repository(t), "..", "shared")
	}
	full := filepath.Join(root, "data", path)
	if _, err := os.Stat(full); err != nil {
		if os.Getenv("MODELSERVER_REQUIRE_SHARED") != "" {
			t.Fatalf("MODELSERVER_REQUIRE_SHARED is set, but data/%s is not there", path)
		}
		t.Skipf("the test data are not there: set MODELSERVER_SHARED to the folder that has data/%s", path)
	}
	return full
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// zipDir packs a folder.
func zipDir(t testing.TB, dir string) []byte {
	t.Helper()
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = read(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return zipFiles(t, files)
}

func zipFiles(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
