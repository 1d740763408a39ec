package document

// What older versions of the standard write in another way, and how it reads
// today. Names that changed are aliases in the tags of the structs;
// composition.go has the models inside of models.

var (
	_ implier  = (*RegressionModel)(nil)
	_ finisher = (*RegressionModel)(nil)
	_ implier  = (*MiningModel)(nil)
	_ finisher = (*MiningModel)(nil)
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
