package pmml

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestElementsOfACollection(t *testing.T) {
	for text, want := range map[string][]string{
		``:                      {``},
		`beer`:                  {`beer`},
		`["beer", "a, b", "["]`: {`beer`, `a, b`, `[`},
		`[1, 2.5, true, null]`:  {`1`, `2.5`, `true`},
		`[]`:                    {},
		`[beer]`:                {`[beer]`}, // no JSON: an item of that name
	} {
		if got := elements(text); !slices.Equal(got, want) {
			t.Errorf("elements(%q) is %q, want %q", text, got, want)
		}
	}
}

// TestTransactions scores collections, and verifies rows that are grouped into
// transactions.
func TestTransactions(t *testing.T) {
	doc := featureDocument("g:string item:integer", `<AssociationModel functionName="associationRules">{schema group:g item}
<Output><OutputField name="ids" feature="ruleId" algorithm="recommendation" isMultiValued="1" rank="0"/><OutputField name="items" feature="consequent"/></Output>
<Item id="1" value="10"/><Item id="2" value="20"/><Item id="3" value="30"/>
<Itemset id="A"><ItemRef itemRef="1"/><ItemRef itemRef="2"/></Itemset><Itemset id="B"><ItemRef itemRef="3"/></Itemset><Itemset id="0"/>
<AssociationRule id="r" antecedent="A" consequent="B" support="1" confidence="0.5"/>
<AssociationRule id="s" antecedent="0" consequent="A" support="1" confidence="0.7"/>
<ModelVerification><VerificationFields><VerificationField field="g"/><VerificationField field="item"/><VerificationField field="ids"/><VerificationField field="items"/></VerificationFields>
<InlineTable><row><g>1</g><item>10</item><ids>s</ids><items>30</items></row><row><g>1</g><item>20</item><ids>r</ids></row><row><g>2</g><item>10</item><ids>s</ids></row></InlineTable></ModelVerification></AssociationModel>`)
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string][2]any{
		`[10, 20]`:         {"[s, r]", "[30]"},
		`["10","20","30"]`: {"[s, r]", nil},
		`10`:               {"[s]", "[10, 20]"},
	} {
		got, err := m.Evaluate(map[string]any{"item": item})
		if err != nil || got["ids"] != want[0] || got["items"] != want[1] {
			t.Errorf("%s gives %v, %v; want %v", item, got, err, want)
		}
	}
}
