package record

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/modelstream/modelserver/model"
)

// protoCompiler builds a protoPlan, input by input.
type protoCompiler struct {
	message protoreflect.MessageDescriptor
	plan    *protoPlan
	depth   int
}

// compileProto matches every input of a signature to a field. The error lists
// everything that does not fit.
func compileProto(message protoreflect.MessageDescriptor, depth int, sig *model.Signature, mapping map[string]string) (*protoPlan, error) {
	c := &protoCompiler{
		message: message,
		depth:   depth,
		plan: &protoPlan{
			root:    &messagePlan{},
			initial: make([]initialValue, len(sig.Inputs)),
		},
	}
	var problems problems
	claims := claims{}
	for i := range sig.Inputs {
		input := &sig.Inputs[i]
		path, exact, err := c.resolve(input, mapping)
		if err == nil && path != nil {
			err = claims.claim(pathName(path), input.Name, exact)
		}
		if err == nil {
			err = c.addInput(i, input, path)
		}
		if err != nil {
			problems.add(fmt.Sprintf("input %q: %v", input.Name, err))
		}
	}
	if err := problems.err("the model's inputs do not fit message " + string(message.FullName())); err != nil {
		return nil, err
	}
	c.plan.root.chooseDirect(sig.Inputs)
	c.plan.runs.New = func() any { return &protoRun{plan: c.plan} }
	c.plan.straight = straightFields(message, c.plan)
	return c.plan, nil
}

// resolve returns the fields that lead to an input's value, from the root down;
// nil when the schema does not have them and the input is optional. exact says
// that the configuration or an equal name chose them.
func (c *protoCompiler) resolve(input *model.Field, mapping map[string]string) (path []protoreflect.FieldDescriptor, exact bool, err error) {
	if target, mapped := mapping[input.Name]; mapped {
		path, err = resolvePath(c.message, target)
		return path, true, err
	}
	field, exact, err := findField(c.message, input.Name)
	switch {
	case err != nil:
		return nil, false, err
	case field != nil:
		return []protoreflect.FieldDescriptor{field}, exact, nil
	case input.Optional:
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("there is no such field; %s; map the input to a field in the configuration", closest(c.message, input.Name))
}

// resolvePath finds the fields of a dotted path.
func resolvePath(message protoreflect.MessageDescriptor, dotted string) ([]protoreflect.FieldDescriptor, error) {
	names, err := splitPath(dotted)
	if err != nil {
		return nil, err
	}
	var path []protoreflect.FieldDescriptor
	for i, name := range names {
		field, _, err := findField(message, name)
		if err != nil {
			return nil, err
		}
		if field == nil {
			return nil, fmt.Errorf("message %s has no field %q; %s", message.FullName(), name, closest(message, name))
		}
		path = append(path, field)
		if i == len(names)-1 {
			break
		}
		if field.Message() == nil || field.Cardinality() == protoreflect.Repeated {
			return nil, fmt.Errorf("field %s of %s is not a single message, so that %q leads nowhere", field.Name(), message.FullName(), dotted)
		}
		message = field.Message()
	}
	return path, nil
}

// addInput makes the plan read an input from the field at the end of path.
func (c *protoCompiler) addInput(column int, input *model.Field, path []protoreflect.FieldDescriptor) error {
	if path == nil {
		return nil // always missing
	}
	leaf := path[len(path)-1]
	if wrapped := wrappedField(leaf); wrapped != nil {
		path = append(path, wrapped)
		leaf = wrapped
	}
	if err := checkLeaf(leaf, input); err != nil {
		return err
	}
	if len(path) > c.depth {
		return fmt.Errorf("%s lies deeper than %d messages", pathName(path), c.depth)
	}
	parent := c.plan.root
	for i, step := range path[:len(path)-1] {
		f := c.field(parent, path[:i+1], step)
		if f.sub == nil {
			f.sub = &messagePlan{}
		}
		parent = f.sub
	}
	f := c.field(parent, path, leaf)
	list := -1
	if leaf.IsList() {
		list = len(c.plan.lists)
		c.plan.lists = append(c.plan.lists, listPlan{column: column, path: f.path})
		f.lists = append(f.lists, list)
		c.plan.initial[column].list = true
	} else {
		f.columns = append(f.columns, column)
		if !leaf.HasPresence() {
			if len(path) == 1 {
				c.plan.initial[column].zero = f
			} else if len(f.columns) == 1 {
				parent.implicit = append(parent.implicit, f)
			}
		}
	}
	c.addClears(path, column, list)
	return nil
}

// field returns the plan of a field of a message, made at its first use.
func (c *protoCompiler) field(parent *messagePlan, path []protoreflect.FieldDescriptor, field protoreflect.FieldDescriptor) *fieldPlan {
	number := uint64(field.Number())
	if f := parent.lookup(number); f != nil {
		return f
	}
	f := &fieldPlan{
		number: number,
		kind:   field.Kind(),
		wire:   wireTypeOf(field.Kind()),
		path:   pathName(path),
		enum:   field.Enum(),
	}
	parent.add(f)
	return f
}

// addClears makes every other member of the oneofs along path clear the input.
func (c *protoCompiler) addClears(path []protoreflect.FieldDescriptor, column, list int) {
	parent := c.plan.root
	for i, step := range path {
		if oneof := step.ContainingOneof(); oneof != nil {
			for j := range oneof.Fields().Len() {
				other := oneof.Fields().Get(j)
				if other.Number() == step.Number() {
					continue
				}
				otherPath := append(append([]protoreflect.FieldDescriptor{}, path[:i]...), other)
				f := c.field(parent, otherPath, other)
				if list >= 0 {
					f.clearsLists = append(f.clearsLists, list)
				} else {
					f.clears = append(f.clears, column)
				}
			}
		}
		parent = parent.lookup(uint64(step.Number())).sub
	}
}

// checkLeaf says why a field cannot feed an input.
func checkLeaf(leaf protoreflect.FieldDescriptor, input *model.Field) error {
	width := input.Width()
	switch {
	case leaf.IsMap():
		return fmt.Errorf("field %s is a map, which cannot feed an input", leaf.Name())
	case leaf.Message() != nil:
		var inner []string
		for i := range min(3, leaf.Message().Fields().Len()) {
			inner = append(inner, fmt.Sprintf("%s.%s", leaf.Name(), leaf.Message().Fields().Get(i).Name()))
		}
		if leaf.IsList() {
			return fmt.Errorf("field %s is a list of messages, which cannot feed an input", leaf.Name())
		}
		return fmt.Errorf("field %s is a message: map the input to a field of it (%s)", leaf.Name(), strings.Join(inner, ", "))
	case width > 1 && !leaf.IsList() && leaf.Kind() != protoreflect.StringKind && leaf.Kind() != protoreflect.BytesKind:
		return fmt.Errorf("field %s is a single %s, but the model takes %d values: it must be repeated, or text that lists them", leaf.Name(), leaf.Kind(), width)
	}
	return nil
}

// wrappedField returns the value field of a wrapper message such as
// google.protobuf.DoubleValue, or nil when a field is no such message.
func wrappedField(field protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	m := field.Message()
	if m == nil || field.IsList() || m.FullName().Parent() != "google.protobuf" || !strings.HasSuffix(string(m.Name()), "Value") {
		return nil
	}
	if m.Fields().Len() != 1 || m.Fields().Get(0).Name() != "value" || m.Fields().Get(0).IsList() {
		return nil
	}
	return m.Fields().Get(0)
}

// pathName returns a path with dots, for people.
func pathName(path []protoreflect.FieldDescriptor) string {
	names := make([]string, len(path))
	for i, f := range path {
		names[i] = string(f.Name())
	}
	return strings.Join(names, ".")
}
