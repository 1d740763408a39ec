package document

import (
	"reflect"

	"github.com/modelstream/modelserver/model/pmml/xmlread"
)

// NaiveBayesModel multiplies the probabilities of the values of its inputs (DMG
// 4.4, Naïve Bayes).
type NaiveBayesModel struct {
	ModelBase
	Threshold float64      `pmml:"threshold,required"`
	Inputs    *BayesInputs `pmml:"BayesInputs,required"`
	Output    *BayesOutput `pmml:"BayesOutput,required"`
}

// BayesInputs are the inputs. R's exporter wrote those that older versions of
// the standard did not know inside of an Extension; they count.
type BayesInputs struct {
	Pos
	Inputs []*BayesInput
}

func (b *BayesInputs) decodeElement(d *decoder, pos Pos) error {
	for depth := 1; depth > 0; {
		kind, err := d.r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmlread.End:
			depth--
			continue
		case kind != xmlread.Start:
			continue
		}
		switch _, name := d.r.Name(); {
		case string(name) == "Extension":
			depth++
		case string(name) == "BayesInput":
			in := &BayesInput{}
			if err := d.element(reflect.ValueOf(in).Elem(), "BayesInput"); err != nil {
				return err
			}
			b.Inputs = append(b.Inputs, in)
		case depth > 1:
			if err := d.skip(); err != nil {
				return err
			}
		default:
			return d.errorf("<%s> is not supported inside of <%s>", name, pos.Element)
		}
	}
	return nil
}

// BayesInput is the statistics of one field: either the distributions of its
// values, or the counts of each value, by target value.
type BayesInput struct {
	Pos
	Field        string            `pmml:"fieldName,alias=field,required"`
	DerivedField *NeuralField      `pmml:"DerivedField"`
	Stats        *TargetValueStats `pmml:"TargetValueStats"`
	Counts       []*PairCounts     `pmml:"PairCounts"`
}

// BayesOutput is the counts of the target's values.
type BayesOutput struct {
	Pos
	Field  string             `pmml:"fieldName,alias=field,required"`
	Counts *TargetValueCounts `pmml:"TargetValueCounts,required"`
}

// PairCounts is the counts of one value of a field.
type PairCounts struct {
	Pos
	Value  string             `pmml:"value,required"`
	Counts *TargetValueCounts `pmml:"TargetValueCounts,required"`
}

// TargetValueCounts is counts by target value.
type TargetValueCounts struct {
	Pos
	Counts []TargetValueCount `pmml:"TargetValueCount,required"`
}

// TargetValueCount is the count for one target value.
type TargetValueCount struct {
	Pos
	Value string  `pmml:"value,required"`
	Count float64 `pmml:"count,required"`
}

// TargetValueStats is distributions by target value.
type TargetValueStats struct {
	Pos
	Stats []TargetValueStat `pmml:"TargetValueStat,required"`
}

// TargetValueStat is the distribution for one target value.
type TargetValueStat struct {
	Pos
	Value        string       `pmml:"value,required"`
	Distribution Distribution `pmml:"*,required"`
}

// Distribution is a continuous distribution (DMG 4.4, Baseline Models:
// CONTINUOUS-DISTRIBUTION-TYPES).
type Distribution interface{ Located }

func distributions() map[string]Distribution {
	return map[string]Distribution{
		"AnyDistribution": &AnyDistribution{}, "GaussianDistribution": &GaussianDistribution{},
		"PoissonDistribution": &PoissonDistribution{}, "UniformDistribution": &UniformDistribution{},
	}
}

// AnyDistribution is known by its moments alone.
type AnyDistribution struct {
	Pos
	Mean     float64 `pmml:"mean,required"`
	Variance float64 `pmml:"variance,required"`
}

// GaussianDistribution is the normal distribution.
type GaussianDistribution struct {
	Pos
	Mean     float64 `pmml:"mean,required"`
	Variance float64 `pmml:"variance,required"`
}

// PoissonDistribution is the Poisson distribution.
type PoissonDistribution struct {
	Pos
	Mean float64 `pmml:"mean,required"`
}

// UniformDistribution is the uniform distribution.
type UniformDistribution struct {
	Pos
	Lower float64 `pmml:"lower,required"`
	Upper float64 `pmml:"upper,required"`
}
