package document

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/xmlread"
)

// Options is what a decoder gets to know.
type Options struct {
	Limits xmlread.Limits
	// Models makes the struct for each model element that is supported.
	Models map[string]func() Model
	// Cancelled is asked now and then; an error ends decoding.
	Cancelled func() error
}

// Decode reads a document. Errors are [*model.LoadError] values that name the
// line and the element, or the error of src or of Options.Cancelled.
func Decode(src io.Reader, o Options) (*PMML, error) {
	d := &decoder{
		r: xmlread.New(src, o.Limits), cancelled: o.Cancelled,
		plans: map[reflect.Type]*typePlan{}, strings: map[string]string{},
		groups: groups(o.Models),
	}
	doc := &PMML{}
	err := d.contained(doc)
	if err == nil {
		err = doc.upgrade()
	}
	if err != nil {
		var bad *xmlread.Error
		if errors.As(err, &bad) {
			err = &model.LoadError{Where: fmt.Sprintf("line %d", bad.Line), Reason: bad.Reason}
		}
		return nil, err
	}
	return doc, nil
}

// contained decodes and turns a panic, which is a mistake of ours, into an
// error that names the element under way.
func (d *decoder) contained(doc *PMML) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &model.LoadError{Where: d.at.Where(), Reason: fmt.Sprintf("internal error, please report: %v", r)}
		}
	}()
	return d.document(doc)
}

type decoder struct {
	r         *xmlread.Reader
	cancelled func() error
	plans     map[reflect.Type]*typePlan
	groups    map[reflect.Type]map[string]reflect.Type
	strings   map[string]string
	prefix    string // of the PMML namespace
	count     int
	at        Pos // the element under way
}

// elementDecoder is implemented by elements with content that tags cannot
// describe. The start tag has been read; decodeElement reads to the end tag.
type elementDecoder interface {
	decodeElement(d *decoder, pos Pos) error
}

// implier is implemented by elements that can do without something that is
// required, because of something else that they have: markup of older versions.
type implier interface{ implies(name string) bool }

// finisher is implemented by elements that check or convert themselves.
type finisher interface{ finish() error }

func (d *decoder) document(doc *PMML) error {
	for {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmlread.EOF:
			return nil
		case kind != xmlread.Start:
			continue
		}
		prefix, name := d.r.Name()
		if string(name) != "PMML" {
			return d.errorf("this is <%s>, not a PMML document", name)
		}
		d.prefix = string(prefix)
		if err := d.namespace(doc); err != nil {
			return err
		}
		if err := d.element(reflect.ValueOf(doc).Elem(), "PMML"); err != nil {
			return err
		}
	}
}

// namespace checks the root's namespace: that of any version of PMML, or none.
// Where there is one it tells the version of the markup.
func (d *decoder) namespace(doc *PMML) error {
	for _, a := range d.r.Attrs() {
		mine := string(a.Prefix) == "xmlns" && string(a.Name) == d.prefix ||
			d.prefix == "" && len(a.Prefix) == 0 && string(a.Name) == "xmlns"
		if !mine {
			continue
		}
		uri := string(a.Value)
		if uri == "" {
			continue
		}
		_, path, _ := strings.Cut(uri, "://") // some write https
		version, ok := strings.CutPrefix(path, "www.dmg.org/PMML-")
		if !ok {
			return d.errorf("namespace %q is not that of PMML 3.0 to 4.4", uri)
		}
		doc.Markup = strings.ReplaceAll(version, "_", ".")
	}
	return nil
}

// errorf returns a load error at the current token.
func (d *decoder) errorf(format string, args ...any) error {
	return &model.LoadError{Where: fmt.Sprintf("line %d", d.r.Line()), Reason: fmt.Sprintf(format, args...)}
}

func refuse(where, format string, args ...any) error {
	return &model.LoadError{Where: where, Reason: fmt.Sprintf(format, args...)}
}

// element decodes the element whose start tag was just read into a struct.
func (d *decoder) element(v reflect.Value, name string) error {
	if d.count++; d.count%1024 == 0 && d.cancelled != nil {
		if err := d.cancelled(); err != nil {
			return err
		}
	}
	plan := d.plan(v.Type())
	pos := Pos{Element: d.intern([]byte(name)), Line: d.r.Line()}
	d.at = pos
	if plan.pos != nil {
		v.FieldByIndex(plan.pos).Set(reflect.ValueOf(pos))
	}
	seen, err := d.attributes(v, plan, pos)
	if err != nil {
		return err
	}
	if plan.custom {
		if err := v.Addr().Interface().(elementDecoder).decodeElement(d, pos); err != nil {
			return err
		}
	} else if err := d.content(v, plan, pos, &seen); err != nil {
		return err
	}
	for _, f := range plan.required {
		if slices.Contains(seen, f) {
			continue
		}
		if k, ok := v.Addr().Interface().(implier); !ok || !k.implies(f.name) {
			return missing(pos, f.name)
		}
	}
	if f, ok := v.Addr().Interface().(finisher); ok {
		return f.finish()
	}
	return nil
}

func missing(pos Pos, name string) error {
	switch {
	case name == "*":
		return refuse(pos.Where(), "an element is missing inside")
	case isElement(name):
		return refuse(pos.Where(), "<%s> is missing inside", name)
	}
	return refuse(pos.At(name), "the attribute is missing")
}

func (d *decoder) attributes(v reflect.Value, plan *typePlan, pos Pos) (seen []*fieldPlan, err error) {
	for _, f := range plan.defaults {
		if err := d.setAttr(v.FieldByIndex(f.index), []byte(f.def)); err != nil {
			return nil, err
		}
	}
	for _, a := range d.r.Attrs() {
		if len(a.Prefix) > 0 {
			switch string(a.Prefix) {
			case "xmlns", "xsi", "xml":
				continue
			}
			return nil, refuse(pos.At(string(a.Prefix)+":"+string(a.Name)), "attributes of other namespaces are not known")
		}
		f := plan.attrs[string(a.Name)]
		switch {
		case f == nil && (string(a.Name) == "xmlns" || isVendors(string(a.Name))):
			continue
		case f == nil:
			return nil, refuse(pos.At(string(a.Name)), "the attribute is not supported")
		case f.skip:
			continue
		case f.enum != nil && !slices.Contains(f.enum, string(a.Value)):
			return nil, refuse(pos.At(string(a.Name)), "value %q is not supported; one of %s is",
				short(string(a.Value)), strings.Join(f.enum, ", "))
		}
		if err := d.setAttr(v.FieldByIndex(f.index), a.Value); err != nil {
			return nil, refuse(pos.At(string(a.Name)), "%s", err)
		}
		if f.required {
			seen = append(seen, f)
		}
	}
	return seen, nil
}

// isVendors says that an attribute is a vendor's extension (DMG 4.4, General
// Structure: extension mechanism) and does not change what is computed: all
// begin with "x-", and those that do matter are fields of the structs, or are
// refused where they are not.
func isVendors(name string) bool {
	if !strings.HasPrefix(name, "x-") && !strings.HasPrefix(name, "X-") {
		return false
	}
	switch name {
	case "x-mathContext", "x-missingPredictionTreatment", "x-missingThreshold", "x-wordRE", "x-invalidValueReplacement", "x-reportField", "x-leakage":
		return false
	}
	return true
}

// isVendorsElement is isVendors for elements.
func isVendorsElement(name string) bool {
	if name == "X-Error" {
		return false
	}
	return name == "Extension" || strings.HasPrefix(name, "X-") || strings.HasPrefix(name, "x-")
}

func (d *decoder) setAttr(v reflect.Value, text []byte) error {
	if a, ok := v.Addr().Interface().(attrDecoder); ok {
		return a.decodeAttr(d, text)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(d.intern(text))
	case reflect.Float64:
		x, err := ParseFloat(string(text))
		v.SetFloat(x)
		return err
	case reflect.Int:
		x, err := parseInt(string(text))
		v.SetInt(int64(x))
		return err
	case reflect.Bool:
		x, err := parseBool(string(text))
		v.SetBool(x)
		return err
	default:
		panic(fmt.Sprintf("document: an attribute of type %s", v.Type()))
	}
	return nil
}

// intern returns the text as a string; short ones that come again share memory.
func (d *decoder) intern(text []byte) string {
	if len(text) > 32 {
		return string(text)
	}
	if s, ok := d.strings[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(d.strings) < 1<<16 {
		d.strings[s] = s
	}
	return s
}

// content decodes children and text up to the element's end tag.
func (d *decoder) content(v reflect.Value, plan *typePlan, pos Pos, seen *[]*fieldPlan) error {
	var text []byte
	for {
		kind, err := d.r.Next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlread.End:
			if plan.content != nil {
				return d.setAttr(v.FieldByIndex(plan.content.index), text)
			}
			return nil
		case xmlread.Text:
			if plan.content != nil {
				text = append(text, d.r.Text()...)
			} else if len(strings.TrimSpace(string(d.r.Text()))) > 0 {
				return refuse(pos.Where(), "text %q is not known inside", short(strings.TrimSpace(string(d.r.Text()))))
			}
		case xmlread.Start:
			f, err := d.child(v, plan, pos)
			if err != nil {
				return err
			}
			if f != nil && f.required {
				*seen = append(*seen, f)
			}
		}
	}
}

// child decodes one child element into the field that takes it.
func (d *decoder) child(v reflect.Value, plan *typePlan, pos Pos) (*fieldPlan, error) {
	prefix, local := d.r.Name()
	if isVendorsElement(string(local)) {
		return nil, d.skip()
	}
	at := Pos{Element: d.intern(local), Line: d.r.Line()}
	if string(prefix) != d.prefix {
		return nil, refuse(at.Where(), "elements of other namespaces are not known inside of <%s>", pos.Element)
	}
	if f := plan.children[string(local)]; f != nil {
		if f.skip {
			return f, d.skip()
		}
		if f.because != "" {
			return nil, refuse(at.Where(), "%s", f.because)
		}
		return f, d.into(v.FieldByIndex(f.index), at, nil)
	}
	for _, f := range plan.groups {
		field := v.FieldByIndex(f.index)
		t := field.Type()
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if make := d.groups[t][string(local)]; make != nil {
			return f, d.into(field, at, make)
		}
	}
	return nil, refuse(at.Where(), "the element is not supported inside of <%s>", pos.Element)
}

// into decodes an element into a pointer, struct, interface or a slice of them.
// concrete is the struct type of a group's element.
func (d *decoder) into(field reflect.Value, at Pos, concrete reflect.Type) error {
	t := field.Type()
	slice := t.Kind() == reflect.Slice
	if slice {
		t = t.Elem()
	} else if !field.IsZero() {
		return refuse(at.Where(), "the element may stand only once here")
	}
	structType := t
	switch {
	case concrete != nil:
		structType = concrete
	case t.Kind() == reflect.Pointer:
		structType = t.Elem()
	}
	ptr := reflect.New(structType)
	if err := d.element(ptr.Elem(), at.Element); err != nil {
		return err
	}
	value := ptr
	if t.Kind() == reflect.Struct {
		value = ptr.Elem()
	}
	if slice {
		field.Set(reflect.Append(field, value))
	} else {
		field.Set(value)
	}
	return nil
}

// skip reads to the end of the element whose start tag was just read.
func (d *decoder) skip() error {
	for depth := 1; depth > 0; {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmlread.Start:
			depth++
		case kind == xmlread.End:
			depth--
		}
	}
	return nil
}
