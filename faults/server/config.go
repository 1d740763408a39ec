package server

import (
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Settings are a configuration by its keys, such as "kafka.group.id".
type Settings map[string]any

// tree nests the keys.
func (s Settings) tree() map[string]any {
	root := map[string]any{}
	for key, value := range s {
		at := root
		steps := strings.Split(key, ".")
		for _, step := range steps[:len(steps)-1] {
			below, ok := at[step].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[step] = below
			}
			at = below
		}
		at[steps[len(steps)-1]] = value
	}
	return root
}

// write writes the settings as a YAML file, with what every server of a test
// has of its own: its data directory, a free port, and a log that can be read.
func (s Settings) write(dir, name string) (string, error) {
	tree := s.tree()
	for _, section := range []string{"node", "store", "http", "log"} {
		if _, ok := tree[section].(map[string]any); !ok {
			tree[section] = map[string]any{}
		}
	}
	defaults := func(section, key string, value any) {
		if m := tree[section].(map[string]any); m[key] == nil {
			m[key] = value
		}
	}
	defaults("node", "name", name)
	defaults("store", "dir", filepath.Join(dir, "data"))
	defaults("http", "listen", "127.0.0.1:0")
	defaults("log", "format", "json")
	b, err := yaml.Marshal(tree)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "modelserver.yaml")
	return path, os.WriteFile(path, b, 0o600)
}
