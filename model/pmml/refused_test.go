package pmml

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

var update = flag.Bool("update", false, "write the golden files of the tests anew")

// TestRefusedByHand loads the documents of testdata/refused/*.txt: malformed,
// contradictory and hostile ones. A case has the form of a feature (see
// TestFeatures); behind "--" stands the wanted error, or a part of it. A body
// that begins with "<?" or "<PMML" or "raw " is the whole document.
func TestRefusedByHand(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		for _, c := range readRefused(t, path) {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+c.name, func(t *testing.T) {
				err := loadError(c.document)
				if msg := problem(err, c.want); msg != "" {
					t.Errorf("%s", msg)
				}
			})
		}
	}
}

type refusedCase struct{ name, document, want string }

func readRefused(t testing.TB, path string) []refusedCase {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []refusedCase
	fields := ""
	for _, part := range strings.Split(string(file), "\n== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(rest, "fields ") {
			fields, rest, _ = strings.Cut(rest, "\n")
			fields = strings.TrimPrefix(fields, "fields ")
		}
		body, want, ok := strings.Cut(rest, "\n--\n")
		if !ok {
			t.Fatalf("%s: case %q has no --", path, name)
		}
		doc := body
		if raw, is := strings.CutPrefix(body, "raw "); is {
			doc = unquoted(raw)
		} else if !strings.HasPrefix(body, "<?") && !strings.HasPrefix(body, "<PMML") {
			doc = featureDocument(fields, body+"\n")
		}
		cases = append(cases, refusedCase{name, doc, strings.TrimSpace(want)})
	}
	return cases
}

func loadError(doc string) error {
	_, err := Load(context.Background(), strings.NewReader(doc), Options{})
	return err
}

// problem says what is wrong with an error, or "".
func problem(err error, want string) string {
	var bad *model.LoadError
	switch {
	case err == nil:
		return "the document was loaded"
	case !errors.As(err, &bad):
		return fmt.Sprintf("an untyped error: %v", err)
	case !strings.Contains(err.Error(), want):
		return fmt.Sprintf("got  %s\nwant %s", err, want)
	case strings.Contains(err.Error(), "internal error"):
		return err.Error()
	}
	return ""
}

// TestRefusedEdits edits good documents in every place that the schema of the
// engine knows, and compares with testdata/refused/edits.tsv: which document,
// the edit, the error. Where the table is wrong, -update writes it anew: read
// the difference.
func TestRefusedEdits(t *testing.T) {
	const golden = "testdata/refused/edits.tsv"
	var b bytes.Buffer
	count := 0
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for _, e := range makeEdits(t, string(want)) {
		err := loadError(e.document)
		var bad *model.LoadError
		if !errors.As(err, &bad) || strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s: %s: got %v, want a load error", e.base, e.what, err)
			continue
		}
		if !strings.Contains(bad.Where, "line ") || !strings.Contains(err.Error(), "<"+e.element) {
			t.Errorf("%s: %s: %q names not both the line and <%s>", e.base, e.what, err, e.element)
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\n", e.base, e.what, err)
		count++
	}
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if count < 200 {
		t.Errorf("only %d edits", count)
	}
	got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(wanted)) {
		if i >= len(got) || i >= len(wanted) || got[i] != wanted[i] {
			t.Fatalf("line %d differs (run with -update and read the difference):\n got %s\nwant %s", i+1, at(got, i), at(wanted, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// edit is a good document with one mistake in it.
type edit struct{ base, what, element, document string }

// makeEdits puts every mistake that the schema lets one make once into a
// document that has the element.
func makeEdits(t testing.TB, golden string) []edit {
	type based struct{ name, doc string }
	var bases []based
	for _, path := range featureFiles(t) {
		for _, c := range readFeatures(t, path) {
			bases = append(bases, based{strings.TrimSuffix(filepath.Base(path), ".txt") + "/" + c.name, c.document})
		}
	}
	usual := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([^\t\n]*)\tan attribute that is not known\t.*<(\w+) quux>`).FindAllStringSubmatch(golden, -1) {
		usual[m[2]] = m[1]
	}
	var edits []edit
	for _, e := range document.Describe(modelElements()) {
		if e.Ignored || e.Refused || e.Name == "InlineTable" || e.Name == "row" {
			continue
		}
		tag := regexp.MustCompile(`<` + e.Name + `((?:\s[^<>]*?)?)(/?)>`)
		// The document that the table has already, so that new ones change nothing.
		i := slices.IndexFunc(bases, func(b based) bool { return b.name == usual[e.Name] && tag.MatchString(b.doc) })
		if i < 0 {
			i = slices.IndexFunc(bases, func(b based) bool { return tag.MatchString(b.doc) })
		}
		if i < 0 {
			continue
		}
		base := bases[i]
		add := func(what, with string) {
			loc := tag.FindStringIndex(base.doc)
			edits = append(edits, edit{base.name, what, e.Name, base.doc[:loc[0]] + with + base.doc[loc[1]:]})
		}
		m := tag.FindStringSubmatch(base.doc)
		attrs, end := m[1], m[2]+">"
		open := "<" + e.Name
		add("an attribute that is not known", open+attrs+` quux="1"`+end)
		inside := "<Quux/>"
		if end == "/>" {
			inside += "</" + e.Name + ">"
		}
		add("an element that is not known", open+attrs+">"+inside)
		add("an element of another namespace", open+attrs+">"+strings.Replace(inside, "<Quux/>", `<q:Quux xmlns:q="urn:q"/>`, 1))
		for _, a := range e.Attributes {
			have := regexp.MustCompile(`\s` + regexp.QuoteMeta(a.Name) + `="[^"]*"`)
			without := have.ReplaceAllString(attrs, "")
			if a.Required && without != attrs {
				add("without "+a.Name, open+without+end)
			}
			if a.Ignored {
				continue
			}
			switch a.Kind {
			case "enumeration":
				add(a.Name+"=quux", open+without+" "+a.Name+`="quux"`+end)
			case "number", "integer", "boolean":
				add(a.Name+"=quux", open+without+" "+a.Name+`="quux"`+end)
			}
			if without != attrs {
				add(a.Name+" twice", open+attrs+" "+a.Name+`="1"`+end)
			}
		}
	}
	return edits
}
