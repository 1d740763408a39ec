package pmml_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/modelstream/modelserver/model/pmml"
)

const tinyModel = `<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
  <DataDictionary>
    <DataField name="size" optype="continuous" dataType="double"/>
    <DataField name="price" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="regression">
    <MiningSchema>
      <MiningField name="size"/>
      <MiningField name="price" usageType="target"/>
    </MiningSchema>
    <Output>
      <OutputField name="per size" optype="continuous" dataType="double" feature="transformedValue">
        <Apply function="/"><FieldRef field="predicted"/><FieldRef field="size"/></Apply>
      </OutputField>
    </Output>
    <LocalTransformations/>
    <RegressionTable intercept="10"><NumericPredictor name="size" coefficient="2.5"/></RegressionTable>
  </RegressionModel>
</PMML>`

func ExampleModel_Evaluate() {
	document := strings.Replace(tinyModel, `<OutputField name="per`, `<OutputField name="predicted" dataType="double" feature="predictedValue"/><OutputField name="per`, 1)
	m, err := pmml.Load(context.Background(), strings.NewReader(document), pmml.Options{})
	if err != nil {
		log.Fatal(err)
	}
	result, err := m.Evaluate(map[string]any{"size": 20.0})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result["price"], result["per size"])
	// Output: 60 3
}

func ExampleLoad_refused() {
	_, err := pmml.Load(context.Background(), strings.NewReader(tinyModel), pmml.Options{})
	fmt.Println(err)
	// Output: line 13: <FieldRef>: field "predicted" is not defined here
}
