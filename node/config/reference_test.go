package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

// reference.yaml is what users read: it sets each key, to its default.
func TestReferenceIsTheDefaults(t *testing.T) {
	root := schemaOf(reflect.TypeFor[Config]())
	var doc yaml.Node
	if err := yaml.Unmarshal(reference, &doc); err != nil {
		t.Fatal(err)
	}
	in := &layer{root: root, where: func(*yaml.Node) string { return "reference.yaml" }}
	got, _ := in.value(root, "", doc.Content[0])
	for _, err := range in.errs {
		t.Error(err)
	}
	want := treeOf(root, reflect.ValueOf(*Default()))
	if diff := cmp.Diff(any(want), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("reference.yaml differs from the defaults (-defaults +reference):\n%s", diff)
	}
}

// A key without a comment stands beside one that explains both, so that each
// run of keys begins with a comment.
func TestReferenceExplainsEachSection(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal(reference, &doc); err != nil {
		t.Fatal(err)
	}
	sections := doc.Content[0]
	for i := 0; i < len(sections.Content); i += 2 {
		if sections.Content[i].HeadComment == "" {
			t.Errorf("section %s has no comment", sections.Content[i].Value)
		}
	}
}

// What is printed is a configuration that says the same.
func TestPrintRoundTrips(t *testing.T) {
	for name, set := range map[string][]string{
		"defaults": nil,
		"changed": {
			`kafka.records.topics=[{topic: a, format: json, data_type: {from: fixed, name: "true"}}, {topic: b, format: mine, data_type: {from: key}}]`,
			`formats={mine: {type: json, max_bytes: 1KiB}}`, `data_types={"a: b": {fields: {"x y": "null"}}}`,
			"models.load_timeout=1h", "kafka.models.offer_timeout=90m", "models.locations.buckets=s3://b?region=x", "kafka.client_id=a # b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, err := Load(Sources{Set: set})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := first.Print(&out); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "printed.yaml")
			if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			second, err := Load(Sources{File: path})
			if err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if diff := cmp.Diff(first.Config, second.Config, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-before +after):\n%s\n%s", diff, &out)
			}
		})
	}
}

func TestPrintShowsNoSecret(t *testing.T) {
	c := Default()
	c.Kafka.SASL.Password, c.Store.Postgres.Password = "hush-hush", "hush"
	c.Store.Postgres.URL = "postgres://me:hush@db/x"
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), `password: "(set, not shown)"`) {
		t.Errorf("the password is shown, or that it is set is not:\n%s", &out)
	}
}

// Whatever is called a password, secret or token is one, unless it names a file.
func TestSecretsAreKnown(t *testing.T) {
	for _, s := range schemaOf(reflect.TypeFor[Config]()).settings() {
		hidden := !strings.HasSuffix(s.path, "_file") &&
			(strings.Contains(s.path, "password") || strings.Contains(s.path, "secret") || strings.Contains(s.path, "token"))
		if hidden != secrets[s.path] {
			t.Errorf("%s: secret is %v, its name says %v", s.path, secrets[s.path], hidden)
		}
	}
}

// No two settings have the same variable, though underscores stand for dots.
func TestVariablesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, s := range schemaOf(reflect.TypeFor[Config]()).settings() {
		if other, taken := seen[s.variable()]; taken {
			t.Errorf("%s sets both %s and %s", s.variable(), other, s.path)
		}
		seen[s.variable()] = s.path
	}
}

func TestClosest(t *testing.T) {
	names := []string{"brokers", "client_id", "records", "results"}
	for in, want := range map[string]string{
		"brokrs": "brokers", "borkers": "brokers", "clientid": "client_id", "Records": "records",
		"resluts": "results", "xyz": "", "": "",
	} {
		if got := Closest(in, names); got != want {
			t.Errorf("Closest(%q) = %q, want %q", in, got, want)
		}
	}
}
