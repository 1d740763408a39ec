package graphdef

import (
	"fmt"
	"math"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// The rules of single operations. Each of them was found by running the
// operation on hostile attributes and constants (internal/opfuzz),
// which ended the process: a CHECK, a division by zero, or memory without end.

type bounds struct{ least, greatest int64 }

// attributeBounds has the values that integer attributes of an operation may have.
var attributeBounds = map[string]map[string]bounds{
	"AsString":         {"width": {-1, 64}, "precision": {-1, 64}},
	"DynamicPartition": {"num_partitions": {1, 4096}},
	"Enter":            {"parallel_iterations": {1, 1024}},
	"GatherV2":         {"batch_dims": {0, 0}},
	"ResourceGather":   {"batch_dims": {0, 0}},
	"While":            {"parallel_iterations": {1, 1024}},
	"StatelessWhile":   {"parallel_iterations": {1, 1024}},
}

// countBounds has the values of attributes that count inputs or outputs, which
// are made before they are compared with the inputs that there are.
var countBounds = map[string]bounds{"N": {0, 1 << 16}, "num": {0, 1 << 16}, "num_split": {0, 1 << 16}}

// anyInteger bounds all other integer attributes but hashing's.
var anyInteger = bounds{math.MinInt32, math.MaxInt32}

// hashing attributes may be any number.
var hashing = set(`num_buckets seed seed2 key`)

// constantInput is what a constant may be.
type constantInput struct {
	bounds
	rank int
}

// constantInputs has the inputs of operations that must be constants, since the
// operation trusts their values or rank.
var constantInputs = map[string]map[int]constantInput{
	"GatherV2": {2: {bounds{-32, 32}, 0}},                                    // axis
	"SplitV":   {1: {bounds{-1, math.MaxInt32}, 1}, 2: {bounds{-32, 32}, 0}}, // sizes, axis
}

// integers checks an operation's integer attributes.
func integers(n *nodepb.NodeDef) string {
	for name, a := range n.GetAttr() {
		b, ruled := attributeBounds[n.GetOp()][name]
		if !ruled {
			b, ruled = countBounds[name]
		}
		if !ruled {
			b = anyInteger
			if hashing[name] {
				continue
			}
		}
		for _, i := range append([]int64{a.GetI()}, a.GetList().GetI()...) {
			// An attribute that is no integer reads as 0, which is no problem.
			if a.GetList() == nil && i == 0 && !ruled {
				continue
			}
			if i < b.least || i > b.greatest {
				return fmt.Sprintf("attribute %q is %d; it must be from %d to %d", name, i, b.least, b.greatest)
			}
		}
	}
	return ""
}

// constants checks the inputs that must be constants. find returns the operation
// that an input comes from.
func constants(n *nodepb.NodeDef, find func(ref string) *nodepb.NodeDef) string {
	for i, b := range constantInputs[n.GetOp()] {
		if i >= len(n.GetInput()) || strings.HasPrefix(n.GetInput()[i], "^") {
			continue // the library refuses it
		}
		c := find(n.GetInput()[i])
		if c.GetOp() != "Const" {
			return fmt.Sprintf("its input %d must be a constant", i)
		}
		t := c.GetAttr()["value"].GetTensor()
		if rank := len(t.GetTensorShape().GetDim()); rank != b.rank {
			return fmt.Sprintf("its input %d has %d dimensions, not %d", i, rank, b.rank)
		}
		for _, v := range integerValues(t) {
			if v < b.least || v > b.greatest {
				return fmt.Sprintf("its input %d is %d; it must be from %d to %d", i, v, b.least, b.greatest)
			}
		}
	}
	return ""
}

// integerValues reads the values of a constant of integers in either form.
func integerValues(t *tensorpb.TensorProto) []int64 {
	values := append([]int64(nil), t.GetInt64Val()...)
	for _, v := range t.GetIntVal() {
		values = append(values, int64(v))
	}
	size := int(elementSize[t.GetDtype()])
	content := t.GetTensorContent()
	for size > 0 && len(content) >= size {
		var bits uint64
		for k := size - 1; k >= 0; k-- { // tensors are little-endian
			bits = bits<<8 | uint64(content[k])
		}
		v := int64(bits)
		if t.GetDtype() == typespb.DataType_DT_INT32 {
			v = int64(int32(bits))
		}
		values = append(values, v)
		content = content[size:]
	}
	return values
}
