package record

import (
	"fmt"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// Decoder fills the columns of one signature's inputs from the payloads of one
// format. It never changes and is safe for concurrent use.
type Decoder struct {
	inputs []model.Field
	limits Limits
	proto  *protoPlan // or nil
	json   *jsonPlan  // or nil
}

// Bind matches the inputs of a signature to the fields of the format: first by
// mapping (input name → field name, or the dotted path of a field of a nested
// message), then by equal names, then by names that differ only in case, spaces,
// underscores, dashes and dots. Entries of mapping for other inputs are not
// used.
//
// The error is a [*model.LoadError] that names every input that has no field,
// the closest fields that there are, and both sides of each ambiguity. An
// optional input without a field is always missing. JSON has no schema: there
// the names of each record are matched, in the same order, while decoding, and
// only the mapping can be wrong here.
func (f *Format) Bind(sig *model.Signature, mapping map[string]string) (*Decoder, error) {
	d := &Decoder{inputs: sig.Inputs, limits: f.limits}
	var err error
	if f.message != nil {
		d.proto, err = compileProto(f.message, f.limits.Depth, sig, mapping)
	} else {
		d.json, err = compileJSON(sig, mapping)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Decode resets a batch and fills a column for each input of the signature,
// with one row a record. A record that cannot be decoded gets an entry in
// into.Errors and its row means nothing. Strings in the columns may be views
// into the payloads.
func (d *Decoder) Decode(records []Raw, into *model.Batch) {
	into.Reset(d.inputs, len(records))
	if d.proto != nil {
		d.proto.decode(records, into, d.limits)
	} else {
		d.json.decode(records, into, d.limits)
	}
}

// problems collects what is wrong with a signature, to be told all at once.
type problems []string

func (p *problems) add(problem string) { *p = append(*p, problem) }

func (p problems) err(reason string) error {
	const most = 8
	if len(p) == 0 {
		return nil
	}
	list := strings.Join(p[:min(most, len(p))], "; ")
	if len(p) > most {
		list += fmt.Sprintf("; and %d more", len(p)-most)
	}
	return &model.LoadError{Reason: reason + ": " + list}
}

// claims remembers which input takes which field, so that two inputs do not take
// the same field by accident: only the configuration may say so.
type claims map[string]claim

type claim struct {
	input string
	exact bool
}

func (c claims) claim(field, input string, exact bool) error {
	if first, taken := c[field]; taken && !(exact && first.exact) {
		return fmt.Errorf("field %s could be this input or input %q: map both in the configuration", field, first.input)
	}
	c[field] = claim{input, exact}
	return nil
}
