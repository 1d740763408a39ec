package faults_test

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/faults"
	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/faults/server"
	"github.com/modelstream/modelserver/kafka/kafkatest"
)

var (
	seed = flag.Uint64("faults.seed", 1, "seed of the plans and of what flows")
	race = flag.Bool("faults.race", false, "build the servers with the race detector")
)

// program is modelserver, built once by the first test that needs it.
var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir) // there is nobody to tell
	}
	os.Exit(code)
}

func build() {
	if program.dir, program.err = os.MkdirTemp("", "faults-"); program.err == nil {
		program.path, program.err = server.Build(context.Background(), program.dir, *race)
	}
}

// modelserver returns the program.
func modelserver(t *testing.T) string {
	t.Helper()
	program.once.Do(build)
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// run runs servers under the faults that the profile asks for.
func run(t *testing.T, cfg faults.Config, profile plan.Profile) *faults.Outcome {
	t.Helper()
	if testing.Short() {
		t.Skip("real servers under faults take minutes")
	}
	kafkatest.Require(t)
	profile.Servers, profile.Brokers, profile.Quiet, profile.Session = 3, max(cfg.Brokers, 1), 2*time.Second, session
	p, err := plan.Generate(*seed, profile)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Program, cfg.Dir, cfg.Session, cfg.Seed = modelserver(t), t.TempDir(), session, *seed
	cfg.Plan, cfg.For = append(cfg.Plan, p...), profile.Length+2*time.Second
	t.Logf("the plan of seed %d:\n%v", *seed, cfg.Plan)
	cfg.Log = t.Logf
	o, err := faults.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", o)
	if err := o.Err(); err != nil {
		t.Errorf("%v", err)
	}
	return o
}

const session = 3 * time.Second

// At-least-once loses nothing whatever is killed. That it scores some records
// twice is what it may do, and shows that the checker would see it.
func TestAtLeastOnce(t *testing.T) {
	o := run(t, faults.Config{Delivery: check.AtLeastOnce, RecordTime: true}, plan.Profile{
		Length: 40 * time.Second, Kills: 4, Stops: 1, LongFreezes: 1, ShortFreezes: 1, Cuts: 2,
	})
	if o.Count(check.Doubled) == 0 {
		t.Error("no record was scored twice: the kills have hit nothing")
	}
	wantTraffic(t, o)
}

// Exactly-once: each record has its outcome once, by the right generation, and
// is counted once, whatever is killed, frozen, cut or left unanswered. A server
// more joins meanwhile.
func TestExactlyOnce(t *testing.T) {
	fourth := plan.Plan{{At: 20 * time.Second, Kind: plan.Start, Party: plan.Server, Number: 4}}
	o := run(t, faults.Config{Delivery: check.ExactlyOnce, RecordTime: true, Servers: 4, Plan: fourth}, plan.Profile{
		Length: 60 * time.Second, Kills: 4, Stops: 1, LongFreezes: 2, ShortFreezes: 1, Cuts: 3, LostCommits: 6,
	})
	if o.LostCommits() == 0 || o.LongFreezes() == 0 || o.Statistics == 0 {
		t.Error("the plan was not done")
	}
	wantTraffic(t, o)
}

// Brokers die, too: three of them, since one that stands alone leaves
// transactions open for ever when it is killed (see the package comment).
func TestBrokersDie(t *testing.T) {
	o := run(t, faults.Config{Delivery: check.ExactlyOnce, RecordTime: true, Brokers: 3}, plan.Profile{
		Length: 40 * time.Second, BrokerKills: 3, BrokerFreezes: 1, Kills: 1, LostCommits: 3,
	})
	if o.Done(plan.Kill, plan.Broker) == 0 {
		t.Error("the plan was not done")
	}
	wantTraffic(t, o)
}

// wantTraffic: something has flowed that could go wrong.
func wantTraffic(t *testing.T, o *faults.Outcome) {
	t.Helper()
	if o.Records < 10_000 || o.Switches < 100 || o.BadModels == 0 || o.DeadLetters == 0 || o.LateModels > o.Models/4 {
		t.Errorf("too little has happened:\n%v", o)
	}
}
