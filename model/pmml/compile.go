package pmml

import (
	"fmt"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// slot is the number of a field in a plan.
type slot int32

// slotInfo is what is known about a slot at compile time.
type slotInfo struct {
	name  string
	typ   dataType
	op    string              // the optype, or ""
	data  *document.DataField // where the field is one of the data, or nil
	words *dictionary         // of a string field
	ranks map[string]int      // of an ordinal field: the order of its values
	late  *scope              // the scope whose segments fill the slot, or nil
	again bool                // filled for some rows only: undefined until then
}

// hasText says whether the values of the slot are text.
func (i *slotInfo) hasText() bool { return i.typ == tString || i.typ == tList }

// plan is a compiled document. It never changes.
type plan struct {
	slots   []slotInfo
	resets  []slot // those with again set
	rows    int    // of a block
	root    *modelPlan
	targets []*target
	inputs  []input
	bound   []boundInput
	lags    []lagInput
	lagAt   document.Pos // of the first
	series  int          // models that add up the events of a batch
	group   string       // the field that tells which records are one transaction, or ""
	regs    int          // parameters of functions
	texts   int          // TextIndex expressions
	scratch []int        // sizes of what evaluators need while they work

	keys        int  // columns of the forest that has most of them
	lentClasses int  // the most that a target with lent results has
	general     bool // set by tests: all is done row by row, as the standard tells it
}

// looksBack says whether the rows before matter.
func (p *plan) looksBack() bool { return len(p.lags) > 0 || p.series > 0 }

// compiler turns a document into a plan. It reports what it cannot compile by
// a panic with a *model.LoadError, which compileDocument catches: so compiling
// code reads like the standard and not like error handling.
type compiler struct {
	doc       *document.PMML
	plan      *plan
	data      map[string]*document.DataField
	global    map[string]*document.DerivedField
	functions map[string]*document.DefineFunction
	builtins  map[string]builtin
	bodies    map[*document.DefineFunction]*functionBody
	at        document.Pos // the element under way
	models    int          // how deep models are nested at the moment
	calls     int          // how deep DefineFunctions are
	depth     int          // how deep expressions are, through fields and functions
	work      int          // expressions to evaluate for a record, see spend
	numbers   int          // numbers that plans keep, see room

	instructions int // of all regular expressions
}

// Limits on what a small document can make the compiler and a record do.
const (
	maxModels = 100
	maxCalls  = 64
	maxDepth  = 20_000
	maxWork   = 20_000_000
	maxRoom   = 100_000_000
)

// room counts the numbers that a plan keeps where they are more than the
// document has: dense matrices of sparse ones, a probability for every class in
// every node.
func (c *compiler) room(at document.Located, n int) {
	if c.numbers += n; n < 0 || c.numbers > maxRoom {
		c.refuse(at, "the model needs a table of more than %d numbers", maxRoom)
	}
}

// spend counts expressions as often as a record may have to evaluate them:
// functions that call functions twice each grow without end.
func (c *compiler) spend(at document.Located, n int) {
	c.at = at.Position()
	if c.work += n; c.work > maxWork {
		c.refuse(at, "expressions expand to more than %d", maxWork)
	}
}

// refuse ends compilation: the element is wrong or not supported.
func (c *compiler) refuse(at document.Located, format string, args ...any) {
	panic(&model.LoadError{Where: at.Position().Where(), Reason: fmt.Sprintf(format, args...)})
}

// refuseAttr is refuse for an attribute.
func (c *compiler) refuseAttr(at document.Located, attribute, format string, args ...any) {
	panic(&model.LoadError{Where: at.Position().At(attribute), Reason: fmt.Sprintf(format, args...)})
}

func compileDocument(doc *document.PMML) (p *plan, err error) {
	c := &compiler{doc: doc, plan: &plan{}, builtins: makeBuiltins(), bodies: map[*document.DefineFunction]*functionBody{}}
	defer containLoad(func() document.Pos { return c.at }, &err)
	if len(doc.Models) == 0 {
		c.refuse(doc, "there is no model inside")
	}
	c.index()
	c.plan.root = c.model(doc.Models[0], nil)
	c.plant(c.plan.root)
	for i := range c.plan.bound {
		b := &c.plan.bound[i]
		b.learn(c.info(b.to).words)
	}
	for i := range c.plan.slots {
		if c.plan.slots[i].again {
			c.plan.resets = append(c.plan.resets, slot(i))
		}
	}
	if bytes := c.plan.fit(); bytes > maxFrame {
		c.refuse(doc, "scoring one row needs %.0f MB of memory; the limit is %d MB", bytes/(1<<20), maxFrame>>20)
	}
	c.doc = nil // expressions hold on to the compiler, which must not hold on to the document
	return c.plan, nil
}

// index makes the document's fields and functions available by name.
func (c *compiler) index() {
	c.data = make(map[string]*document.DataField, len(c.doc.DataDictionary.Fields))
	for _, f := range c.doc.DataDictionary.Fields {
		if c.data[f.Name] != nil {
			c.refuseAttr(f, "name", "field %q is there twice", f.Name)
		}
		c.data[f.Name] = f
	}
	c.functions = map[string]*document.DefineFunction{}
	c.global = c.transformations(c.doc.TransformationDictionary)
}

// transformations indexes the fields and functions of a dictionary. Functions
// of LocalTransformations are known everywhere from then on.
func (c *compiler) transformations(t *document.TransformationDictionary) map[string]*document.DerivedField {
	if t == nil {
		return nil
	}
	for _, f := range t.Functions {
		if c.functions[f.Name] == nil {
			c.functions[f.Name] = f
		}
	}
	m := make(map[string]*document.DerivedField, len(t.Fields))
	for _, f := range t.Fields {
		if m[f.Name] != nil {
			c.refuseAttr(f, "name", "derived field %q is there twice", f.Name)
		}
		m[f.Name] = f
	}
	return m
}

// slot adds a slot to the plan.
func (c *compiler) slot(info slotInfo) slot {
	if info.typ == tString {
		info.words = &dictionary{codes: map[string]int32{}}
	}
	c.plan.slots = append(c.plan.slots, info)
	return slot(len(c.plan.slots) - 1)
}

func (c *compiler) info(s slot) *slotInfo { return &c.plan.slots[s] }

// constant is text as a value of a field; ok is false when the field can never
// have it. Strings get a code in the field's dictionary.
func (c *compiler) constant(s slot, text string) (v value, ok bool) {
	info := c.info(s)
	if info.typ == tString {
		return value{t: tString, s: text, n: float64(info.words.add(text))}, true
	}
	v = parse(text, info.typ)
	if v.isFailed() && (info.typ.integerLike() || info.typ == tBoolean) {
		v = parse(text, tDouble) // "Age > 38.5" on an integer field, "> 0.5" on a boolean one
	}
	return v, !v.none()
}

// dictionary numbers the strings that a plan compares a field with, so that
// rows are looked up once and compared as numbers afterwards.
type dictionary struct{ codes map[string]int32 }

func (d *dictionary) add(s string) int32 {
	code, ok := d.codes[s]
	if !ok {
		code = int32(len(d.codes))
		d.codes[s] = code
	}
	return code
}

// code returns a string's number, or −1 if the plan never asks for it.
func (d *dictionary) code(s string) float64 {
	if code, ok := d.codes[s]; ok {
		return float64(code)
	}
	return -1
}
