package lint

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	for _, f := range sources(t) {
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if broken := checkImport(f.dir, imported, f.test); broken != "" {
				t.Errorf("%s: %s", f.at(spec.Pos()), broken)
			}
		}
	}
}

// checkImport returns the rule that an import breaks, or "".
func checkImport(dir, imported string, test bool) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return checkArrow(dir, own, test)
	}
	if test && within(imported, []string{"testing"}) {
		return ""
	}
	for _, e := range external {
		if within(imported, []string{e.path}) && !within(dir, e.only) {
			return dir + " imports " + imported + ": " + e.why
		}
	}
	return ""
}

func checkArrow(dir, imported string, test bool) string {
	l, ok := layerOf(dir)
	switch {
	case !ok:
		return dir + " is in no layer: say in rules_test.go what it may import"
	case within(imported, l.imports):
		return ""
	case test && (within(imported, testSupport) || within(imported, []string{dir})):
		return ""
	}
	return dir + " imports " + imported + ": the layer " + l.name + " may import only " + strings.Join(l.imports, ", ")
}

func layerOf(dir string) (layer, bool) {
	var best layer
	for _, l := range layers {
		if within(dir, []string{l.name}) && len(l.name) > len(best.name) {
			best = l
		}
	}
	return best, best.name != ""
}

func TestPackages(t *testing.T) {
	hasDoc := make(map[string]bool)
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if slices.Contains(badNames, f.syntax.Name.Name) {
			t.Errorf("%s: package %s: name it after what it has", f.at(f.syntax.Package), f.syntax.Name.Name)
		}
		if _, ok := layerOf(f.dir); !ok {
			t.Errorf("%s is in no layer: say in rules_test.go what it may import", f.dir)
		}
		hasDoc[f.dir] = hasDoc[f.dir] || f.syntax.Doc != nil || f.dir == "messages"
	}
	for dir, has := range hasDoc {
		if !has {
			t.Errorf("%s has no package comment: say what it owns, who may touch it and what fails how", dir)
		}
	}
}

// The rules themselves, so that a rule that forbids nothing is noticed.
func TestCheckImport(t *testing.T) {
	for _, tt := range []struct {
		dir, imported string
		test          bool
		allowed       bool
	}{
		{dir: "cmd/modelserver", imported: module + "/node", allowed: true},
		{dir: "node", imported: module + "/actors", allowed: true},
		{dir: "actors", imported: module + "/model", allowed: true},
		{dir: "model/pmml", imported: module + "/model", allowed: true},
		{dir: "model/pmml", imported: module + "/model/pmml/document", allowed: true},
		{dir: "record", imported: module + "/messages", allowed: true},
		{dir: "kafka", imported: "github.com/twmb/franz-go/pkg/kgo", allowed: true},
		{dir: "model/tensorflow/internal/x", imported: "C", allowed: true},
		{dir: "actors", imported: module + "/kafka/kafkatest", test: true, allowed: true},
		{dir: "anywhere", imported: "context", allowed: true},
		{dir: "actors", imported: "testing/fstest", test: true, allowed: true},
		{dir: "model/modeltest", imported: "testing", allowed: true},

		{dir: "actors", imported: module + "/kafka"},
		{dir: "actors", imported: module + "/kafka", test: true},
		{dir: "actors", imported: module + "/model/pmml"},
		{dir: "kafka", imported: module + "/actors"},
		{dir: "model", imported: module + "/record"},
		{dir: "model/pmml", imported: module + "/model/tensorflow"},
		{dir: "record", imported: module + "/persistence"},
		{dir: "persistence", imported: module + "/messages"},
		{dir: "node", imported: module + "/cmd/modelserver"},
		{dir: "newcomer", imported: module + "/model"},
		{dir: "node", imported: "github.com/twmb/franz-go/pkg/kgo"},
		{dir: "record", imported: "github.com/asynkron/protoactor-go/actor", test: true},
		{dir: "kafka", imported: "C"},
		{dir: "actors", imported: "github.com/galeone/tfgo"},
		{dir: "actors", imported: "testing"},
	} {
		broken := checkImport(tt.dir, tt.imported, tt.test)
		if allowed := broken == ""; allowed != tt.allowed {
			t.Errorf("%s imports %s (test: %v): allowed is %v, want %v (%s)",
				tt.dir, tt.imported, tt.test, allowed, tt.allowed, broken)
		}
	}
}
