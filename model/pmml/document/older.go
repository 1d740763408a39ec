package document

import "fmt"

// What older versions of the standard write in another way, and how it reads
// today. Names that changed are aliases in the tags of the structs;
// composition.go has the models inside of models.

var (
	_ implier  = (*RegressionModel)(nil)
	_ finisher = (*RegressionModel)(nil)
	_ implier  = (*MiningModel)(nil)
	_ finisher = (*MiningModel)(nil)
	_ finisher = (*ClusteringModel)(nil)
)

// implies lets modelType, which PMML 2 and some exporters of 3 write, stand for
// the function.
func (m *RegressionModel) implies(name string) bool {
	return name == "functionName" && m.ModelType != ""
}

func (m *RegressionModel) finish() error {
	if m.FunctionName == "" {
		m.FunctionName = "regression"
		if m.ModelType == "logisticRegression" {
			m.FunctionName = "classification"
		}
	}
	return nil
}

// implies lets embedded models stand for the segmentation.
func (m *MiningModel) implies(name string) bool { return name == "Segmentation" && len(m.Embedded) > 0 }

// finish makes the transformations of a segmentation, PMML 4.0's, those of the
// model.
func (m *MiningModel) finish() error {
	if m.Segmentation == nil || m.Segmentation.LocalTransformations == nil {
		return nil
	}
	t := m.Segmentation.LocalTransformations
	if m.LocalTransformations == nil {
		m.LocalTransformations = t
		return nil
	}
	m.LocalTransformations.Functions = append(m.LocalTransformations.Functions, t.Functions...)
	m.LocalTransformations.Fields = append(m.LocalTransformations.Fields, t.Fields...)
	return nil
}

// finish makes center fields derived fields of the model and clustering fields.
// They are compared as the clustering field that they are derived from.
func (m *ClusteringModel) finish() error {
	if m.Centers == nil {
		return nil
	}
	if m.LocalTransformations == nil {
		m.LocalTransformations = &TransformationDictionary{Pos: m.Centers.Pos}
	}
	compared := map[string]*ClusteringField{}
	for _, f := range m.Fields {
		compared[f.Field] = f
	}
	m.Fields = nil
	for i, d := range m.Centers.Fields {
		if d.Name == "" {
			d.Name = fmt.Sprintf("center field %d", i+1)
		}
		m.LocalTransformations.Fields = append(m.LocalTransformations.Fields, &DerivedField{
			Pos: d.Pos, Name: d.Name, DisplayName: d.DisplayName, OpType: d.OpType, DataType: d.DataType, Expression: d.Expression, Values: d.Values,
		})
		f := ClusteringField{FieldWeight: 1}
		if like := compared[d.Name]; like != nil {
			f = *like
		} else if like := compared[sourceOf(d.Expression)]; like != nil {
			f = *like
		}
		f.Pos, f.Field, f.IsCenterField = d.Pos, d.Name, true
		m.Fields = append(m.Fields, &f)
	}
	m.Centers = nil
	return nil
}

// sourceOf is the field that a normalization is about, "" of anything else.
func sourceOf(e Expression) string {
	switch e := e.(type) {
	case *FieldRef:
		return e.Field
	case *NormContinuous:
		return e.Field
	case *NormDiscrete:
		return e.Field
	case *Discretize:
		return e.Field
	}
	return ""
}
