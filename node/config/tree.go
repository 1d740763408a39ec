package config

import "reflect"

// treeOf returns a struct's values as nested maps, by key.
func treeOf(s *schema, v reflect.Value) map[string]any {
	m := make(map[string]any, len(s.fields))
	for _, f := range s.fields {
		m[f.key] = plain(f.schema, v.Field(f.index))
	}
	return m
}

func plain(s *schema, v reflect.Value) any {
	switch s.kind {
	case kindObject:
		return treeOf(s, v)
	case kindMap:
		m := make(map[string]any, v.Len())
		for _, k := range v.MapKeys() {
			m[k.String()] = plain(s.elem, v.MapIndex(k))
		}
		return m
	case kindList:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(s.elem, v.Index(i))
		}
		return list
	}
	return v.Interface()
}
