package changelog

import (
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	for want, change := range map[string]func(c *Config){
		"topic: ":                  func(c *Config) { c.Topic = "a b" },
		"artifacts_topic: must be": func(c *Config) { c.ArtifactsTopic = "" },
		"artifacts_topic: must not be store.kafka.topic": func(c *Config) { c.ArtifactsTopic = c.Topic },
		"partitions: ":         func(c *Config) { c.Partitions = 0 },
		"replication_factor: ": func(c *Config) { c.ReplicationFactor = 0 },
		"chunk_bytes: ":        func(c *Config) { c.ChunkBytes = 64 << 20 },
		"max_record_bytes: ":   func(c *Config) { c.MaxRecordBytes = 1 << 30 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
