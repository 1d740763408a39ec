package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/faults/check"
	"github.com/modelstream/modelserver/messages"
)

// Flaw is why a model has to be rejected.
type Flaw int

// The flaws.
const (
	Sound    Flaw = iota
	CutShort      // half of a document
	Foreign       // another digest than it says
	Unknown       // of a model type that there is not
	flaws
)

// Model is a model to be published.
type Model struct {
	DataType         string
	Version          int // names it; unique
	Slope, Intercept int
	EffectiveFromMS  int64
	Flaw             Flaw
}

// document is a PMML document with two inputs; the inputs' names are those of
// WineRecord.
const document = `<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
 <Header description="version %[1]d"/>
 <DataDictionary>
  <DataField name="fixed acidity" optype="continuous" dataType="double"/>
  <DataField name="alcohol" optype="continuous" dataType="double"/>
  <DataField name="y" optype="continuous" dataType="double"/>
 </DataDictionary>
 <RegressionModel functionName="regression">
  <MiningSchema>
   <MiningField name="fixed acidity"/>
   <MiningField name="alcohol" missingValueTreatment="returnInvalid"/>
   <MiningField name="y" usageType="target"/>
  </MiningSchema>
  <Output>
   <OutputField name="version" feature="transformedValue" optype="continuous" dataType="double"><Constant dataType="double">%[1]d</Constant></OutputField>
   <OutputField name="number" feature="transformedValue" optype="continuous" dataType="double"><FieldRef field="fixed acidity"/></OutputField>
  </Output>
  <RegressionTable intercept="%[3]d"><NumericPredictor name="alcohol" coefficient="%[2]d"/></RegressionTable>
 </RegressionModel>
</PMML>`

// Document is the model's artifact.
func (m Model) Document() []byte {
	text := fmt.Sprintf(document, m.Version, m.Slope, m.Intercept)
	if m.Flaw == CutShort {
		text = text[:len(text)/2]
	}
	return []byte(text)
}

// Descriptor is the message that publishes the model.
func (m Model) Descriptor() *messages.ModelDescriptor {
	doc := m.Document()
	digest := sha256.Sum256(doc)
	if m.Flaw == Foreign {
		digest[0]++
	}
	d := &messages.ModelDescriptor{
		Name: name(m.Version), Version: strconv.Itoa(m.Version), DataType: m.DataType, Type: "pmml",
		Content: &messages.ModelDescriptor_Data{Data: doc}, Sha256: hex.EncodeToString(digest[:]),
		EffectiveFromMs: m.EffectiveFromMS,
	}
	if m.Flaw == Unknown {
		d.Type = "abacus"
	}
	return d
}

func name(version int) string { return "v" + strconv.Itoa(version) }

// shape is what of a document tells what the model does.
type shape struct {
	Model struct {
		Output struct {
			Fields []struct {
				Name     string  `xml:"name,attr"`
				Constant float64 `xml:"Constant"`
			} `xml:"OutputField"`
		} `xml:"Output"`
		Table struct {
			Intercept float64 `xml:"intercept,attr"`
			Predictor struct {
				Coefficient float64 `xml:"coefficient,attr"`
			} `xml:"NumericPredictor"`
		} `xml:"RegressionTable"`
	} `xml:"RegressionModel"`
}

// DecodeModel reads a message of the models topic. What no server may accept is
// bad.
func DecodeModel(at check.Place, appendedMS int64, value []byte) check.Model {
	m := check.Model{Place: at, AppendedMS: appendedMS, Bad: true}
	d := &messages.ModelDescriptor{}
	if proto.Unmarshal(value, d) != nil {
		return m
	}
	m.DataType, m.Name, m.EffectiveFromMS = d.GetDataType(), d.GetName(), d.GetEffectiveFromMs()
	var s shape
	if xml.NewDecoder(bytes.NewReader(d.GetData())).Decode(&s) != nil {
		return m
	}
	for _, f := range s.Model.Output.Fields {
		if f.Name == "version" {
			m.Version = f.Constant
		}
	}
	m.Slope, m.Intercept = s.Model.Table.Predictor.Coefficient, s.Model.Table.Intercept
	digest := sha256.Sum256(d.GetData())
	m.Bad = d.GetType() != "pmml" || !strings.EqualFold(d.GetSha256(), hex.EncodeToString(digest[:]))
	return m
}
