package pmml

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// associationModel is an AssociationModel (DMG 4.4, Association Rules).
//
// Records come in one of two styles. In the categorical style a record is a
// transaction and its fields say which items it has. In the transactional
// style, with a group field in the mining schema, the items of a transaction
// are a collection in one field: see collection.
type associationModel struct {
	target   *target
	items    []item
	basket   slot             // transactional style: the collection; else −1
	byValue  map[string][]int // transactional style: the items of a value
	itemsets []itemset
	rules    []associationRule
	orders   map[string][]int32 // the rules in descending order, by rank basis
	predicts bool               // nobody asks for outputs: the prediction is the best rule's consequent
	present  int                // scratch: the items of a row
	words    int                // of a bit set of itemsets
	contains int                // scratch: row × word: the itemsets that a row contains
}

// item is when a record of the categorical style has an item.
type item struct {
	value string
	slot  slot
	yes   []float64 // the field's values that say so
	no    []float64 // and those that deny it; nil where all others do
}

type itemset struct {
	items []int
	shown string // its items as a collection
	plain string // its items between commas
}

type associationRule struct {
	*document.AssociationRule
	id                     string
	antecedent, consequent int
}

func compileAssociation(mc *modelCompiler, m *document.AssociationModel) evaluator {
	if m.FunctionName != "associationRules" {
		mc.c.refuseAttr(m, "functionName", "%q does not suit the model", m.FunctionName)
	}
	a := &associationModel{target: mc.target(), basket: -1, predicts: m.Output == nil}
	a.target.onlyTexts()
	a.target.typ = tList
	mc.associationStyle(a, m)
	ids := map[string]int{}
	for i, doc := range m.Items {
		if _, twice := ids[doc.ID]; twice {
			mc.c.refuseAttr(doc, "id", "item %q is there twice", doc.ID)
		}
		ids[doc.ID] = i
		a.items = append(a.items, mc.item(a, i, doc))
	}
	sets := map[string]int{}
	for i, doc := range m.Itemsets {
		if _, twice := sets[doc.ID]; twice {
			mc.c.refuseAttr(doc, "id", "itemset %q is there twice", doc.ID)
		}
		sets[doc.ID] = i
		a.itemsets = append(a.itemsets, mc.itemset(a, doc, ids))
	}
	for i, doc := range m.Rules {
		antecedent, ok := sets[doc.Antecedent]
		if !ok {
			mc.c.refuseAttr(doc, "antecedent", "there is no itemset %q", doc.Antecedent)
		}
		consequent, ok := sets[doc.Consequent]
		if !ok {
			mc.c.refuseAttr(doc, "consequent", "there is no itemset %q", doc.Consequent)
		}
		a.rules = append(a.rules, associationRule{doc, doc.ID.Or(strconv.Itoa(i + 1)), antecedent, consequent})
	}
	a.rank()
	a.words = (len(a.itemsets) + 63) / 64
	a.present = mc.c.scratch(len(a.items))
	a.contains = mc.c.scratch(blockRows * a.words)
	return a
}

// associationStyle finds out whether transactions are records or collections.
func (mc *modelCompiler) associationStyle(a *associationModel, m *document.AssociationModel) {
	var active, group []*document.MiningField
	for _, f := range m.MiningSchema.Fields {
		switch f.UsageType {
		case "active":
			active = append(active, f)
		case "group":
			group = append(group, f)
		}
	}
	if len(group) == 0 {
		return
	}
	if len(group) > 1 || len(active) != 1 {
		mc.c.refuse(m.MiningSchema, "transactions need one group field and one active field; %d and %d are there", len(group), len(active))
	}
	a.byValue = map[string][]int{}
	a.basket = mc.collection(active[0])
	if mc.parent == nil {
		mc.c.plan.group = group[0].Name
	}
}

func (mc *modelCompiler) item(a *associationModel, i int, doc *document.Item) item {
	it := item{value: doc.Value, slot: -1}
	if a.basket >= 0 {
		value := doc.Category.Or(doc.Value)
		a.byValue[value] = append(a.byValue[value], i)
		return it
	}
	name, category, flag := doc.Field, doc.Category, false
	if name == "" {
		// "The item values are based on field names when the field has only
		// true/false values", else on field=category.
		name = doc.Value
		if _, flag = mc.lookup(name, doc); !flag {
			field, value, _ := strings.Cut(doc.Value, "=")
			name, category = field, document.Some(value)
		}
	} else if !category.Set {
		mc.c.refuseAttr(doc, "category", "the attribute is missing")
	}
	it.slot = mc.field(name, doc)
	if flag {
		it.yes, it.no = mc.flags(it.slot, "T", "true", "1"), mc.flags(it.slot, "F", "false", "0")
		return it
	}
	v, ok := mc.c.constant(it.slot, category.V)
	if !ok {
		mc.c.refuse(doc, "%q is no value of field %q", document.Short(category.V), name)
	}
	it.yes = []float64{v.n}
	return it
}

// flags are those of some texts that a field may have as a value.
func (s *scope) flags(sl slot, texts ...string) (values []float64) {
	for _, t := range texts {
		if v, ok := s.c.constant(sl, t); ok {
			values = append(values, v.n)
		}
	}
	return values
}

func (mc *modelCompiler) itemset(a *associationModel, doc *document.Itemset, ids map[string]int) itemset {
	var s itemset
	var names []string
	for i := range doc.Items {
		k, ok := ids[doc.Items[i].Item]
		if !ok {
			mc.c.refuseAttr(&doc.Items[i], "itemRef", "there is no item %q", doc.Items[i].Item)
		}
		s.items = append(s.items, k)
		names = append(names, a.items[k].value)
	}
	s.shown, s.plain = list(names), strings.Join(names, ",")
	return s
}

// list writes a collection as the reference does.
func list(values []string) string { return "[" + strings.Join(values, ", ") + "]" }

// rank sorts the rules by each basis; a basis that some rule does not have is
// left out.
func (a *associationModel) rank() {
	bases := map[string]func(r *associationRule) document.Opt[float64]{
		"confidence": func(r *associationRule) document.Opt[float64] { return document.Some(r.Confidence) },
		"support":    func(r *associationRule) document.Opt[float64] { return document.Some(r.Support) },
		"lift":       func(r *associationRule) document.Opt[float64] { return r.Lift },
		"leverage":   func(r *associationRule) document.Opt[float64] { return r.Leverage },
		"affinity":   func(r *associationRule) document.Opt[float64] { return r.Affinity },
	}
	a.orders = map[string][]int32{}
	for basis, of := range bases {
		if slices.ContainsFunc(a.rules, func(r associationRule) bool { return !of(&r).Set }) {
			continue
		}
		for _, sign := range []float64{1, -1} {
			order := make([]int32, len(a.rules))
			for i := range order {
				order[i] = int32(i)
			}
			slices.SortStableFunc(order, func(i, j int32) int {
				return cmp.Compare(sign*of(&a.rules[i]).V, sign*of(&a.rules[j]).V)
			})
			a.orders[basis+map[float64]string{1: "ascending", -1: "descending"}[sign]] = order
		}
	}
}
