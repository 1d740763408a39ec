package pmml

import (
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// ruleSet is a RuleSetModel (DMG 4.4, Ruleset). Compound rules are flattened:
// a rule that does not fire skips those that depend on it.
type ruleSet struct {
	target     *target
	math       arith
	criterion  string
	rules      []rule
	fallback   int // the class where no rule fires, or −1
	confidence document.Opt[float64]
	shares     []float64 // of the classes where no rule fires, or nil
	every      bool      // all rules that fire are wanted, not only the first
	hits       int       // scratch: the rules that fire
	weights    int       // scratch: by class
}

// rule is a simple rule, or the condition of a compound one.
type rule struct {
	test       test
	skip       int // where to go on when the rule does not fire
	number     int // among the simple rules
	class      int // −1 of a compound rule
	confidence float64
	weight     float64
	shares     []float64 // of the classes, or nil
}

func compileRuleSet(mc *modelCompiler, m *document.RuleSetModel) evaluator {
	if m.FunctionName != "classification" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	s := &ruleSet{target: mc.target(), math: mc.math, criterion: m.RuleSet.Methods[0].Criterion, fallback: -1, confidence: m.RuleSet.DefaultConfidence}
	if m.RuleSet.DefaultScore.Set {
		s.fallback = mc.c.class(s.target, m.RuleSet.DefaultScore.V, m.RuleSet)
	}
	mc.ruleClasses(s, m.RuleSet.Rules, m.RuleSet.Distributions)
	s.shares = mc.shares(s.target, m.RuleSet.Distributions)
	ids := map[string]bool{}
	mc.rules(s, m.RuleSet.Rules, ids)
	s.target.confident = true
	s.every = s.criterion != "firstHit" || mc.asksConfidence()
	s.hits = mc.c.scratch(len(s.rules))
	s.weights = mc.c.scratch(len(s.target.classes))
	return s
}

// ruleClasses collects the classes before any rule needs a row of them.
func (mc *modelCompiler) ruleClasses(s *ruleSet, rules []document.Rule, shares []*document.ScoreDistribution) {
	for _, d := range shares {
		mc.c.class(s.target, d.Value, d)
	}
	for _, r := range rules {
		switch r := r.(type) {
		case *document.CompoundRule:
			mc.ruleClasses(s, r.Rules, nil)
		case *document.SimpleRule:
			mc.c.class(s.target, r.Score, r)
			mc.ruleClasses(s, nil, r.Distributions)
		}
	}
}

func (mc *modelCompiler) rules(s *ruleSet, rules []document.Rule, ids map[string]bool) {
	for _, r := range rules {
		at := len(s.rules)
		switch r := r.(type) {
		case *document.CompoundRule:
			s.rules = append(s.rules, rule{test: mc.predicate(r.Predicate), class: -1})
			mc.rules(s, r.Rules, ids)
		case *document.SimpleRule:
			s.rules = append(s.rules, rule{
				test: mc.predicate(r.Predicate), class: mc.c.class(s.target, r.Score, r),
				confidence: mc.math.round(r.Confidence), weight: mc.math.round(r.Weight), shares: mc.shares(s.target, r.Distributions),
			})
			id := r.ID.Or(strconv.Itoa(len(ids) + 1))
			if ids[id] {
				mc.c.refuseAttr(r, "id", "rule %q is there twice", id)
			}
			ids[id] = true
			s.rules[at].number = len(s.target.entities)
			s.target.entities = append(s.target.entities, id)
		}
		s.rules[at].skip = len(s.rules)
	}
}

// shares are the probabilities that a score distribution gives the classes.
func (mc *modelCompiler) shares(t *target, doc []*document.ScoreDistribution) []float64 {
	if len(doc) == 0 {
		return nil
	}
	p, sum := make([]float64, len(t.classes)), 0.0
	for _, d := range doc {
		if d.Probability.Set != doc[0].Probability.Set || !d.Probability.Set && !d.RecordCount.Set {
			mc.c.refuse(d, "either all or none give a probability, and those without a recordCount")
		}
		x := mc.math.round(d.Probability.Or(d.RecordCount.V))
		if x < 0 {
			mc.c.refuse(d, "a share is less than 0")
		}
		p[mc.c.class(t, d.Value, d)] = x
		sum = mc.math.add(sum, x)
	}
	if sum == 0 {
		return nil
	}
	for i := range p {
		p[i] = mc.math.div(p[i], sum)
	}
	return p
}

// asksConfidence says whether anybody may ask for the confidence of a class
// that is not the predicted one.
func (s *scope) asksConfidence() bool {
	for ; s != nil; s = s.parent {
		if s.base.Output == nil {
			continue
		}
		for _, f := range s.base.Output.Fields {
			if f.Feature == "confidence" && f.Value.Set {
				return true
			}
		}
	}
	return false
}
