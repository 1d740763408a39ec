package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/modelstream/modelserver"

// file is a Go file of the module.
type file struct {
	dir       string // relative to the module's root, with slashes
	name      string
	test      bool
	generated bool
	syntax    *ast.File
	fset      *token.FileSet
}

// at is a place in the file, relative to the module's root.
func (f *file) at(pos token.Pos) string {
	return path.Join(f.dir, f.name) + ":" + strconv.Itoa(f.fset.Position(pos).Line)
}

// sources parses every Go file of the module.
func sources(t *testing.T) []*file {
	t.Helper()
	root := moduleRoot(t)
	fset := token.NewFileSet()
	var files []*file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		files = append(files, &file{
			dir:       filepath.ToSlash(dir),
			name:      d.Name(),
			test:      strings.HasSuffix(p, "_test.go"),
			generated: ast.IsGenerated(syntax),
			syntax:    syntax,
			fset:      fset,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
	}
}

// within reports whether dir is one of the folders or below one. A folder with
// a "=" before it stands for itself alone.
func within(dir string, folders []string) bool {
	for _, f := range folders {
		if alone, ok := strings.CutPrefix(f, "="); ok {
			if dir == alone {
				return true
			}
		} else if dir == f || strings.HasPrefix(dir, f+"/") {
			return true
		}
	}
	return false
}
