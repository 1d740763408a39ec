package check

import (
	"errors"
	"fmt"
	"strings"
)

// Rule is something that has to hold.
type Rule int

// The rules.
const (
	Vanished        Rule = iota // an acknowledged message is in its topic
	Lost                        // every record has its outcome
	Doubled                     // none has it twice
	Foreign                     // every result and dead letter is about a record that there is, or a bad model
	Disorder                    // results of an input partition are in its order, in one partition
	WrongOutcome                // what can be scored is, what cannot is not
	WrongGeneration             // the generation was one that had to score the record
	Regression                  // generations of a data type never go backwards in a partition, but for record time
	WrongValue                  // the outputs are those that the generation computes
	WrongStatistics             // the statistics are those of the results
	rules
)

func (r Rule) String() string {
	return [...]string{
		"vanished", "lost", "doubled", "foreign", "out of order", "wrong outcome",
		"wrong generation", "regressions", "wrong value", "wrong statistics",
	}[r]
}

// keep is how many violations of a rule are kept in words.
const keep = 8

// Violations are the places where a rule does not hold.
type Violations struct {
	Count int
	First []string // the first few, each with its place
}

// Report is what [Check] has found.
type Report struct {
	Records, Results, DeadLetters int
	Models, BadModels             int
	// LateModels came after the record time from which on they were to score.
	// Their records may be scored by them or by their predecessor.
	LateModels int
	// Switches counts how often the generation of a data type changed within a
	// partition: that models were swapped at all.
	Switches   int
	Statistics int // progress messages that were compared with the results

	Found [rules]Violations
}

func (r *Report) add(rule Rule, format string, args ...any) {
	v := &r.Found[rule]
	v.Count++
	if len(v.First) < keep {
		v.First = append(v.First, fmt.Sprintf(format, args...))
	}
}

// Count is how many violations of a rule there are.
func (r *Report) Count(rule Rule) int { return r.Found[rule].Count }

// Delivery is what the servers promise.
type Delivery int

// The promises.
const (
	AtLeastOnce Delivery = iota
	ExactlyOnce
)

func (d Delivery) String() string { return [...]string{"at-least-once", "exactly-once"}[d] }

// allowed are the rules that records which are scored twice may break: a second
// scoring comes late, with a newer model, by a server that others have replaced.
func (d Delivery) allowed(rule Rule) bool {
	switch rule {
	case Doubled, Disorder, Regression, WrongStatistics:
		return d == AtLeastOnce
	}
	return false
}

// Broken returns what does not hold of what the delivery promises, or nil.
func (r *Report) Broken(promised Delivery) error {
	var errs []error
	for rule := range rules {
		if r.Found[rule].Count > 0 && !promised.allowed(rule) {
			errs = append(errs, errors.New(r.describe(rule)))
		}
	}
	return errors.Join(errs...)
}

func (r *Report) describe(rule Rule) string {
	v := r.Found[rule]
	s := fmt.Sprintf("%s: %d", rule, v.Count)
	for _, first := range v.First {
		s += "\n  " + first
	}
	if more := v.Count - len(v.First); more > 0 {
		s += fmt.Sprintf("\n  and %d more", more)
	}
	return s
}

// String is the whole report, each violation that was kept on a line.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d records, %d results, %d dead letters, %d models (%d bad, %d late), %d switches of generations, %d statistics compared",
		r.Records, r.Results, r.DeadLetters, r.Models, r.BadModels, r.LateModels, r.Switches, r.Statistics)
	for rule := range rules {
		if r.Found[rule].Count > 0 {
			b.WriteString("\n" + r.describe(rule))
		}
	}
	return b.String()
}
