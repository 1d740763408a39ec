package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
)

// TestScripts runs the scripts in testdata: each input with the effects that
// follow, in order, and the state afterwards. Run with -rewrite to accept new
// behaviour, then read the difference.
//
//	offer sha=a offset=1 [type=pmml] [from=60]   a descriptor comes; from is in seconds
//	persisted g=1                      its event is stored
//	progress g=1 phase=WARMING
//	fetched g=1 sha=a                  its artifact is there
//	ready g=1                          it can score
//	failed g=1 reason=… [lost]         it cannot be loaded
//	panicked g=1                       it failed while scoring
//	convict / acquit / died g=1 / want g=1 / use g=1 / activate
//	tick after=60                      seconds pass (each input takes a millisecond, and the clock starts at 1 s)
//	at 5 70                            which generation scores records of these seconds
//	settled offset=3                   whether the fate of all descriptors up to there is known
//	limits loaded=2 queued=3 remember=4 [dormant]
//	restart [dormant]                  kill: a new machine from the last snapshot and the events after it
//	restart-without-snapshot           the snapshots are damaged
//	restart-without-anything           the events, too
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{now: 1000}
		s.m = lifecycle.New(s.limits, false)
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	m        *lifecycle.Machine
	limits   lifecycle.Limits
	now      int64
	snapshot *messages.Snapshot
	events   []*messages.ModelAccepted
	full     bool
	stored   uint64 // events ever
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	s.now++
	switch d.Cmd {
	case "at":
		return s.at(t, d)
	case "settled":
		var offset int64
		d.ScanArgs(t, "offset", &offset)
		return fmt.Sprintln(s.m.Settled(0, offset))
	}
	effects := s.input(t, d)
	var b strings.Builder
	if s.full {
		s.full = false
		b.WriteString("no room\n")
	}
	for _, e := range effects {
		switch e.Kind {
		case lifecycle.Persist:
			s.stored++
			s.events = append(s.events, proto.Clone(e.Generation.Model).(*messages.ModelAccepted))
		case lifecycle.Snapshot:
			s.snapshot = proto.Clone(s.m.Snapshot()).(*messages.Snapshot)
			s.events = nil
		}
		b.WriteString(show(e) + "\n")
	}
	b.WriteString(s.state())
	return b.String()
}

func (s *script) input(t *testing.T, d *datadriven.TestData) []lifecycle.Effect {
	t.Helper()
	var number uint64
	var sha, reason, phase string
	d.MaybeScanArgs(t, "g", &number)
	d.MaybeScanArgs(t, "sha", &sha)
	d.MaybeScanArgs(t, "reason", &reason)
	d.MaybeScanArgs(t, "phase", &phase)
	g := s.m.Find(number)
	if number != 0 && g == nil {
		d.Fatalf(t, "there is no generation %d", number)
	}
	switch d.Cmd {
	case "offer":
		return s.offer(t, d, sha)
	case "persisted":
		return s.m.Persisted(g)
	case "progress":
		s.m.Progress(g, lifecycle.Phase(messages.GenerationState_Phase_value[phase]))
	case "fetched":
		return s.m.Fetched(g, sha, 100)
	case "ready":
		return s.m.Ready(g, s.now, "")
	case "failed":
		return s.m.Failed(g, s.now, reason, d.HasArg("lost"))
	case "panicked":
		return s.m.Panicked(g, s.now, "panic")
	case "convict":
		return s.m.Convict()
	case "acquit":
		return s.m.Acquit(s.now)
	case "tick":
		var after int64
		d.ScanArgs(t, "after", &after)
		s.now += after * 1000
		return s.m.Tick(s.now)
	case "died":
		return s.m.Died(g)
	case "want":
		return s.m.Want(g)
	case "use":
		g.Use(s.now)
	case "activate":
		return s.m.Activate()
	case "limits":
		d.MaybeScanArgs(t, "loaded", &s.limits.MaxLoaded)
		d.MaybeScanArgs(t, "queued", &s.limits.MaxQueued)
		d.MaybeScanArgs(t, "remember", &s.limits.Remember)
		s.m = lifecycle.New(s.limits, d.HasArg("dormant"))
	case "restart", "restart-without-snapshot", "restart-without-anything":
		if d.Cmd != "restart" {
			s.snapshot = nil
		}
		if d.Cmd == "restart-without-anything" {
			s.events = nil
		}
		s.m = lifecycle.New(s.limits, d.HasArg("dormant"))
		return s.m.Recover(s.snapshot, s.events, s.stored)
	default:
		d.Fatalf(t, "unknown input %q", d.Cmd)
	}
	return nil
}

func (s *script) offer(t *testing.T, d *datadriven.TestData, sha string) []lifecycle.Effect {
	t.Helper()
	var offset int64
	topic, kind := "models", "pmml"
	d.ScanArgs(t, "offset", &offset)
	d.MaybeScanArgs(t, "topic", &topic)
	d.MaybeScanArgs(t, "type", &kind)
	var from int64
	d.MaybeScanArgs(t, "from", &from)
	g, effects := s.m.Offer(&messages.ModelAccepted{
		Sha256: sha, Type: kind, Source: &messages.Source{Topic: topic, Offset: offset}, EffectiveFromMs: from * 1000,
	})
	s.full = g == nil && effects == nil
	return effects
}

// at says which generation scores a record of each of these times.
func (s *script) at(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	var b strings.Builder
	for _, arg := range d.CmdArgs {
		var seconds int64
		if _, err := fmt.Sscan(arg.Key, &seconds); err != nil {
			d.Fatalf(t, "%q is no time", arg.Key)
		}
		g := s.m.Plan().At(seconds * 1000)
		switch {
		case g == nil && s.m.Forgotten(seconds*1000):
			fmt.Fprintf(&b, "%d: forgotten\n", seconds)
		case g == nil:
			fmt.Fprintf(&b, "%d: no model\n", seconds)
		case g.Loaded():
			fmt.Fprintf(&b, "%d: g%d\n", seconds, g.Number())
		default:
			fmt.Fprintf(&b, "%d: g%d, wait\n", seconds, g.Number())
		}
	}
	return b.String()
}

func show(e lifecycle.Effect) string {
	name := "g?"
	if e.Generation != nil {
		name = fmt.Sprintf("g%d", e.Generation.Number())
	}
	switch e.Kind {
	case lifecycle.Persist:
		return "persist " + name
	case lifecycle.Load:
		return "load " + name
	case lifecycle.Promote:
		return "promote " + name
	case lifecycle.Close:
		return "close " + name
	case lifecycle.Settle:
		s := "settle " + name + " " + e.Outcome.String()
		if e.Reason != "" {
			s += ": " + e.Reason
		}
		return s
	case lifecycle.Snapshot:
		return "snapshot"
	}
	return fmt.Sprintf("effect %d", e.Kind)
}

func (s *script) state() string {
	roles := func(g *lifecycle.Generation) string {
		switch g {
		case s.m.Serving():
			return "*"
		case s.m.Suspect():
			return "?"
		}
		if g.Loaded() {
			return "+"
		}
		return ""
	}
	var parts []string
	for _, g := range s.m.Generations() {
		parts = append(parts, fmt.Sprintf("%sg%d=%s", roles(g), g.Number(), g.Phase))
	}
	if s.m.Recovering() {
		parts = append(parts, "(batches wait)")
	}
	return "state: " + strings.Join(parts, " ") + "\n"
}
