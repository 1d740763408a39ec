package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/modelstream/modelserver/record"
)

// Validate returns everything that is wrong, or nil. It looks at values alone:
// whether files are there is found out when they are read.
func (c *Config) Validate() error {
	v := &validation{}
	v.check(c.Node.DrainTimeout > 0, "node.drain_timeout", "must be positive")
	v.check(len(c.Node.Name) <= 200, "node.name", "must have at most 200 bytes")
	c.validateFormats(v)
	c.validateModels(v)
	for name := range c.DataTypes {
		v.check(name != "", "data_types", "a data type's name is empty")
	}
	v.check(c.TensorFlow.MaxBytes > 0, "tensorflow.max_bytes", "must be positive")
	v.oneOf(c.Store.Kind, "store.kind", FileStore, MemoryStore, PostgresStore, KafkaStore)
	v.check(c.Store.Kind != FileStore || c.Store.Dir != "", "store.dir", "must be set with store.kind: file")
	v.check(!c.Store.Shared() || !strings.Contains(c.Node.Name, "@"), "node.name",
		"must have no @ with a shared store, where it stands behind the last @ of an id")
	if c.Store.Kind == PostgresStore {
		v.below("store.postgres.", c.Store.Postgres.Validate())
	}
	if c.Store.Kind == KafkaStore {
		v.below("store.kafka.", c.Store.Kafka.Validate())
		c.validateStoreTopics(v)
	}
	v.check(c.Store.SnapshotEvery > 0, "store.snapshot_every", "must be positive")
	if c.HTTP.Listen != "" {
		v.address(c.HTTP.Listen, "http.listen")
	}
	v.check(c.HTTP.RequestTimeout > 0, "http.request_timeout", "must be positive")
	v.check(c.HTTP.MaxConnections > 0, "http.max_connections", "must be positive")
	_, err := c.Log.SlogLevel()
	v.check(err == nil, "log.level", fmt.Sprintf("%q is not one of debug, info, warn, error", c.Log.Level))
	v.oneOf(c.Log.Format, "log.format", "text", "json")
	return together(keyed(c.Kafka.Validate()), errors.Join(v.errs...))
}

// validateStoreTopics refuses topics of the store that are used for something
// else.
func (c *Config) validateStoreTopics(v *validation) {
	used := map[string]string{
		c.Kafka.Models.Topic: "kafka.models.topic", c.Kafka.Results.Topic: "kafka.results.topic", c.Kafka.DeadLetters.Topic: "kafka.dead_letters.topic",
	}
	for i, t := range c.Kafka.Records.Topics {
		used[t.Topic] = fmt.Sprintf("kafka.records.topics[%d].topic", i)
	}
	for key, topic := range map[string]string{"store.kafka.topic": c.Store.Kafka.Topic, "store.kafka.artifacts_topic": c.Store.Kafka.ArtifactsTopic} {
		v.check(topic == "" || used[topic] == "", key, fmt.Sprintf("topic %q is %s already", topic, used[topic]))
	}
}

func (c *Config) validateFormats(v *validation) {
	for name, f := range c.Formats {
		key := "formats." + name
		switch f.Type {
		case "json":
			v.check(f.Message == "" && f.DescriptorSet == "", key, "message and descriptor_set belong to type: protobuf")
		case "protobuf":
			v.check(f.Message != "", key+".message", "must be set: the full name of the message, such as modelserver.v1.WineRecord")
		default:
			v.fail(key+".type", fmt.Sprintf("%q is not one of protobuf, json", f.Type))
		}
		v.check(f.MaxBytes >= 0, key+".max_bytes", "must not be negative")
	}
	for i, t := range c.Kafka.Records.Topics {
		if _, known := c.Formats[t.Format]; known || t.Format == wineFormat || t.Format == jsonFormat {
			continue
		}
		names := []string{wineFormat, jsonFormat}
		for name := range c.Formats {
			names = append(names, name)
		}
		problem := fmt.Sprintf("%q is not a format; add it to formats, or use one of %s", t.Format, strings.Join(names, ", "))
		if near := Closest(t.Format, names); near != "" && t.Format != "" {
			problem = fmt.Sprintf("%q is not a format; did you mean %s?", t.Format, near)
		}
		v.fail(fmt.Sprintf("kafka.records.topics[%d].format", i), problem)
	}
}

func (c *Config) validateModels(v *validation) {
	m := &c.Models
	v.check(m.LoadTimeout > 0, "models.load_timeout", "must be positive")
	v.check(m.ScoreTimeout > 0, "models.score_timeout", "must be positive")
	v.check(m.ScoreTimeout < c.Kafka.Records.ScoringTimeout, "models.score_timeout",
		"must be less than kafka.records.scoring_timeout, so that a model is given up before its batch is sent again")
	v.check(m.LoadTimeout < c.Kafka.Models.OfferTimeout, "models.load_timeout",
		"must be less than kafka.models.offer_timeout, so that a descriptor is settled before it is offered again")
	v.check(m.StandbyFor > 0, "models.standby_for", "must be positive")
	v.check(m.MaxDataTypes > 0, "models.max_data_types", "must be positive")
	v.check(m.Activation == EagerActivation || m.Activation == OnDemandActivation, "models.activation",
		fmt.Sprintf("%q is neither %s nor %s", m.Activation, EagerActivation, OnDemandActivation))
	v.check(m.IdleAfter >= 0, "models.idle_after", "must not be negative; 0s means never")
	v.check(m.MaxLoaded > 0, "models.max_loaded", "must be positive")
	v.check(m.Remember > 0, "models.remember", "must be positive")
	v.check(m.MaxHeld > 0, "models.max_held", "must be positive")
	l := &m.Locations
	v.check(l.MaxBytes > 0, "models.locations.max_bytes", "must be positive")
	v.check(l.Timeout > 0, "models.locations.timeout", "must be positive")
}

// The formats that are there without configuration.
const (
	wineFormat = "wine"
	jsonFormat = "json"
)

// RecordFormats makes the formats that topics refer to, by name. It reads the
// descriptor sets that the configuration names.
func (c *Config) RecordFormats() (map[string]*record.Format, error) {
	formats := map[string]*record.Format{wineFormat: record.Wine(), jsonFormat: record.JSON()}
	var errs []error
	for name, f := range c.Formats {
		made, err := f.format()
		if err != nil {
			errs = append(errs, &KeyError{Key: "formats." + name, Problem: err.Error()})
			continue
		}
		formats[name] = made
	}
	used := map[string]*record.Format{}
	for i, t := range c.Kafka.Records.Topics {
		f := formats[t.Format]
		if f == nil {
			continue // it has its error already
		}
		used[t.Format] = f
		if t.DataType.From != "field" {
			continue
		}
		if _, err := f.FieldReader(t.DataType.Name); err != nil {
			errs = append(errs, &KeyError{Key: fmt.Sprintf("kafka.records.topics[%d].data_type.name", i), Problem: err.Error()})
		}
	}
	return used, together(errs...)
}

type validation struct{ errs []error }

func (v *validation) fail(key, problem string) {
	v.errs = append(v.errs, &KeyError{Key: key, Problem: problem})
}

func (v *validation) check(ok bool, key, problem string) {
	if !ok {
		v.fail(key, problem)
	}
}

// below adds the errors of a section, which begin with the key in it.
func (v *validation) below(section string, err error) {
	for _, e := range flatten(nil, []error{err}) {
		key, problem, _ := strings.Cut(e.Error(), ": ")
		v.fail(section+key, problem)
	}
}

func (v *validation) oneOf(got, key string, allowed ...string) {
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	v.fail(key, fmt.Sprintf("%q is not one of %s", got, strings.Join(allowed, ", ")))
}

func (v *validation) address(got, key string) {
	_, port, err := net.SplitHostPort(got)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	v.check(err == nil, key, fmt.Sprintf("%q must be host:port, such as 127.0.0.1:8080 or :8080", got))
}

// keyed turns the errors of package kafka, which begin with the key, into key
// errors.
func keyed(err error) error {
	var errs []error
	for _, e := range flatten(nil, []error{err}) {
		key, problem, found := strings.Cut(e.Error(), ": ")
		if found {
			e = &KeyError{Key: key, Problem: problem}
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}
