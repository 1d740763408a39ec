package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/modelstream/modelserver/node/config"
)

// file writes a configuration file for a test.
func file(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "modelserver.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	for name, yaml := range map[string]string{"no file": "", "comments": "# nothing\n", "nulls": "kafka:\nhttp:\n  listen:\n"} {
		t.Run(name, func(t *testing.T) {
			from := config.Sources{Environ: []string{"PATH=/bin"}}
			if yaml != "" {
				from.File = file(t, yaml)
			}
			got, err := config.Load(from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(config.Default(), got.Config, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("not the defaults (-want +got):\n%s", diff)
			}
			if len(got.Warnings) != 0 {
				t.Errorf("warnings: %v", got.Warnings)
			}
		})
	}
}

// The last source that sets a key wins: file, environment, override.
func TestPrecedence(t *testing.T) {
	yaml := file(t, `
kafka: {client_id: file, brokers: [file:1], results: {topic: file}}
log: {level: debug}
`)
	got, err := config.Load(config.Sources{
		File:    yaml,
		Environ: []string{"MODELSERVER_KAFKA_CLIENT_ID=env", "MODELSERVER_KAFKA_BROKERS=env:1,env:2"},
		Set:     []string{"kafka.client_id=set"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Log.Level = "debug"
	want.Kafka.Results.Topic = "file"
	want.Kafka.Brokers = []string{"env:1", "env:2"}
	want.Kafka.ClientID = "set"
	if diff := cmp.Diff(want, got.Config, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	topics := `kafka.records.topics=[{topic: t, format: json, data_type: {from: key}}]`
	for _, c := range []struct {
		name string
		from config.Sources
		got  func(*config.Config) any
		want any
	}{
		{
			"a duration",
			config.Sources{Set: []string{"models.load_timeout=90s"}},
			func(c *config.Config) any { return c.Models.LoadTimeout }, 90 * time.Second,
		},
		{
			"bytes with a unit",
			config.Sources{Set: []string{"kafka.models.max_bytes=2MiB"}},
			func(c *config.Config) any { return c.Kafka.Models.MaxBytes }, 2 << 20,
		},
		{
			"digits in groups",
			config.Sources{Set: []string{"models.max_data_types=1_000"}},
			func(c *config.Config) any { return c.Models.MaxDataTypes }, 1000,
		},
		{
			"a variable with a truth value",
			config.Sources{Environ: []string{"MODELSERVER_KAFKA_CREATE_TOPICS_ENABLED=true"}},
			func(c *config.Config) any { return c.Kafka.CreateTopics.Enabled }, true,
		},
		{
			"a list replaces the default whole",
			config.Sources{Set: []string{topics}},
			func(c *config.Config) any { return c.Kafka.Records.Topics[0].DataType.Name }, "",
		},
		{
			"a data type with dots in its name",
			config.Sources{Set: []string{`data_types={iris.v1: {fields: {Sepal.Length: "sepal.length"}}}`}},
			func(c *config.Config) any { return c.DataTypes["iris.v1"].Fields["Sepal.Length"] }, "sepal.length",
		},
		{
			"a text that looks like a number",
			config.Sources{Set: []string{"kafka.client_id=0123"}},
			func(c *config.Config) any { return c.Kafka.ClientID }, "0123",
		},
		{
			"a text with equals signs",
			config.Sources{Set: []string{"kafka.sasl.mechanism=PLAIN", "kafka.sasl.username=u", "kafka.sasl.password=a=b="}},
			func(c *config.Config) any { return c.Kafka.SASL.Password }, "a=b=",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			loaded, err := config.Load(c.from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, c.got(loaded.Config)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Errors name the key, where it was set, and how to mend it.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		environ    []string
		set        []string
		want       []string // all of them
	}{
		{
			name: "misspelt key", yaml: "kafka:\n  brokrs: [a:1]",
			want: []string{"modelserver.yaml:2: kafka.brokrs: unknown key; did you mean kafka.brokers?"},
		},
		{
			name: "key in the wrong section", yaml: "brokers: [a:1]",
			want: []string{"modelserver.yaml:1: brokers: unknown key; did you mean kafka.brokers?"},
		},
		{
			name: "key far from all", yaml: "http:\n  zzzzzzzzzz: 1",
			want: []string{"http.zzzzzzzzzz: unknown key; known here are listen, request_timeout, max_connections"},
		},
		{
			name: "unknown key in a list", yaml: "kafka:\n  records:\n    topics:\n      - topc: x",
			want: []string{"modelserver.yaml:4: kafka.records.topics[0].topc: unknown key; did you mean kafka.records.topics[0].topic?"},
		},
		{
			name: "key set twice", yaml: "http:\n  listen: :1\n  listen: :2",
			want: []string{"modelserver.yaml:3: http.listen: is set twice"},
		},
		{
			name: "duration without a unit", yaml: "models:\n  load_timeout: 30",
			want: []string{`modelserver.yaml:2: models.load_timeout: "30" must be a duration with its unit`},
		},
		{
			name: "several at once", yaml: "models:\n  load_timeout: x\nlog:\n  levl: info",
			want: []string{"2 errors", "models.load_timeout", "did you mean log.level?"},
		},
		{
			name: "scalar for a map", yaml: "kafka: localhost:9092",
			want: []string{"modelserver.yaml:1: kafka: must be a map of brokers, client_id"},
		},
		{
			name: "map for a scalar", yaml: "http:\n  listen: {a: b}",
			want: []string{"http.listen: must be a text, not a list or a map"},
		},
		{
			name: "scalar for a list", yaml: "kafka:\n  brokers: a:1",
			want: []string{"kafka.brokers: must be a list"},
		},
		{
			name: "number out of range", yaml: "kafka:\n  records:\n    fetch_bytes: 8GiB",
			want: []string{`kafka.records.fetch_bytes: "8GiB" must be a whole number of at most 2147483647`},
		},
		{name: "not YAML", yaml: "a: [", want: []string{"is not YAML"}},
		{name: "two documents", yaml: "log: {}\n---\nlog: {}", want: []string{"more than one YAML document"}},
		{
			name: "variable", environ: []string{"MODELSERVER_HTTP_MAX_CONNECTIONS=many"},
			want: []string{`MODELSERVER_HTTP_MAX_CONNECTIONS: http.max_connections: "many" must be a whole number`},
		},
		{
			name: "override without a value", set: []string{"http.listen"},
			want: []string{"--set: http.listen: must be key=value"},
		},
		{
			name: "misspelt override", set: []string{"http.lisen=:1"},
			want: []string{"--set: http.lisen: unknown key; did you mean http.listen?"},
		},
		{
			name: "invalid value", set: []string{"log.level=loud", "http.listen=8080", "kafka.results.format=xml"},
			want: []string{"log.level: \"loud\" is not one of", "http.listen: \"8080\" must be host:port", "kafka.results.format: \"xml\" is not one of protobuf, json"},
		},
		{
			name: "unknown format", set: []string{"kafka.records.topics=[{topic: t, format: wien, data_type: {from: key}}]"},
			want: []string{`kafka.records.topics[0].format: "wien" is not a format; did you mean wine?`},
		},
		{
			name: "timeouts in the wrong order", set: []string{"models.score_timeout=20s"},
			want: []string{"models.score_timeout: must be less than kafka.records.scoring_timeout"},
		},
		{
			name: "store without its place", set: []string{"store.kind=postgres", "store.postgres.schema=A-B", "node.name=me@home"},
			want: []string{"3 errors", "store.postgres.url: must be set", `store.postgres.schema: "A-B" must be`, "node.name: must have no @"},
		},
		{
			name: "store on topics in use", set: []string{"store.kind=kafka", "store.kafka.topic=models", "store.kafka.partitions=0", "store.kafka.artifacts_topic=wine-records"},
			want: []string{
				"3 errors", "store.kafka.partitions: must be", `store.kafka.topic: topic "models" is kafka.models.topic already`,
				`store.kafka.artifacts_topic: topic "wine-records" is kafka.records.topics[0].topic already`,
			},
		},
		{
			name: "store that cannot be read", set: []string{"store.kind=postgres", "store.postgres.url=postgres://me:pa/ss@db/x"},
			want: []string{"store.postgres.url: cannot be read", "percent-encoded"},
		},
		{
			name: "store of an unknown kind", set: []string{"store.kind=oracle"},
			want: []string{`store.kind: "oracle" is not one of file, memory, postgres, kafka`},
		},
		{
			name: "protobuf without a message", yaml: "formats: {mine: {type: protobuf}}",
			want: []string{"formats.mine.message: must be set"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := config.Sources{Environ: c.environ, Set: c.set}
			if c.yaml != "" {
				from.File = file(t, c.yaml)
			}
			_, err := config.Load(from)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestErrorsAreKeyErrors(t *testing.T) {
	_, err := config.Load(config.Sources{Set: []string{"kafka.results.format=xml"}})
	var key *config.KeyError
	if !errors.As(err, &key) || key.Key != "kafka.results.format" {
		t.Errorf("got %#v", err)
	}
}

// Container platforms put variables such as MODELSERVER_PORT into the
// environment, so a variable without a meaning is no error.
func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	got, err := config.Load(config.Sources{Environ: []string{
		"MODELSERVER_PORT=tcp://10.0.0.1:80", "MODELSERVER_KAFKA_BROKER=a:1", "MODELSERVER_CONFIG=x",
		"MODELSERVER_KAFKA_HOME=/k", "MODELSERVER_REQUIRE_KAFKA=1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the environment variable MODELSERVER_PORT names no setting and is ignored",
		"the environment variable MODELSERVER_KAFKA_BROKER names no setting and is ignored; did you mean MODELSERVER_KAFKA_BROKERS?",
	}
	if diff := cmp.Diff(want, got.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordFormats(t *testing.T) {
	load := func(t *testing.T, yaml string) (*config.Loaded, error) {
		t.Helper()
		return config.Load(config.Sources{File: file(t, yaml)})
	}
	t.Run("those of the topics", func(t *testing.T) {
		c, err := load(t, `
formats:
  mine: {type: protobuf, message: modelserver.v1.WineRecord}
  unused: {type: json}
kafka: {records: {topics: [{topic: a, format: mine, data_type: {from: field, name: data_type}}]}}`)
		if err != nil {
			t.Fatal(err)
		}
		formats, err := c.RecordFormats()
		if err != nil || len(formats) != 1 || formats["mine"].Message().FullName() != "modelserver.v1.WineRecord" {
			t.Errorf("got %v, %v", formats, err)
		}
	})
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown message": {
			`formats: {mine: {type: protobuf, message: garden.v1.Flower}}`,
			"formats.mine: message garden.v1.Flower is none of the server's own; set descriptor_set",
		},
		"missing descriptor set": {
			`formats: {mine: {type: protobuf, message: a.B, descriptor_set: /does/not/exist}}`,
			"formats.mine: open /does/not/exist",
		},
		"field of another type": {
			`kafka: {records: {topics: [{topic: a, format: wine, data_type: {from: field, name: alcohol}}]}}`,
			"kafka.records.topics[0].data_type.name: field alcohol",
		},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := load(t, c.yaml)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = loaded.RecordFormats(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
