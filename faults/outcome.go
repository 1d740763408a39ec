package faults

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/plan"
)

// Err says what is wrong with the outcome: what does not hold of what the
// delivery promises, and what servers have done that they never should.
func (o *Outcome) Err() error {
	errs := []error{o.Broken(o.Delivery)}
	if o.Left != "" {
		errs = append(errs, fmt.Errorf("records were not committed in time: %s", o.Left))
	}
	for _, c := range o.Complaints {
		errs = append(errs, errors.New(c))
	}
	return errors.Join(errs...)
}

// Done is how many faults of a kind were done to a party.
func (o *Outcome) Done(kind plan.Kind, party plan.Party) (n int) {
	for _, e := range o.Events {
		if e.Kind == kind && e.Party == party && e.Missed == nil {
			n++
		}
	}
	return n
}

// LostCommits is how many commits were done whose answers were lost.
func (o *Outcome) LostCommits() (n int) {
	for _, l := range o.Links {
		n += l.LostCommits
	}
	return n
}

// LongFreezes is how many freezes of servers went past the session timeout.
func (o *Outcome) LongFreezes() (n int) {
	for _, e := range o.Events {
		if e.Kind == plan.Freeze && e.Party == plan.Server && e.For > o.session && e.Missed == nil {
			n++
		}
	}
	return n
}

// LongestGap is the longest time without a result of a partition at faults of a
// kind, from the fault until the group has had time to notice.
func (o *Outcome) LongestGap(kind plan.Kind, party plan.Party) (longest Gap) {
	for _, e := range o.Events {
		if e.Kind != kind || e.Party != party {
			continue
		}
		if g := o.gaps.longest(e.Began, e.Began.Add(o.session)); g.Length() > longest.Length() {
			longest = g
		}
	}
	return longest
}

// describe says how long a gap is, and when and where it was.
func (o *Outcome) describe(g Gap) string {
	return fmt.Sprintf("%v, from %v on, of %s/%d", g.Length().Round(time.Millisecond), g.From.Sub(o.Began).Round(100*time.Millisecond),
		g.Partition.Topic, g.Partition.Partition)
}

// String is the outcome as a table.
func (o *Outcome) String() string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "  %-46s %v\n", what, value) }
	fmt.Fprintf(&b, "%s, %v:\n", o.Delivery, o.Took.Round(time.Second))
	row("records", o.Records)
	row("records/s", int(float64(o.Ledger.Records)/o.Took.Seconds()))
	row("results, dead letters", fmt.Sprintf("%d, %d", o.Results, o.DeadLetters))
	row("models (bad, late)", fmt.Sprintf("%d (%d, %d)", o.Models, o.BadModels, o.LateModels))
	row("switches of generations in a partition", o.Switches)
	row("server kills, stops", fmt.Sprintf("%d, %d", o.Done(plan.Kill, plan.Server), o.Done(plan.Stop, plan.Server)))
	row("freezes (past the session timeout)", fmt.Sprintf("%d (%d)", o.Done(plan.Freeze, plan.Server), o.LongFreezes()))
	row("broker kills, freezes", fmt.Sprintf("%d, %d", o.Done(plan.Kill, plan.Broker), o.Done(plan.Freeze, plan.Broker)))
	row("cuts, ambiguous commits", fmt.Sprintf("%d, %d", o.Done(plan.Cut, plan.Server), o.LostCommits()))
	for rule := check.Vanished; rule <= check.WrongStatistics; rule++ {
		row(rule.String(), o.Count(rule))
	}
	row("statistics compared", o.Statistics)
	for _, kind := range []plan.Kind{plan.Kill, plan.Freeze, plan.Stop} {
		if o.Done(kind, plan.Server) > 0 {
			row("longest gap at "+string(kind), o.describe(o.LongestGap(kind, plan.Server)))
		}
	}
	row("everything committed after", o.Settled.Round(time.Millisecond))
	if o.Unclean > 0 {
		row("stops that ended with an error", o.Unclean)
	}
	return b.String()
}
