// Soak runs servers under faults for as long as one likes, prints what came of
// it as a table, and fails when a promise was broken.
//
//	go run ./faults/soak -seed 42 -for 1h -delivery exactly-once
//	go run ./faults/soak -plan failed.plan
//	go run ./faults/soak -plan failed.plan -shrink
//
// The faults come from the seed, as many a minute as the flags say. The plan of
// a run that failed is written beside the servers' logs, can be given again, and
// cut down to the faults that the failure needs, as far as it is one that comes
// back.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/modelstream/modelserver/faults"
	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/faults/server"
)

type options struct {
	seed       uint64
	length     time.Duration
	delivery   string
	servers    int
	brokers    int
	session    time.Duration
	perSecond  int
	modelEvery time.Duration
	dynamic    bool
	race       bool
	program    string
	dir        string
	planFile   string
	shrink     bool
	quiet      bool
	counts     plan.Profile
	settings   settings
}

// settings are key=value flags for the servers.
type settings map[string]any

func (s settings) String() string { return "" }

func (s settings) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("must be key=value")
	}
	s[key] = value
	return nil
}

func parse() *options {
	o := &options{settings: settings{}}
	flag.Uint64Var(&o.seed, "seed", 0, "of the faults, records and models; 0: one of the clock")
	flag.DurationVar(&o.length, "for", 5*time.Minute, "how long records flow")
	flag.StringVar(&o.delivery, "delivery", "exactly-once", "at-least-once or exactly-once")
	flag.IntVar(&o.servers, "servers", 3, "processes")
	flag.IntVar(&o.brokers, "brokers", 3, "Kafka nodes; one alone that is killed may leave transactions open for ever")
	flag.DurationVar(&o.session, "session", 3*time.Second, "session timeout of the consumer group")
	flag.IntVar(&o.perSecond, "rate", 600, "records a second")
	flag.DurationVar(&o.modelEvery, "model-every", 500*time.Millisecond, "time between two models")
	flag.BoolVar(&o.dynamic, "dynamic", false, "dynamic memberships of the group instead of static ones")
	flag.BoolVar(&o.race, "race", false, "build the servers with the race detector")
	flag.StringVar(&o.program, "server", "", "modelserver; empty: built from the checkout")
	flag.StringVar(&o.dir, "dir", "", "for data and logs; empty: a temporary one, kept when the run fails")
	flag.StringVar(&o.planFile, "plan", "", "a plan to do in place of one from the seed")
	flag.BoolVar(&o.shrink, "shrink", false, "cut a plan that fails down to the faults that it needs")
	flag.BoolVar(&o.quiet, "quiet", false, "do not tell each fault")
	flag.Var(o.settings, "set", "a setting of the servers, key=value; may be repeated")
	c := &o.counts
	for _, f := range []struct {
		to   *int
		name string
		what string
	}{
		{&c.Kills, "kills", "kill -9 of a server"},
		{&c.Stops, "stops", "stops of a server in order"},
		{&c.ShortFreezes, "freezes", "freezes of a server within the session timeout"},
		{&c.LongFreezes, "long-freezes", "freezes of a server past the session timeout"},
		{&c.Cuts, "cuts", "cuts of a server's connections"},
		{&c.LostCommits, "lost-commits", "ambiguous commits"},
		{&c.BrokerKills, "broker-kills", "kill -9 of a broker"},
		{&c.BrokerFreezes, "broker-freezes", "freezes of a broker"},
	} {
		flag.IntVar(f.to, f.name, -1, f.what+" in the whole run; -1: in proportion to its length")
	}
	flag.Parse()
	return o
}

func main() {
	if err := soakUntilStopped(parse()); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func soakUntilStopped(o *options) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return soak(ctx, o)
}

func soak(ctx context.Context, o *options) error {
	cfg, err := o.config(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("seed %d, %v, %d faults in %s:\n%v", cfg.Seed, cfg.For, len(cfg.Plan), cfg.Dir, cfg.Plan)
	failed, err := once(ctx, cfg)
	if err != nil {
		return err
	}
	if failed == nil {
		if o.dir == "" {
			return os.RemoveAll(cfg.Dir)
		}
		return nil
	}
	file := filepath.Join(cfg.Dir, "failed.plan")
	if err := os.WriteFile(file, []byte(cfg.Plan.String()), 0o600); err != nil {
		return err
	}
	if o.shrink {
		o.cutDown(ctx, cfg)
	}
	return fmt.Errorf("seed %d has broken a promise; the plan is %s, the logs are beside it\n%w", cfg.Seed, file, failed)
}

// once does a run; failed is what servers did wrong.
func once(ctx context.Context, cfg faults.Config) (failed, err error) {
	outcome, err := faults.Run(ctx, cfg)
	if err != nil {
		return nil, err
	}
	fmt.Println(outcome)
	return outcome.Err(), nil
}

// cutDown runs smaller and smaller plans, each in a directory of its own.
func (o *options) cutDown(ctx context.Context, cfg faults.Config) {
	n, dir := 0, cfg.Dir
	smallest := plan.Shrink(cfg.Plan, func(p plan.Plan) bool {
		if ctx.Err() != nil {
			return false
		}
		n++
		cfg.Plan, cfg.Dir = p, filepath.Join(dir, fmt.Sprintf("smaller-%d", n))
		fmt.Printf("run %d, with %d faults\n", n, len(p))
		failed, err := once(ctx, cfg)
		return err == nil && failed != nil
	})
	fmt.Printf("these %d faults are left:\n%v", len(smallest), smallest)
}

// config makes the run that the options ask for.
func (o *options) config(ctx context.Context) (cfg faults.Config, err error) {
	deliveries := map[string]check.Delivery{"at-least-once": check.AtLeastOnce, "exactly-once": check.ExactlyOnce}
	delivery, ok := deliveries[o.delivery]
	if !ok {
		return cfg, fmt.Errorf("-delivery %q is neither at-least-once nor exactly-once", o.delivery)
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	cfg = faults.Config{
		Program: o.program, Dir: o.dir, Servers: o.servers, Brokers: o.brokers, Delivery: delivery, Session: o.session,
		Dynamic: o.dynamic, Settings: server.Settings(o.settings), PerSecond: o.perSecond, ModelEvery: o.modelEvery,
		RecordTime: true, For: o.length, Seed: o.seed,
	}
	if cfg.Plan, err = o.plan(); err != nil {
		return cfg, err
	}
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "soak-"); err != nil {
			return cfg, err
		}
	}
	if !o.quiet {
		began := time.Now()
		cfg.Log = func(format string, args ...any) {
			fmt.Printf("%7.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		}
	}
	if cfg.Program == "" {
		cfg.Program, err = server.Build(ctx, cfg.Dir, o.race)
	}
	return cfg, err
}

// plan reads the plan that was given, or makes one.
func (o *options) plan() (plan.Plan, error) {
	if o.planFile != "" {
		f, err := os.Open(o.planFile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return plan.Parse(f)
	}
	p := o.counts
	p.Servers, p.Brokers, p.Session = o.servers, o.brokers, o.session
	p.Quiet, p.Length = 2*time.Second, o.length-2*time.Second
	for _, kind := range []struct {
		count     *int
		perMinute float64
	}{
		{&p.Kills, 3},
		{&p.Stops, 1},
		{&p.ShortFreezes, 1},
		{&p.LongFreezes, 1.5},
		{&p.Cuts, 2},
		{&p.LostCommits, 5},
		{&p.BrokerKills, 1},
		{&p.BrokerFreezes, 0.5},
	} {
		if *kind.count < 0 {
			*kind.count = int(kind.perMinute * o.length.Minutes())
		}
	}
	return plan.Generate(o.seed, p)
}
