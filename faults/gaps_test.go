package faults

import (
	"testing"
	"time"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/faults/plan"
	"github.com/modelstream/modelserver/messages"
)

// appended is a result of a partition at a second.
func appended(partition int32, second int64) check.Result {
	return check.Result{
		Appended:      time.Unix(second, 0),
		ServingResult: &messages.ServingResult{Source: &messages.Source{Topic: "t", Partition: partition}},
	}
}

// The longest gap at a fault is that of the partition that waited longest, among
// the gaps that overlap the time after the fault.
func TestLongestGap(t *testing.T) {
	in := &check.Input{}
	for _, second := range []int64{0, 20, 21, 22, 23, 30, 31, 90} { // 7 s from 23 on
		in.Results = append(in.Results, appended(0, second))
	}
	for second := range int64(90) { // 3 s from 24 on
		if second <= 24 || second >= 27 {
			in.Results = append(in.Results, appended(1, second))
		}
	}
	for _, tt := range []struct {
		from, to int64
		want     time.Duration
	}{
		{22, 26, 7 * time.Second},
		{24, 25, 7 * time.Second},
		{5, 6, 20 * time.Second},
		{40, 41, 59 * time.Second},
		{200, 300, 0},
	} {
		if got := gapsOf(in).longest(time.Unix(tt.from, 0), time.Unix(tt.to, 0)).Length(); got != tt.want {
			t.Errorf("from %d to %d: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
	o := &Outcome{session: 3 * time.Second, gaps: gapsOf(in), Events: []Event{
		{Fault: plan.Fault{Kind: plan.Kill, Party: plan.Server}, Began: time.Unix(22, 0)},
		{Fault: plan.Fault{Kind: plan.Stop, Party: plan.Server}, Began: time.Unix(50, 0)},
	}}
	if got := o.LongestGap(plan.Kill, plan.Server); got.Length() != 7*time.Second || got.Partition.Partition != 0 {
		t.Errorf("the gap at the kill is %v of %v", got.Length(), got.Partition)
	}
	if got := o.LongestGap(plan.Freeze, plan.Server); got.Length() != 0 {
		t.Errorf("without a freeze there is a gap of %v", got.Length())
	}
}

// A run refuses what cannot be done.
func TestConfigRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no program": {Dir: "d"},
		"nobody":     {Program: "p", Dir: "d", Plan: plan.Plan{{Kind: plan.Kill, Party: plan.Server, Number: 4}}},
		"bad fault":  {Program: "p", Dir: "d", Plan: plan.Plan{{Kind: "burn", Party: plan.Server, Number: 1}}},
	} {
		if _, err := cfg.withDefaults(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
