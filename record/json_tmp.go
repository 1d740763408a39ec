package record

import (
	"errors"

	"github.com/modelstream/modelserver/model"
)

type jsonPlan struct{}

func compileJSON(*model.Signature, map[string]string) (*jsonPlan, error) {
	return nil, &model.LoadError{Reason: "JSON records cannot be read yet"}
}
func (*jsonPlan) decode([]Raw, *model.Batch, Limits) {}
func jsonFieldReader(string, Limits) (func([]byte) ([]byte, bool), error) {
	return nil, errors.New("JSON records cannot be read yet")
}
func newJSONResults(resultConstants) (*protoResults, error) {
	return nil, errors.New("JSON results cannot be written yet")
}
