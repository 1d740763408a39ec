package pmml

import (
	"math"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// eval finds the itemsets that each row contains.
func (a *associationModel) eval(f *frame, rows []int32) {
	r := &f.results[a.target.id]
	for _, row := range rows {
		r.state[row], r.hasP[row], r.text[row] = absent, false, ""
		if !a.find(f, row, f.scratch[a.present]) {
			continue
		}
		a.pack(f.scratch[a.present], a.bits(f, row))
		r.state[row] = valid
		if !a.predicts {
			continue
		}
		if k := a.first(f, row, a.orders["confidencedescending"], "exclusiveRecommendation"); k != nil {
			r.text[row] = a.itemsets[k.consequent].shown
		}
	}
}

// find sets which items a row has; false when it cannot be told.
func (a *associationModel) find(f *frame, row int32, present []float64) bool {
	clear(present)
	if a.basket >= 0 {
		v := f.need(a.basket, row)
		if v.isMissing() {
			if f.errs[row] == nil {
				f.fail(row, model.MissingInput, f.plan.slots[a.basket].name, "", "the model cannot do without the items")
			}
			return false
		}
		for _, s := range elements(v.s) {
			for _, i := range a.byValue[s] {
				present[i] = 1
			}
		}
		return true
	}
	for i := range a.items {
		it := &a.items[i]
		if !f.usable(it.slot, row) {
			if f.errs[row] != nil {
				return false
			}
			continue
		}
		x := f.cols[it.slot].num[row]
		switch {
		case slices.Contains(it.yes, x):
			present[i] = 1
		case it.no != nil && !slices.Contains(it.no, x):
			f.fail(row, model.InvalidInput, f.plan.slots[it.slot].name, f.get(it.slot, row).format(), "must be true or false, which says whether the item is there")
			return false
		}
	}
	return true
}

// bits returns a row's bit set of itemsets: 64 of them in each number.
func (a *associationModel) bits(f *frame, row int32) []float64 {
	return f.scratch[a.contains][int(row)*a.words : (int(row)+1)*a.words]
}

func (a *associationModel) pack(present, bits []float64) {
	for w := range bits {
		word := uint64(0)
		for i := range a.itemsets[w*64 : min((w+1)*64, len(a.itemsets))] {
			if a.itemsets[w*64+i].inside(present) {
				word |= 1 << i
			}
		}
		bits[w] = math.Float64frombits(word)
	}
}

func (s *itemset) inside(present []float64) bool {
	for _, i := range s.items {
		if present[i] == 0 {
			return false
		}
	}
	return true
}

func has(bits []float64, itemset int) bool {
	return math.Float64bits(bits[itemset>>6])&(1<<(itemset&63)) != 0
}

// applies says whether a rule is selected (DMG 4.4, Output: algorithm).
func (r *associationRule) applies(bits []float64, algorithm string) bool {
	if !has(bits, r.antecedent) {
		return false
	}
	switch algorithm {
	case "recommendation":
		return true
	case "ruleAssociation":
		return has(bits, r.consequent)
	}
	return !has(bits, r.consequent)
}

// first is the first rule of an order that is selected, or nil.
func (a *associationModel) first(f *frame, row int32, order []int32, algorithm string) *associationRule {
	bits := a.bits(f, row)
	for _, i := range order {
		if a.rules[i].applies(bits, algorithm) {
			return &a.rules[i]
		}
	}
	return nil
}

// feature gives what an output asks about the selected rules: about the one
// of a rank, or about several.
func (a *associationModel) feature(f *frame, row int32, o *output) (value, bool) {
	feature := o.doc.Feature
	switch feature {
	case "ruleValue":
		feature = o.doc.RuleFeature
	case "entityId":
		feature = "ruleId"
	case "antecedent", "consequent", "rule", "ruleId", "confidence", "support", "lift", "leverage", "affinity":
	default:
		return missing, false
	}
	order, ok := a.orders[o.doc.RankBasis+o.doc.RankOrder]
	if !ok {
		return failure("not every rule has a " + o.doc.RankBasis), true
	}
	if o.doc.IsMultiValued == "1" {
		return a.all(f, row, o, order, feature), true
	}
	bits, rank := a.bits(f, row), o.doc.Rank
	for _, i := range order {
		if !a.rules[i].applies(bits, o.doc.Algorithm) {
			continue
		}
		if rank--; rank == 0 {
			return a.show(&a.rules[i], feature), true
		}
	}
	return missing, true
}

// all gives the first rules as a collection, or with rank 0 all of them.
func (a *associationModel) all(f *frame, row int32, o *output, order []int32, feature string) value {
	bits := a.bits(f, row)
	var b strings.Builder
	b.WriteByte('[')
	n := 0
	for _, i := range order {
		if !a.rules[i].applies(bits, o.doc.Algorithm) {
			continue
		}
		if n++; o.doc.Rank > 0 && n > o.doc.Rank {
			break
		}
		if n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(a.show(&a.rules[i], feature).format())
	}
	b.WriteByte(']')
	return value{t: tList, s: b.String()}
}

func (a *associationModel) show(r *associationRule, feature string) value {
	switch feature {
	case "antecedent":
		return value{t: tList, s: a.itemsets[r.antecedent].shown}
	case "consequent":
		return value{t: tList, s: a.itemsets[r.consequent].shown}
	case "rule":
		return text("{" + a.itemsets[r.antecedent].plain + "}->{" + a.itemsets[r.consequent].plain + "}")
	case "ruleId":
		return text(r.id)
	case "confidence":
		return number(r.Confidence)
	case "support":
		return number(r.Support)
	}
	x := r.Lift
	switch feature {
	case "leverage":
		x = r.Leverage
	case "affinity":
		x = r.Affinity
	}
	if !x.Set {
		return missing
	}
	return number(x.V)
}
