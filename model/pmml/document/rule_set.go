package document

// RuleSetModel is a set of rules (DMG 4.4, Ruleset).
type RuleSetModel struct {
	ModelBase
	RuleSet *RuleSet `pmml:"RuleSet,required"`
}

// RuleSet is the rules and how one of those that fire is selected.
type RuleSet struct {
	Pos
	_                 Skip                  `pmml:"recordCount"`
	_                 Skip                  `pmml:"nbCorrect"`
	DefaultScore      Opt[string]           `pmml:"defaultScore"`
	DefaultConfidence Opt[float64]          `pmml:"defaultConfidence"`
	Methods           []RuleSelectionMethod `pmml:"RuleSelectionMethod,required"`
	Distributions     []*ScoreDistribution  `pmml:"ScoreDistribution"`
	Rules             []Rule                `pmml:"*"`
}

// RuleSelectionMethod is a way to select a rule; the first is the default.
type RuleSelectionMethod struct {
	Pos
	Criterion string `pmml:"criterion,required,enum=weightedSum|weightedMax|firstHit"`
}

// Rule is a [SimpleRule] or a [CompoundRule].
type Rule interface{ Located }

func rules() map[string]Rule {
	return map[string]Rule{"SimpleRule": &SimpleRule{}, "CompoundRule": &CompoundRule{}}
}

// SimpleRule predicts a score where its predicate is true.
type SimpleRule struct {
	Pos
	ID            Opt[string]          `pmml:"id"`
	Score         string               `pmml:"score,required"`
	_             Skip                 `pmml:"recordCount"`
	_             Skip                 `pmml:"nbCorrect"`
	Confidence    float64              `pmml:"confidence,default=1"`
	Weight        float64              `pmml:"weight,default=1"`
	Predicate     Predicate            `pmml:"*,required"`
	Distributions []*ScoreDistribution `pmml:"ScoreDistribution"`
}

// CompoundRule is rules that need a predicate to be true, too.
type CompoundRule struct {
	Pos
	Predicate Predicate `pmml:"*,required"`
	Rules     []Rule    `pmml:"*,required"`
}
