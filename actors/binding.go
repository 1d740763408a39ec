package actors

import (
	"errors"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// Binding is what ties a generation to the records that it scores: which record
// formats there are, which of their fields feed the model, how results look.
type Binding struct {
	DataType   string
	Generation *messages.Generation // what results say of their origin
	Place      record.Place
	Formats    []*record.Format
	Fields     map[string]string
	Results    record.ResultFormat
}

// bound is a binding that met a signature: decoders and result encoders. It
// belongs to one host.
type bound struct {
	Binding
	signature *model.Signature
	decoders  map[*record.Format]*record.Decoder
	encoders  map[*record.Source]*record.ResultEncoder
	last      *record.Source // of the last batch, with its encoder and decoder
	decoder   *record.Decoder
	encoder   *record.ResultEncoder
}

// bind builds a decoder for each format that has all the model's inputs. It is
// an error when there is none: no record could ever be scored.
func bind(b Binding, signature *model.Signature) (*bound, error) {
	r := &bound{
		Binding: b, signature: signature,
		decoders: make(map[*record.Format]*record.Decoder, len(b.Formats)),
		encoders: make(map[*record.Source]*record.ResultEncoder),
	}
	var errs []error
	for _, f := range b.Formats {
		d, err := f.Bind(signature, b.Fields)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.decoders[f] = d
	}
	if len(r.decoders) == 0 {
		return nil, &model.LoadError{
			Reason: "the model's inputs do not match the records of any topic",
			Err:    errors.Join(errs...),
		}
	}
	return r, nil
}

// use selects decoder and encoder for a batch's source.
func (b *bound) use(s *record.Source) error {
	if s == b.last {
		return nil
	}
	d := b.decoders[s.Format]
	if d == nil {
		_, err := s.Format.Bind(b.signature, b.Fields)
		if err == nil {
			err = errors.New("the format was not known when the model was loaded")
		}
		return &model.LoadError{Reason: "records of topic " + s.Topic + " do not fit the model", Err: err}
	}
	e := b.encoders[s]
	if e == nil {
		var err error
		if e, err = record.NewResultEncoder(b.Results, b.signature, b.DataType, b.Generation, s.Topic); err != nil {
			return &model.LoadError{Reason: "results of this model cannot be encoded", Err: err}
		}
		b.encoders[s] = e
	}
	b.last, b.decoder, b.encoder = s, d, e
	return nil
}
