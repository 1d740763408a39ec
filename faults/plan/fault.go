package plan

import (
	"fmt"
	"time"
)

// Kind is what happens.
type Kind string

// The kinds of faults.
const (
	Start      Kind = "start"       // a server that did not run before
	Kill       Kind = "kill"        // SIGKILL, and started again
	Stop       Kind = "stop"        // SIGTERM, and started again
	Freeze     Kind = "freeze"      // SIGSTOP, and SIGCONT
	Cut        Kind = "cut"         // of a server's connections
	LoseCommit Kind = "lose-commit" // an ambiguous commit of a server
)

// Party is to whom it happens.
type Party string

// The parties.
const (
	Server Party = "server"
	Broker Party = "broker"
)

// Side is the direction that a cut concerns.
type Side string

// The sides.
const (
	Both     Side = "both"
	Requests Side = "requests" // what servers send
	Answers  Side = "answers"  // what brokers send
)

// Way is how a connection is cut.
type Way string

// The ways.
const (
	Reset  Way = "reset"  // ended, and refused until the cut is over
	Silent Way = "silent" // open, but nothing passes
)

// Fault is one thing that happens.
type Fault struct {
	At     time.Duration // since the beginning
	Kind   Kind
	Party  Party
	Number int           // of the server or broker; they count from 1
	Side   Side          // of cuts
	Way    Way           // of cuts
	For    time.Duration // until it is over: started again, continued, healed
}

// Until is when the fault is over.
func (f Fault) Until() time.Duration { return f.At + f.For }

// String is the fault's line in a plan.
func (f Fault) String() string {
	s := fmt.Sprintf("%v %s %s %d", f.At, f.Kind, f.Party, f.Number)
	if f.Kind == Cut {
		s += fmt.Sprintf(" %s %s", f.Side, f.Way)
	}
	if f.Kind != Start {
		s += fmt.Sprintf(" for %v", f.For)
	}
	return s
}

// Validate says what is wrong with the fault by itself.
func (f Fault) Validate() error {
	wrong := func(what string) error { return fmt.Errorf("fault %q: %s", f.String(), what) }
	switch f.Kind {
	case Kill, Stop, Freeze, Start, LoseCommit:
		if f.Side != "" || f.Way != "" {
			return wrong("only cuts have a side and a way")
		}
	case Cut:
		if f.Side != Both && f.Side != Requests && f.Side != Answers {
			return wrong("the side must be both, requests or answers")
		}
		if f.Way != Reset && f.Way != Silent {
			return wrong("the way must be reset or silent")
		}
		if f.Way == Reset && f.Side != Both {
			return wrong("a reset ends both sides")
		}
	default:
		return wrong("the kind must be start, kill, stop, freeze, cut or lose-commit")
	}
	switch {
	case f.Party != Server && f.Party != Broker:
		return wrong("it must happen to a server or a broker")
	case f.Party == Broker && (f.Kind == Cut || f.Kind == LoseCommit || f.Kind == Start):
		return wrong("it happens to servers only")
	case f.Number < 1:
		return wrong("servers and brokers count from 1")
	case f.At < 0 || f.For < 0:
		return wrong("times must not be negative")
	case f.Kind == Start && f.For != 0:
		return wrong("a start is not over")
	}
	return nil
}
