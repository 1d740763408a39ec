package faults

import (
	"cmp"
	"errors"
	"time"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/load"
	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/faults/server"
)

// Config says what is run. Zero values have defaults, but for Program and Dir.
type Config struct {
	Program string // modelserver, see server.Build
	Dir     string // for data and logs; they are left there

	Servers    int // 3
	Brokers    int // 1
	Partitions int // of each records topic; 6

	Delivery check.Delivery
	// Session is the session timeout of the consumer group; 3 s.
	Session time.Duration
	// Dynamic memberships end with the process that has them. The others are
	// static: a server that is back within the session timeout has its partitions
	// at once, one that stays away is missed only then.
	Dynamic bool
	// Settings are added to those of every server.
	Settings server.Settings

	PerSecond  int           // records; 600
	ModelEvery time.Duration // 500 ms
	BadOneIn   int           // of models and of JSON records; 12
	// RecordTime lets half of the data types have models that are effective from
	// a record time on.
	RecordTime bool

	// Plan is what happens, and For how long records flow: at least until the
	// plan is over.
	Plan plan.Plan
	For  time.Duration
	// Seed is that of records and models.
	Seed uint64

	// Settle is how long servers may take, once all is well again, until every
	// record is committed; a minute.
	Settle time.Duration
	// Log is told what happens; nil: nobody is.
	Log func(format string, args ...any)
}

func (c Config) withDefaults() (Config, error) {
	if c.Program == "" || c.Dir == "" {
		return c, errors.New("faults: a run needs a program and a directory")
	}
	c.Servers, c.Brokers, c.Partitions = cmp.Or(c.Servers, 3), cmp.Or(c.Brokers, 1), cmp.Or(c.Partitions, 6)
	c.Session, c.Settle = cmp.Or(c.Session, 3*time.Second), cmp.Or(c.Settle, time.Minute)
	c.PerSecond, c.ModelEvery, c.BadOneIn = cmp.Or(c.PerSecond, 600), cmp.Or(c.ModelEvery, 500*time.Millisecond), cmp.Or(c.BadOneIn, 12)
	c.For = max(c.For, c.Plan.End())
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	var errs []error
	for _, f := range c.Plan {
		errs = append(errs, f.Validate())
		if f.Party == plan.Server && f.Number > c.Servers || f.Party == plan.Broker && f.Number > c.Brokers {
			errs = append(errs, errors.New("faults: nobody is there for \""+f.String()+`"`))
		}
	}
	return c, errors.Join(errs...)
}

// lead is how long before their time models have to be published. They are
// published a second earlier, so that few of them are late for it.
const lead = time.Second

// The topics of a run.
const (
	wineTopic     = "wine-records"
	jsonTopic     = "json-records"
	modelsTopic   = "models"
	resultsTopic  = "results"
	lettersTopic  = "dead-letters"
	progressTopic = "progress"
	groupID       = "modelserver"
)

func (c *Config) topics() []load.Topic {
	return []load.Topic{
		{Name: wineTopic, Format: load.Wine, Partitions: c.Partitions},
		{Name: jsonTopic, Format: load.JSON, Partitions: c.Partitions},
	}
}

// dataTypes are four; the models of two may go by record time.
func (c *Config) dataTypes() []load.DataType {
	return []load.DataType{
		{Name: "red"},
		{Name: "white"},
		{Name: "timed-red", Timed: c.RecordTime},
		{Name: "timed-white", Timed: c.RecordTime},
	}
}

// settings are those of one server, which finds its brokers there.
func (c *Config) settings(name string, brokers []string) server.Settings {
	s := server.Settings{
		"node.drain_timeout": "10s",
		"kafka.brokers":      brokers,
		"kafka.client_id":    name,
		"kafka.records.topics": []map[string]any{
			{"topic": wineTopic, "format": "wine", "data_type": map[string]any{"from": "field", "name": "data_type"}},
			{"topic": jsonTopic, "format": "json", "data_type": map[string]any{"from": "header", "name": load.DataTypeHeader}},
		},
		"kafka.records.commit_interval": "100ms",
		"kafka.records.fetch_max_wait":  "50ms",
		"kafka.records.scoring_timeout": (c.Session / 3).String(),
		// A machine that is busy with other things is no reason to give a record up.
		"kafka.records.attempts": 1000,
		// Louder than dropping: every data type has had a model from the
		// beginning.
		"kafka.records.no_model":        "dead-letter",
		"kafka.models.topic":            modelsTopic,
		"kafka.models.lead":             lead.String(),
		"kafka.progress.topic":          progressTopic,
		"kafka.results.topic":           resultsTopic,
		"kafka.dead_letters.topic":      lettersTopic,
		"kafka.group.id":                groupID,
		"kafka.group.session_timeout":   c.Session.String(),
		"kafka.group.rebalance_timeout": c.Session.String(),
		"kafka.producer.linger":         "2ms",
		// Longer than anything that happens here may delay a record.
		"models.remember":      500,
		"models.score_timeout": (c.Session / 4).String(),
		"store.snapshot_every": "2s",
	}
	if c.Delivery == check.ExactlyOnce {
		s["kafka.delivery"] = "exactly-once"
	}
	for key, value := range c.Settings {
		s[key] = value
	}
	return s
}
