package goscore

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// Limits of a document. The engine keeps the text of every node and of all that
// is in it, so that its memory is the product of size and depth.
const (
	maxBytes    = 4 << 20
	maxDepth    = 64
	maxElements = 200_000
)

// The parts of a document that are checked. Everything that is not named here
// ends up in an Other field and is refused.
type (
	xmlDocument struct {
		XMLName    xml.Name    `xml:"PMML"`
		Header     *ignored    `xml:"Header"`
		Extensions []ignored   `xml:"Extension"`
		Fields     []xmlField  `xml:"DataDictionary>DataField"`
		Mining     []xmlMining `xml:"MiningModel"`
		Other      []ignored   `xml:",any"`
	}
	xmlField struct {
		Name     string     `xml:"name,attr"`
		OpType   string     `xml:"optype,attr"`
		DataType string     `xml:"dataType,attr"`
		Cyclic   string     `xml:"isCyclic,attr"`
		Values   []xmlValue `xml:"Value"`
		Other    []ignored  `xml:",any"`
	}
	xmlValue struct {
		Value    string `xml:"value,attr"`
		Property string `xml:"property,attr"`
	}
	xmlMining struct {
		Function     string            `xml:"functionName,attr"`
		Schema       []xmlMiningField  `xml:"MiningSchema>MiningField"`
		Output       *ignored          `xml:"Output"`
		Extensions   []ignored         `xml:"Extension"`
		Segmentation []xmlSegmentation `xml:"Segmentation"`
		Other        []ignored         `xml:",any"`
	}
	xmlMiningField struct {
		Name  string     `xml:"name,attr"`
		Usage string     `xml:"usageType,attr"`
		Attrs []xml.Attr `xml:",any,attr"`
	}
	xmlSegmentation struct {
		Method   string       `xml:"multipleModelMethod,attr"`
		Segments []xmlSegment `xml:"Segment"`
		Other    []ignored    `xml:",any"`
	}
	xmlSegment struct {
		True  *ignored  `xml:"True"`
		Trees []xmlTree `xml:"TreeModel"`
		Other []ignored `xml:",any"`
	}
	xmlTree struct {
		Function string           `xml:"functionName,attr"`
		Attrs    []xml.Attr       `xml:",any,attr"`
		Schema   []xmlMiningField `xml:"MiningSchema>MiningField"`
		Nodes    []xmlNode        `xml:"Node"`
		Other    []ignored        `xml:",any"`
	}
	xmlNode struct {
		Attrs  []xml.Attr  `xml:",any,attr"`
		True   *ignored    `xml:"True"`
		Simple []xmlSimple `xml:"SimplePredicate"`
		Set    []xmlSet    `xml:"SimpleSetPredicate"`
		Nodes  []xmlNode   `xml:"Node"`
		Other  []ignored   `xml:",any"`
	}
	xmlSimple struct {
		Field    string `xml:"field,attr"`
		Operator string `xml:"operator,attr"`
		Value    string `xml:"value,attr"`
	}
	xmlSet struct {
		Field    string `xml:"field,attr"`
		Operator string `xml:"booleanOperator,attr"`
		Array    string `xml:"Array"`
	}
	ignored struct{ XMLName xml.Name }
)

// document is what the evaluator needs to know of a checked document.
type document struct {
	target string
	labels []string
	inputs []model.Field
	// categories has the allowed values of each input of strings.
	categories map[string]map[string]bool
}

func refuse(where, format string, args ...any) error {
	return &model.LoadError{Where: where, Reason: fmt.Sprintf(format, args...) +
		"; goscore would score this wrongly: send it as model type pmml"}
}

// check reads a document and refuses it unless the engine scores it rightly.
func check(b []byte) (*document, error) {
	if err := measure(b); err != nil {
		return nil, err
	}
	var x xmlDocument
	if err := xml.Unmarshal(b, &x); err != nil {
		return nil, &model.LoadError{Reason: "the artifact is not a PMML document", Err: err}
	}
	if len(x.Other) > 0 {
		return nil, refuse(x.Other[0].XMLName.Local, "it is not a random forest")
	}
	if len(x.Mining) != 1 {
		return nil, refuse("PMML", "it has %d mining models, not one", len(x.Mining))
	}
	c := &checker{fields: make(map[string]*xmlField), doc: &document{categories: make(map[string]map[string]bool)}}
	for i := range x.Fields {
		if err := c.field(&x.Fields[i]); err != nil {
			return nil, err
		}
	}
	if err := c.mining(&x.Mining[0]); err != nil {
		return nil, err
	}
	return c.finish()
}

// measure counts before anything is built.
func measure(b []byte) error {
	if len(b) > maxBytes {
		return &model.LoadError{Reason: fmt.Sprintf("the document has %d bytes; the limit is %d", len(b), maxBytes)}
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, elements := 0, 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &model.LoadError{Reason: "the artifact is not a PMML document", Err: err}
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
			elements++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth || elements > maxElements {
			return &model.LoadError{Reason: fmt.Sprintf("the document has more than %d elements or is nested more than %d deep", maxElements, maxDepth)}
		}
	}
}

type checker struct {
	doc    *document
	fields map[string]*xmlField
	target string
	used   map[string]bool
	// splits are the two sets of each split by categories, to be compared with
	// all categories of the field when these are known.
	splits []categorySplit
}

type categorySplit struct {
	where, field string
	sets         [2][]string
}

func (c *checker) field(f *xmlField) error {
	where := fmt.Sprintf("DataField %q", f.Name)
	if c.fields[f.Name] != nil {
		return refuse(where, "it is defined twice")
	}
	if len(f.Other) > 0 || f.Cyclic == "1" {
		return refuse(where, "it has intervals or is cyclic")
	}
	for _, v := range f.Values {
		if v.Property != "" && v.Property != "valid" {
			return refuse(where, "the value %q is %s", v.Value, v.Property)
		}
	}
	c.fields[f.Name] = f
	return nil
}

func (c *checker) mining(m *xmlMining) error {
	if len(m.Other) > 0 {
		return refuse(m.Other[0].XMLName.Local, "a forest must not have it")
	}
	if len(m.Segmentation) != 1 {
		return refuse("MiningModel", "it has %d segmentations, not one", len(m.Segmentation))
	}
	forest := &m.Segmentation[0]
	if m.Function != "classification" || forest.Method != "majorityVote" {
		return refuse("Segmentation", "its function is %q and its method %q, not classification by majorityVote", m.Function, forest.Method)
	}
	if err := c.schema(m.Schema); err != nil {
		return err
	}
	if len(forest.Other) > 0 || len(forest.Segments) == 0 {
		return refuse("Segmentation", "it has no segments, or more than segments")
	}
	c.used = make(map[string]bool)
	for i := range forest.Segments {
		s := &forest.Segments[i]
		where := fmt.Sprintf("segment %d", i+1)
		if s.True == nil || len(s.Trees) != 1 || len(s.Other) > 0 {
			return refuse(where, "it is not one TreeModel with the predicate True")
		}
		if err := c.tree(where, &s.Trees[0]); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) schema(fields []xmlMiningField) error {
	for i := range fields {
		f := &fields[i]
		where := fmt.Sprintf("MiningField %q", f.Name)
		if len(f.Attrs) > 0 {
			return refuse(where, "it has %s", f.Attrs[0].Name.Local)
		}
		if c.fields[f.Name] == nil {
			return refuse(where, "the data dictionary lacks it")
		}
		if f.Usage == "target" || f.Usage == "predicted" {
			if c.target != "" && c.target != f.Name {
				return refuse(where, "it is a second target")
			}
			c.target = f.Name
		}
	}
	return nil
}

func (c *checker) tree(where string, t *xmlTree) error {
	if len(t.Other) > 0 || len(t.Nodes) != 1 {
		return refuse(where, "the tree has more than one root node")
	}
	for _, a := range t.Attrs {
		switch a.Name.Local {
		case "modelName", "algorithmName", "splitCharacteristic":
		default:
			return refuse(where, "the tree has %s", a.Name.Local)
		}
	}
	if t.Function != "classification" {
		return refuse(where, "the tree's function is %q", t.Function)
	}
	if err := c.schema(t.Schema); err != nil {
		return err
	}
	root := &t.Nodes[0]
	if root.True == nil || len(root.Simple)+len(root.Set) > 0 {
		return refuse(where, "the root has another predicate than True")
	}
	return c.node(where, root, make(map[string]bool))
}

func (c *checker) node(where string, n *xmlNode, ids map[string]bool) error {
	if len(n.Attrs) == 0 || n.Attrs[0].Name.Local != "id" {
		return refuse(where, "a node's first attribute is not its id")
	}
	id := n.Attrs[0].Value
	where = fmt.Sprintf("%s, node %q", strings.SplitN(where, ",", 2)[0], id)
	if ids[id] {
		return refuse(where, "another node of the tree has this id")
	}
	ids[id] = true
	for _, o := range n.Other {
		if o.XMLName.Local != "ScoreDistribution" {
			return refuse(where, "it has %s", o.XMLName.Local)
		}
	}
	for _, a := range n.Attrs[1:] {
		if a.Name.Local != "score" && a.Name.Local != "recordCount" {
			return refuse(where, "it has %s", a.Name.Local)
		}
	}
	switch len(n.Nodes) {
	case 0:
		if len(n.Attrs) < 2 || n.Attrs[1].Name.Local != "score" {
			return refuse(where, "a leaf's second attribute is not its score")
		}
		return c.label(where, n.Attrs[1].Value)
	case 2:
		if err := c.split(where, &n.Nodes[0], &n.Nodes[1]); err != nil {
			return err
		}
	default:
		return refuse(where, "it has %d children, not two", len(n.Nodes))
	}
	return errors.Join(c.node(where, &n.Nodes[0], ids), c.node(where, &n.Nodes[1], ids))
}

// label collects a class; the engine reads it as a number and prints it again.
func (c *checker) label(where, label string) error {
	number, err := strconv.ParseFloat(label, 64)
	if err != nil || strconv.FormatFloat(number, 'f', -1, 64) != label {
		return refuse(where, "the score %q is not a number in its shortest form", label)
	}
	if !slices.Contains(c.doc.labels, label) {
		c.doc.labels = append(c.doc.labels, label)
	}
	return nil
}

// complement has the operator that is true where another one is false.
var complement = map[string]string{
	"lessOrEqual": "greaterThan", "greaterThan": "lessOrEqual", "lessThan": "greaterOrEqual", "greaterOrEqual": "lessThan",
}

func (c *checker) split(where string, a, b *xmlNode) error {
	switch {
	case a.True != nil || b.True != nil || len(a.Simple) != len(b.Simple) || len(a.Set) != len(b.Set) || len(a.Simple)+len(a.Set) != 1:
		return refuse(where, "its children have no predicates of one kind each")
	case len(a.Set) == 1:
		return c.categories(where, &a.Set[0], &b.Set[0])
	}
	p, q := &a.Simple[0], &b.Simple[0]
	f := c.fields[p.Field]
	if f == nil || f.OpType != "continuous" || (f.DataType != "double" && f.DataType != "integer") {
		return refuse(where, "the field %q is not a continuous one of type double or integer", p.Field)
	}
	if q.Field != p.Field || q.Value != p.Value || complement[p.Operator] != q.Operator {
		return refuse(where, "its children are not the two sides of one comparison")
	}
	if _, err := strconv.ParseFloat(p.Value, 64); err != nil {
		return refuse(where, "the value %q is not a number", p.Value)
	}
	c.used[p.Field] = true
	return nil
}
