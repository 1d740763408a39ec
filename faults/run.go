package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/load"
	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/faults/proxy"
)

// Outcome is what came of a run.
type Outcome struct {
	*check.Report
	Delivery check.Delivery
	Ledger   load.Ledger
	Events   []Event
	Links    []proxy.Stats // of each server

	// Complaints are panics, data races, and processes that ended by themselves.
	Complaints []string
	Unclean    int    // stops in order that ended with an error
	Left       string // partitions whose records were not committed in time; empty: none
	Settled    time.Duration
	Began      time.Time     // of the plan
	Took       time.Duration // while records flowed

	gaps    gaps
	session time.Duration
}

// Run does a whole run. The servers' logs stay in cfg.Dir.
func Run(ctx context.Context, cfg Config) (*Outcome, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c, err := newCluster(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	defer c.close()
	o := &Outcome{Delivery: cfg.Delivery, session: cfg.Session}
	if err := c.flow(ctx, o); err != nil {
		return nil, err
	}
	if err := c.calm(ctx, o); err != nil {
		return nil, err
	}
	return o, c.prove(ctx, o)
}

// flow lets records and models flow while the plan is done.
func (c *cluster) flow(ctx context.Context, o *Outcome) error {
	cfg := c.cfg
	l, err := load.Start(ctx, load.Config{
		Seeds: c.seeds(), Topics: cfg.topics(), DataTypes: cfg.dataTypes(), ModelsTopic: modelsTopic,
		PerSecond: cfg.PerSecond, ModelEvery: cfg.ModelEvery, Lead: lead + time.Second, BadOneIn: cfg.BadOneIn, Seed: cfg.Seed,
	})
	if err != nil {
		return err
	}
	later := map[int]bool{}
	for _, f := range cfg.Plan {
		later[f.Number] = later[f.Number] || f.Kind == plan.Start
	}
	if err := c.startServers(ctx, later); err != nil {
		return err
	}
	o.Began = time.Now()
	end, cancel := context.WithTimeout(ctx, cfg.For)
	defer cancel()
	o.Events = c.execute(ctx, cfg.Plan)
	<-end.Done()
	if err := c.heal(ctx); err != nil {
		return fmt.Errorf("faults: healing: %w", err)
	}
	o.Took = time.Since(o.Began)
	stop, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	o.Ledger, err = l.Stop(stop)
	return err
}

// calm waits until all that came is done, then stops the servers.
func (c *cluster) calm(ctx context.Context, o *Outcome) (err error) {
	began := time.Now()
	settle, cancel := context.WithTimeout(ctx, c.cfg.Settle)
	defer cancel()
	if o.Left, err = c.settle(settle); err != nil {
		return err
	}
	o.Settled = time.Since(began)
	c.cfg.Log("settled in %v; left: %q", o.Settled.Round(time.Millisecond), o.Left)
	if err := c.stopServers(ctx); err != nil {
		o.Complaints = append(o.Complaints, err.Error())
	}
	for i, s := range c.servers {
		o.Unclean += s.UncleanStops()
		o.Links = append(o.Links, c.links[i].Stats())
	}
	o.Complaints = append(o.Complaints, c.complaints()...)
	return nil
}

// prove reads the topics and checks them.
func (c *cluster) prove(ctx context.Context, o *Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	r := &reader{seeds: c.seeds()}
	in, err := r.read(ctx, c.cfg)
	if err != nil {
		return err
	}
	in.Acknowledged, in.LeadMS = o.Ledger.Places, lead.Milliseconds()
	o.Report, o.gaps = check.Check(in), gapsOf(in)
	return nil
}
