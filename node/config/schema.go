package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// schema is what values a key may have: the shape of the Config struct, read
// from its koanf tags.
type schema struct {
	kind   kind
	typ    reflect.Type
	fields []field // of an object, in the order of the struct
	elem   *schema // of a list or a map
}

type field struct {
	key   string
	index int
	*schema
}

type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindTruth
	kindDuration
	kindObject
	kindList
	kindMap
)

var durationType = reflect.TypeFor[time.Duration]()

// schemaOf reads a type. A type that configuration cannot hold is a mistake of
// ours, so it panics; a test reads the whole Config.
func schemaOf(t reflect.Type) *schema {
	s := &schema{typ: t}
	switch {
	case t == durationType:
		s.kind = kindDuration
	case t.Kind() == reflect.String:
		s.kind = kindText
	case t.Kind() == reflect.Bool:
		s.kind = kindTruth
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		s.kind = kindNumber
	case t.Kind() == reflect.Slice:
		s.kind, s.elem = kindList, schemaOf(t.Elem())
	case t.Kind() == reflect.Map:
		s.kind, s.elem = kindMap, schemaOf(t.Elem())
	case t.Kind() == reflect.Struct:
		s.kind = kindObject
		for i := range t.NumField() {
			f := t.Field(i)
			key := f.Tag.Get("koanf")
			if key == "" {
				panic(fmt.Sprintf("config: %v.%s has no koanf tag", t, f.Name))
			}
			s.fields = append(s.fields, field{key, i, schemaOf(f.Type)})
		}
	default:
		panic(fmt.Sprintf("config: %v cannot be configured", t))
	}
	return s
}

func (s *schema) field(key string) *schema {
	for _, f := range s.fields {
		if f.key == key {
			return f.schema
		}
	}
	return nil
}

// setting is one key of the tree that can be set by itself: a scalar, a list or
// a map.
type setting struct {
	path string // "kafka.brokers"
	*schema
}

// variable is the name of the environment variable that sets it.
func (s setting) variable() string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(s.path, ".", "_"))
}

// settings lists what can be set by itself.
func (s *schema) settings() []setting {
	var all []setting
	for _, f := range s.fields {
		if f.kind != kindObject {
			all = append(all, setting{f.key, f.schema})
			continue
		}
		for _, below := range f.settings() {
			all = append(all, setting{f.key + "." + below.path, below.schema})
		}
	}
	return all
}

// find returns the setting of that path.
func (s *schema) find(path string) (setting, bool) {
	all := s.settings()
	i := slices.IndexFunc(all, func(x setting) bool { return x.path == path })
	if i < 0 {
		return setting{}, false
	}
	return all[i], true
}
