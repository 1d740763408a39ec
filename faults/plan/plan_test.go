package plan_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/faults/plan"
)

func drawProfile(t *rapid.T) plan.Profile {
	few := func(what string) int { return rapid.IntRange(0, 4).Draw(t, what) }
	return plan.Profile{
		Servers: rapid.IntRange(1, 4).Draw(t, "servers"), Brokers: rapid.IntRange(1, 3).Draw(t, "brokers"),
		Quiet: 2 * time.Second, Length: 5 * time.Minute, Session: 4 * time.Second,
		Kills: few("kills"), Stops: few("stops"), ShortFreezes: few("short"), LongFreezes: few("long"),
		Cuts: few("cuts"), LostCommits: few("commits"), BrokerKills: few("broker kills"), BrokerFreezes: few("broker freezes"),
	}
}

// A seed makes the same plan each time, as many faults as are asked for, each
// within the limits, and no victim suffers two at once.
func TestGenerate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		profile, seed := drawProfile(t), rapid.Uint64().Draw(t, "seed")
		p, err := plan.Generate(seed, profile)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := plan.Generate(seed, profile); !reflect.DeepEqual(p, again) {
			t.Fatalf("the same seed makes\n%vand\n%v", p, again)
		}
		checkCounts(t, p, profile)
		for i, f := range p {
			if err := f.Validate(); err != nil {
				t.Fatal(err)
			}
			if f.At < profile.Quiet || f.Until() > profile.Length || i > 0 && f.At < p[i-1].At {
				t.Fatalf("%v is not in time", f)
			}
			for _, other := range p[:i] {
				if f.Party == other.Party && f.Number == other.Number && isProcess(f) == isProcess(other) && f.At < other.Until() {
					t.Fatalf("%v happens during %v", f, other)
				}
			}
		}
	})
}

func isProcess(f plan.Fault) bool { return f.Kind != plan.Cut && f.Kind != plan.LoseCommit }

func checkCounts(t *rapid.T, p plan.Plan, profile plan.Profile) {
	long := 0
	for _, f := range p {
		if f.Kind == plan.Freeze && f.Party == plan.Server && f.For > profile.Session {
			long++
		}
	}
	for _, tt := range []struct {
		what      string
		got, want int
	}{
		{"kills", p.Count(plan.Kill, plan.Server), profile.Kills},
		{"stops", p.Count(plan.Stop, plan.Server), profile.Stops},
		{"freezes", p.Count(plan.Freeze, plan.Server), profile.ShortFreezes + profile.LongFreezes},
		{"long freezes", long, profile.LongFreezes},
		{"cuts", p.Count(plan.Cut, plan.Server), profile.Cuts},
		{"lost commits", p.Count(plan.LoseCommit, plan.Server), profile.LostCommits},
		{"broker kills", p.Count(plan.Kill, plan.Broker), profile.BrokerKills},
		{"broker freezes", p.Count(plan.Freeze, plan.Broker), profile.BrokerFreezes},
	} {
		if tt.got != tt.want {
			t.Fatalf("%d %s, want %d, in\n%v", tt.got, tt.what, tt.want, p)
		}
	}
}

// Different seeds make different plans.
func TestSeeds(t *testing.T) {
	profile := plan.Profile{Servers: 3, Brokers: 1, Length: time.Minute, Session: 4 * time.Second, Kills: 3, Cuts: 3}
	seen := map[string]bool{}
	for seed := range uint64(50) {
		p, err := plan.Generate(seed, profile)
		if err != nil {
			t.Fatal(err)
		}
		seen[p.String()] = true
	}
	if len(seen) < 50 {
		t.Errorf("50 seeds make %d plans", len(seen))
	}
}

func TestNoRoom(t *testing.T) {
	_, err := plan.Generate(1, plan.Profile{Servers: 1, Brokers: 1, Length: 10 * time.Second, Session: 4 * time.Second, LongFreezes: 5})
	if err == nil || !strings.Contains(err.Error(), "too short for so many faults") {
		t.Errorf("the error is %v", err)
	}
}

// What is printed is read as the same plan.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := plan.Generate(rapid.Uint64().Draw(t, "seed"), drawProfile(t))
		if err != nil {
			t.Fatal(err)
		}
		again, err := plan.Parse(strings.NewReader(p.String()))
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != again.String() || len(p) > 0 && !reflect.DeepEqual(p, again) {
			t.Fatalf("\n%vis read as\n%v", p, again)
		}
	})
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"# nothing\n\n", ""},
		{"5s kill server 1 for 2s # and so on\n1s start server 3", "1s start server 3\n5s kill server 1 for 2s\n"},
		{"1m cut server 2 both reset for 500ms", "1m0s cut server 2 both reset for 500ms\n"},
		{"1s stop broker 1 for 0s", "1s stop broker 1 for 0s\n"},

		{"5s kill server", `plan, line 1: "5s kill server" is no fault`},
		{"5 kill server 1 for 2s", "missing unit"},
		{"5s kill server one for 2s", `"one" is no number of a server`},
		{"5s kill server 1", "does not say for how long"},
		{"5s kill server 1 for 2s more", `"more" has no meaning here`},
		{"5s kill server 0 for 2s", "count from 1"},
		{"5s burn server 1 for 2s", "the kind must be"},
		{"5s kill client 1 for 2s", "to a server or a broker"},
		{"5s cut broker 1 both reset for 2s", "servers only"},
		{"5s cut server 1", "needs a side and a way"},
		{"5s cut server 1 left reset for 2s", "the side must be"},
		{"5s cut server 1 both soft for 2s", "the way must be"},
		{"5s cut server 1 answers reset for 2s", "a reset ends both sides"},
		{"\n-5s kill server 1 for 2s", "line 2"},
	} {
		p, err := plan.Parse(strings.NewReader(tt.text))
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != tt.want || err != nil && (tt.want == "" || !strings.Contains(got, tt.want)) {
			t.Errorf("%q is read as %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Whatever a stranger writes is refused with an error or read.
func FuzzParse(f *testing.F) {
	f.Add("5s kill server 1 for 2s\n1s start server 3")
	f.Add("1m cut server 2 both reset for 500ms # x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plan.Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := plan.Parse(strings.NewReader(p.String()))
		if err != nil || again.String() != p.String() {
			t.Errorf("%q is printed as %q, which is %v, %v", text, p, again, err)
		}
	})
}

// A failure that needs certain faults together is cut down to just these.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := make(plan.Plan, rapid.IntRange(1, 30).Draw(t, "faults"))
		for i := range all {
			all[i] = plan.Fault{At: time.Duration(i), Number: i}
		}
		needed := map[int]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "needed") {
			needed[rapid.IntRange(0, len(all)-1).Draw(t, "one")] = true
		}
		runs := 0
		got := plan.Shrink(all, func(p plan.Plan) bool {
			runs++
			n := 0
			for _, f := range p {
				if needed[f.Number] {
					n++
				}
			}
			return n == len(needed)
		})
		if len(got) != len(needed) {
			t.Fatalf("%d faults are left, %d are needed", len(got), len(needed))
		}
		if runs > 40*len(needed)+60 {
			t.Fatalf("%d runs for %d faults", runs, len(all))
		}
	})
}
