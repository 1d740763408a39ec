package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Profile says how many faults of which kind a plan has.
type Profile struct {
	Servers, Brokers int
	// The faults begin after Quiet, when the servers have come to work, and are
	// over at Length.
	Quiet, Length time.Duration
	// Session is the session timeout of the consumer group: a freeze is short of
	// it or goes past it.
	Session time.Duration

	Kills, Stops, ShortFreezes, LongFreezes int // of servers
	Cuts, LostCommits                       int // of servers
	BrokerKills, BrokerFreezes              int
}

// Validate says what is missing.
func (p *Profile) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("profile: "+what))
		}
	}
	need(p.Servers > 0 && p.Brokers > 0, "there must be a server and a broker")
	need(p.Quiet >= 0 && p.Length > p.Quiet, "length must be greater than quiet")
	need(p.Session > 0, "session must be positive")
	for _, n := range []int{p.Kills, p.Stops, p.ShortFreezes, p.LongFreezes, p.Cuts, p.LostCommits, p.BrokerKills, p.BrokerFreezes} {
		need(n >= 0, "no kind of fault can happen less than never")
	}
	return errors.Join(errs...)
}

// Generate makes a plan from a seed: the same one each time. No two faults
// overlap that concern the process of one server, its connections, or the
// brokers, of which at most one is away at a time.
func Generate(seed uint64, p Profile) (Plan, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	g := &generator{rand: rand.New(rand.NewPCG(seed, seed)), profile: p, busy: map[string][]span{}}
	for _, kind := range []struct {
		n    int
		make func() Fault
	}{
		// Those that take longest first, while there is room.
		{p.LongFreezes, g.longFreeze},
		{p.BrokerKills, g.brokerKill},
		{p.BrokerFreezes, g.brokerFreeze},
		{p.Kills, g.kill},
		{p.ShortFreezes, g.shortFreeze},
		{p.Stops, g.stop},
		{p.Cuts, g.cut},
		{p.LostCommits, g.loseCommit},
	} {
		for range kind.n {
			if err := g.place(kind.make); err != nil {
				return nil, err
			}
		}
	}
	g.plan.sort()
	return g.plan, nil
}

type generator struct {
	rand    *rand.Rand
	profile Profile
	plan    Plan
	busy    map[string][]span // by what cannot suffer twice at once
}

type span struct{ from, to time.Duration }

// recovery is left between two faults of the same victim.
const recovery = time.Second

// place finds a time for a fault. One that does not fit is drawn again.
func (g *generator) place(draw func() Fault) error {
	const attempts = 10_000
	for range attempts {
		f := draw()
		room := g.profile.Length - g.profile.Quiet - f.For
		if room <= 0 {
			continue
		}
		f.At = g.profile.Quiet + time.Duration(g.rand.Int64N(int64(room))).Truncate(time.Millisecond)
		if g.free(f) {
			g.busy[victim(f)] = append(g.busy[victim(f)], span{f.At, f.Until() + recovery})
			g.plan = append(g.plan, f)
			return nil
		}
	}
	return fmt.Errorf("plan: %v is too short for so many faults: no room for %v after %d of them", g.profile.Length, draw(), len(g.plan))
}

func (g *generator) free(f Fault) bool {
	for _, s := range g.busy[victim(f)] {
		if f.At < s.to && s.from < f.Until()+recovery {
			return false
		}
	}
	return true
}

// victim names what can suffer one fault at a time.
func victim(f Fault) string {
	switch {
	case f.Party == Broker:
		return "brokers"
	case f.Kind == Cut || f.Kind == LoseCommit:
		return fmt.Sprint("connections of server ", f.Number)
	}
	return fmt.Sprint("server ", f.Number)
}

// between draws a time in whole milliseconds.
func (g *generator) between(from, to time.Duration) time.Duration {
	return from + time.Duration(g.rand.Int64N(int64(to-from)+1)).Truncate(time.Millisecond)
}

func (g *generator) server(kind Kind, from, to time.Duration) Fault {
	return Fault{Kind: kind, Party: Server, Number: 1 + g.rand.IntN(g.profile.Servers), For: g.between(from, to)}
}

func (g *generator) broker(kind Kind, from, to time.Duration) Fault {
	return Fault{Kind: kind, Party: Broker, Number: 1 + g.rand.IntN(g.profile.Brokers), For: g.between(from, to)}
}

// kill: half of the servers are back before the group has missed them.
func (g *generator) kill() Fault {
	if g.rand.IntN(2) == 0 {
		return g.server(Kill, 0, g.profile.Session/4)
	}
	return g.server(Kill, g.profile.Session, 2*g.profile.Session)
}

func (g *generator) stop() Fault { return g.server(Stop, 0, g.profile.Session/2) }

func (g *generator) shortFreeze() Fault {
	return g.server(Freeze, g.profile.Session/10, g.profile.Session/2)
}

// longFreeze: the group goes on without the server, which does not know it.
func (g *generator) longFreeze() Fault {
	return g.server(Freeze, g.profile.Session+time.Second, 2*g.profile.Session)
}

func (g *generator) brokerKill() Fault   { return g.broker(Kill, 0, g.profile.Session/2) }
func (g *generator) brokerFreeze() Fault { return g.broker(Freeze, 0, g.profile.Session/2) }

func (g *generator) loseCommit() Fault { return g.server(LoseCommit, 0, g.profile.Session/4) }

func (g *generator) cut() Fault {
	f := g.server(Cut, g.profile.Session/10, g.profile.Session)
	f.Side = []Side{Both, Requests, Answers}[g.rand.IntN(3)]
	f.Way = Silent
	if f.Side == Both && g.rand.IntN(2) == 0 {
		f.Way = Reset
	}
	return f
}
