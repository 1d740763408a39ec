package messages_test

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

// The bytes that were written once are read for ever. The first table is what
// the book's Scala and Java producers write, spelled out by hand from its
// schemas: fields in the order of their numbers, default values left out. The
// second pins the fields that this project added. If a case fails, the change to
// the schema is wrong, not the case.

// wire joins the pieces of a message written as hexadecimal digits.
func wire(t *testing.T, pieces ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(pieces, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is a string field on the wire: its tag, its length, its bytes.
func text(tag, s string) string {
	return tag + hex.EncodeToString([]byte{byte(len(s))}) + hex.EncodeToString([]byte(s))
}

type golden struct {
	name   string
	bytes  []byte
	want   proto.Message
	writes bool // we write the same bytes
}

func (g *golden) check(t *testing.T) {
	got := g.want.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(g.bytes, got); err != nil {
		t.Fatal(err)
	}
	if len(got.ProtoReflect().GetUnknown()) != 0 {
		t.Errorf("fields %x are not known", got.ProtoReflect().GetUnknown())
	}
	if !proto.Equal(got, g.want) {
		t.Errorf("read  %v\nwant %v", prototext.Format(got), prototext.Format(g.want))
	}
	if !g.writes {
		return
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(g.want)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != string(g.bytes) {
		t.Errorf("wrote %x\nwant  %x", b, g.bytes)
	}
}

// Doubles on the wire: little-endian IEEE 754.
const (
	double7_4    = "9a99999999991d40"
	double0_7    = "666666666666e63f"
	double1_9    = "666666666666fe3f"
	double0_076  = "dbf97e6abc74b33f"
	double11     = "0000000000002640"
	double34     = "0000000000004140"
	double0_5    = "000000000000e03f"
	double3_5    = "0000000000000c40"
	double0_25   = "000000000000d03f"
	double9_5    = "0000000000002340"
	double0      = "0000000000000000"
	doubleNotNum = "000000000000f87f"
)

func TestTheBooksBytesAreRead(t *testing.T) {
	tests := []golden{
		{
			"a PMML model by value",
			wire(t, text("0a", "winequality"), text("12", "forest"), text("1a", "wine"), "2002", text("2a", "<PMML/>")),
			&messages.ModelDescriptor{
				Name: "winequality", Description: "forest", DataType: "wine", Modeltype: messages.ModelDescriptor_PMML,
				Content: &messages.ModelDescriptor_Data{Data: []byte("<PMML/>")},
			},
			true,
		},
		{
			"a TensorFlow graph: the type is 0 and so not written",
			wire(t, text("0a", "net"), text("1a", "wine"), "2a03 0aff00"),
			&messages.ModelDescriptor{
				Name: "net", DataType: "wine", Modeltype: messages.ModelDescriptor_TENSORFLOW,
				Content: &messages.ModelDescriptor_Data{Data: []byte{0x0a, 0xff, 0}},
			},
			true,
		},
		{
			"a SavedModel by location",
			wire(t, text("0a", "saved"), text("12", "d"), text("1a", "wine"), "2001", text("32", "/models/wine/1")),
			&messages.ModelDescriptor{
				Name: "saved", Description: "d", DataType: "wine", Modeltype: messages.ModelDescriptor_TENSORFLOWSAVED,
				Content: &messages.ModelDescriptor_Location{Location: "/models/wine/1"},
			},
			true,
		},
		{
			"an empty artifact is an artifact",
			wire(t, text("1a", "wine"), "2002", "2a00"),
			&messages.ModelDescriptor{
				DataType: "wine", Modeltype: messages.ModelDescriptor_PMML,
				Content: &messages.ModelDescriptor_Data{Data: []byte{}},
			},
			true,
		},
		{
			"a model type that the enum does not have",
			wire(t, text("1a", "wine"), "2007"),
			&messages.ModelDescriptor{DataType: "wine", Modeltype: 7},
			true,
		},
		{
			"a wine",
			wire(t, "09", double7_4, "11", double0_7, "21", double1_9, "29", double0_076, "31", double11, "39", double34,
				"41", double0_5, "49", double3_5, "51", double0_25, "59", double9_5, text("62", "wine")),
			&messages.WineRecord{
				FixedAcidity: 7.4, VolatileAcidity: 0.7, ResidualSugar: 1.9, Chlorides: 0.076, FreeSulfurDioxide: 11, TotalSulfurDioxide: 34,
				Density: 0.5, PH: 3.5, Sulphates: 0.25, Alcohol: 9.5, DataType: "wine",
			},
			true,
		},
		{
			"a wine whose producer writes zeros, too",
			wire(t, "09", double7_4, "19", double0, text("62", "wine")),
			&messages.WineRecord{FixedAcidity: 7.4, DataType: "wine"},
			false,
		},
	}
	for _, test := range tests {
		t.Run(test.name, test.check)
	}
}

func TestOurBytesStay(t *testing.T) {
	value := func(tag string) string { return tag + "09 09" + double0_5 }
	tests := []golden{
		{
			"descriptor",
			wire(t, text("1a", "wine"), text("32", "file:m"), text("3a", "v2"), text("42", "onnx"), text("4a", "9f86"),
				"5206", text("0a", "a"), text("12", "b")),
			&messages.ModelDescriptor{
				DataType: "wine", Content: &messages.ModelDescriptor_Location{Location: "file:m"},
				Version: "v2", Type: "onnx", Sha256: "9f86", Options: map[string]string{"a": "b"},
			},
			false, // protobuf-go writes members of a oneof last
		},
		{
			"result",
			wire(t, text("0a", "wine"), value("12"), "1a0e", text("0a", "p"), value("12"),
				"2213", "0807", text("12", "m"), text("1a", "v"), text("22", "9f86"), "28ac02", "3003",
				"2a08", text("0a", "in"), "1001", "1809", "3005", "3806"),
			&messages.ServingResult{
				DataType: "wine", Target: &messages.Value{Kind: &messages.Value_Number{Number: 0.5}},
				Outputs:    map[string]*messages.Value{"p": {Kind: &messages.Value_Number{Number: 0.5}}},
				Generation: &messages.Generation{Number: 7, Name: "m", Version: "v", Sha256: "9f86", Offset: 300, Partition: 3},
				Source:     &messages.Source{Topic: "in", Partition: 1, Offset: 9}, RecordTimeMs: 5, ScoredTimeUs: 6,
			},
			true,
		},
		{
			"result of a record that could not be scored",
			wire(t, text("0a", "wine"), "2a00", "4216", text("0a", "malformed"), text("12", "cut"), text("1a", "alco")),
			&messages.ServingResult{
				DataType: "wine", Source: &messages.Source{},
				Error: &messages.ScoringError{Kind: "malformed", Message: "cut", Field: "alco"},
			},
			true,
		},
		{"value: number", wire(t, "09", doubleNotNum), &messages.Value{Kind: &messages.Value_Number{Number: math.NaN()}}, false},
		{"value: number zero is written", wire(t, "09", double0), &messages.Value{Kind: &messages.Value_Number{}}, true},
		{"value: label", wire(t, text("12", "good")), &messages.Value{Kind: &messages.Value_Label{Label: "good"}}, true},
		{"value: integer", wire(t, "18 ffffffffffffffffff01"), &messages.Value{Kind: &messages.Value_Integer{Integer: -1}}, true},
		{"value: flag", wire(t, "20 01"), &messages.Value{Kind: &messages.Value_Flag{Flag: true}}, true},
		{
			"value: numbers", wire(t, "2a12 0a10", double0_5, double11),
			&messages.Value{Kind: &messages.Value_Numbers{Numbers: &messages.Numbers{Values: []float64{0.5, 11}}}},
			true,
		},
		{
			"value: labels", wire(t, "3206", text("0a", "a"), text("0a", "b")),
			&messages.Value{Kind: &messages.Value_Labels{Labels: &messages.Labels{Values: []string{"a", "b"}}}},
			true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, test.check)
	}
}
