package changelog

import (
	"bytes"
	"maps"
	"slices"
)

// view is what the state topic says, read up to some place. It is a pure state
// machine: apply takes one record after the other, of each partition in its
// order, and nothing else changes it. It is not safe for concurrent use.
type view struct {
	ids       map[string]*object
	artifacts map[string]*object
	entries   map[string]*entry // by raw key
	bytes     int64             // of the bodies
	foreign   int64             // records that are none of ours
}

func newView() *view {
	return &view{ids: map[string]*object{}, artifacts: map[string]*object{}, entries: map[string]*entry{}}
}

// logged is a record of the state topic. It shares the memory of the fetch that
// brought it.
type logged struct {
	key, value []byte // a nil value is a tombstone
	offset     int64
	time       int64
}

// change is what a record was about, and what became of it.
type change struct {
	key       key
	verdict   verdict
	tombstone bool
	object    *object // nil for a probe
	time      int64   // of the record, by the broker's clock
}

// apply takes the next record of a partition. It returns false for records that
// are not ours.
func (v *view) apply(l *logged) (c change, ok bool) {
	if c.key, ok = decodeKey(l.key); !ok {
		v.foreign++
		return c, false
	}
	if c.key.kind == probeKind {
		body, err := unseal(l.key, l.value)
		if err != nil || len(body) != len(c.key.nonce) {
			return c, false
		}
		c.key.nonce = nonce(body)
		return c, true
	}
	old := v.entries[string(l.key)]
	if old != nil { // a tombstone, or the same key again: compaction keeps the later one
		c.object = v.remove(old)
	}
	if l.value == nil {
		c.tombstone = true
		return c, true
	}
	e := &entry{key: c.key, raw: string(l.key), offset: l.offset, time: l.time}
	body, err := unseal(l.key, l.value)
	e.body, e.err = bytes.Clone(body), err
	c.object = v.objectOf(&c.key)
	c.verdict = c.object.add(e)
	v.entries[e.raw] = e
	v.bytes += int64(len(e.body))
	return c, true
}

// remove takes an entry out, and its object with the last one.
func (v *view) remove(e *entry) *object {
	delete(v.entries, e.raw)
	v.bytes -= int64(len(e.body))
	o := v.objectOf(&e.key)
	o.remove(e)
	if len(o.entries) == 0 {
		delete(v.home(&e.key), e.key.object)
	}
	return o
}

func (v *view) home(k *key) map[string]*object {
	if k.ofArtifact() {
		return v.artifacts
	}
	return v.ids
}

func (v *view) objectOf(k *key) *object {
	home := v.home(k)
	o := home[k.object]
	if o == nil {
		o = &object{rules: &idRules{}}
		if k.ofArtifact() {
			o.rules = newArtifactRules()
		}
		home[k.object] = o
	}
	return o
}

// id returns the state of an id: an empty one where nothing is known. It belongs
// to the view.
func (v *view) id(id string) *idRules {
	if o := v.ids[id]; o != nil {
		return o.rules.(*idRules)
	}
	return &idRules{}
}

// artifact returns the state of an artifact, or nil.
func (v *view) artifact(digest string) *artifactRules {
	if o := v.artifacts[digest]; o != nil {
		return o.rules.(*artifactRules)
	}
	return nil
}

// writtenIDs returns the ids that have content, sorted.
func (v *view) writtenIDs() (ids []string) {
	for id, o := range v.ids {
		if o.rules.(*idRules).written() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// storedArtifacts returns the digests of the artifacts that exist, sorted.
func (v *view) storedArtifacts() []string {
	stored := maps.Clone(v.artifacts)
	maps.DeleteFunc(stored, func(_ string, o *object) bool { return o.rules.(*artifactRules).current == nil })
	return slices.Sorted(maps.Keys(stored))
}
