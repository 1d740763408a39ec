// Package wine holds the demo's data and models, built into the program so that
// a demo needs no files. README.md says what they are, where the data comes
// from, and how to make them again.
//
// The package owns nothing that changes. A manifest that cannot be used is an
// error of [ReadManifest] that names the model and the field.
package wine

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"go.yaml.in/yaml/v3"
)

//go:embed models.yaml wine.csv quality.csv models expected
var files embed.FS

// The files of a [Files] tree.
const (
	ManifestFile = "models.yaml"
	RecordsFile  = "wine.csv"    // a header of field names, then a record a line
	QualityFile  = "quality.csv" // what tasters found, line by line
)

// Files returns the folder: the files above and those that the manifest names.
func Files() fs.FS { return files }

// Manifest lists models to publish for one data type.
type Manifest struct {
	DataType string  `yaml:"dataType"`
	Models   []Model `yaml:"models"`
}

// Model is a model of a manifest. In the file, File and Expected are relative to
// it; [ReadManifest] returns them relative to the root of its file system.
type Model struct {
	Name        string            `yaml:"name"`
	Version     string            `yaml:"version"`
	Type        string            `yaml:"type"` // the model type's name
	File        string            `yaml:"file"`
	Description string            `yaml:"description"`
	Options     map[string]string `yaml:"options"`
	// Expected is a CSV of predictions by the library that trained the model:
	// the column "row" counts the records from 0, the others are outputs.
	Expected string `yaml:"expected"`
	// Rejected is the phase in which a server has to reject the model, or "".
	Rejected string `yaml:"rejected"`
}

const maxManifest = 1 << 20

// ReadManifest reads a manifest and checks that it is complete and that its
// files are there. It refuses unknown fields, so that a typo does not go
// unnoticed.
func ReadManifest(fsys fs.FS, name string) (*Manifest, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := yaml.NewDecoder(io.LimitReader(f, maxManifest))
	in.KnownFields(true)
	m := new(Manifest)
	if err := in.Decode(m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	if err := m.check(fsys, path.Dir(name)); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	return m, nil
}

func (m *Manifest) check(fsys fs.FS, dir string) error {
	if m.DataType == "" {
		return errors.New("dataType is missing")
	}
	if len(m.Models) == 0 {
		return errors.New("models is empty")
	}
	for i := range m.Models {
		e := &m.Models[i]
		if e.Name == "" || e.Type == "" || e.File == "" {
			return fmt.Errorf("model %d (%q): name, type and file are required", i+1, e.Name)
		}
		e.File = path.Join(dir, e.File)
		if _, err := fs.Stat(fsys, e.File); err != nil {
			return fmt.Errorf("model %q: %w", e.Name, err)
		}
		if e.Expected == "" {
			continue
		}
		e.Expected = path.Join(dir, e.Expected)
		if _, err := fs.Stat(fsys, e.Expected); err != nil {
			return fmt.Errorf("model %q: %w", e.Name, err)
		}
	}
	return nil
}
