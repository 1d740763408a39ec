package record

import (
	"fmt"
	"sync"

	"github.com/modelstream/modelserver/model"
)

// jsonPlan says which keys of a JSON object feed the inputs of one signature. It
// never changes once it is compiled.
type jsonPlan struct {
	root *jsonObject
	runs sync.Pool // of *jsonRun: memory, and the key order of earlier records
}

// jsonObject is what to look for in an object.
type jsonObject struct {
	exact map[string]*jsonKey
	loose map[string]*jsonKey // by loose name
}

// jsonKey is what to do with the value of a key.
type jsonKey struct {
	targets []jsonTarget
	sub     *jsonObject // the object that paths lead into, or nil
}

// jsonTarget is an input that a key feeds.
type jsonTarget struct {
	column int
	exact  bool // the key is the one that the input asks for, not only like it
}

// maxLooseKey is the longest key in bytes that is matched loosely.
const maxLooseKey = 256

// find returns what to do with a key, or nil. scratch is memory for its loose
// form, and is returned for the next use.
func (o *jsonObject) find(key, scratch []byte) (*jsonKey, []byte) {
	if k := o.exact[string(key)]; k != nil {
		return k, scratch
	}
	if len(o.loose) == 0 || len(key) > maxLooseKey {
		return nil, scratch
	}
	scratch = appendLoose(scratch[:0], key)
	return o.loose[string(scratch)], scratch
}

// compileJSON prepares the keys to look for. Two inputs that are loosely the
// same name are found by their exact names alone.
func compileJSON(sig *model.Signature, mapping map[string]string) (*jsonPlan, error) {
	root := newJSONObject()
	var problems problems
	unmapped := map[string][]int{} // by loose name
	for i := range sig.Inputs {
		name := sig.Inputs[i].Name
		target, mapped := mapping[name]
		if !mapped {
			root.key(name).add(i, true)
			unmapped[loose(name)] = append(unmapped[loose(name)], i)
			continue
		}
		path, err := splitPath(target)
		if err != nil {
			problems.add(fmt.Sprintf("input %q: %v", name, err))
			continue
		}
		root.path(path).add(i, true)
	}
	for name, inputs := range unmapped {
		if len(inputs) == 1 {
			k := &jsonKey{}
			k.add(inputs[0], false)
			root.loose[name] = k
		}
	}
	for name, k := range root.exact { // an exact key of one input may be a loose one of another
		if like := root.loose[loose(name)]; like != nil && !k.feeds(like.targets[0].column) {
			k.add(like.targets[0].column, false)
		}
	}
	if err := problems.err("the mapping of the model's inputs is wrong"); err != nil {
		return nil, err
	}
	p := &jsonPlan{root: root}
	columns := len(sig.Inputs)
	p.runs.New = func() any { return &jsonRun{marks: make([]jsonMark, columns)} }
	return p, nil
}

func newJSONObject() *jsonObject {
	return &jsonObject{exact: map[string]*jsonKey{}, loose: map[string]*jsonKey{}}
}

// key returns the plan of an exact key, made at its first use.
func (o *jsonObject) key(name string) *jsonKey {
	k := o.exact[name]
	if k == nil {
		k = &jsonKey{}
		o.exact[name] = k
	}
	return k
}

// path returns the plan of the key at the end of a path.
func (o *jsonObject) path(names []string) *jsonKey {
	for _, name := range names[:len(names)-1] {
		k := o.key(name)
		if k.sub == nil {
			k.sub = newJSONObject()
		}
		o = k.sub
	}
	return o.key(names[len(names)-1])
}

func (k *jsonKey) add(column int, exact bool) {
	k.targets = append(k.targets, jsonTarget{column, exact})
}

func (k *jsonKey) feeds(column int) bool {
	for _, t := range k.targets {
		if t.column == column {
			return true
		}
	}
	return false
}
