package wine_test

import (
	"encoding/csv"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/messages"
)

func readCSV(t *testing.T, name string) (header []string, rows [][]string) {
	t.Helper()
	f, err := wine.Files().Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all[0], all[1:]
}

func TestRecordsAreWineRecords(t *testing.T) {
	header, rows := readCSV(t, wine.RecordsFile)
	fields := new(messages.WineRecord).ProtoReflect().Descriptor().Fields()
	for i, name := range header {
		if f := fields.Get(i); string(f.Name()) != name {
			t.Errorf("column %d is %q, the record's field is %q", i, name, f.Name())
		}
	}
	if len(rows) != 1599 {
		t.Errorf("%d records, want 1599", len(rows))
	}
	for _, row := range rows {
		for _, v := range row {
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, qualities := readCSV(t, wine.QualityFile); len(qualities) != len(rows) {
		t.Errorf("%d qualities for %d records", len(qualities), len(rows))
	}
}

func TestManifestNamesEveryFile(t *testing.T) {
	m, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, e := range m.Models {
		named = append(named, e.File)
		if (e.Expected == "") != (e.Rejected != "") {
			t.Errorf("%s: a model is either rejected or has expected predictions", e.Name)
		}
		if e.Expected != "" {
			named = append(named, e.Expected)
			checkExpected(t, e.Expected)
		}
	}
	for _, dir := range []string{"models", "expected"} {
		entries, err := fs.ReadDir(wine.Files(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !slices.Contains(named, dir+"/"+e.Name()) {
				t.Errorf("%s/%s is in no manifest", dir, e.Name())
			}
		}
	}
}

func checkExpected(t *testing.T, name string) {
	t.Helper()
	header, rows := readCSV(t, name)
	if header[0] != "row" || header[1] != "quality" {
		t.Errorf("%s: columns %q", name, header)
	}
	if len(rows) != 400 {
		t.Errorf("%s: %d rows, want 400", name, len(rows))
	}
}

func TestReadManifestRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ yaml, want string }{
		"no data type":  {"models: [{name: a, type: pmml, file: m}]", "dataType"},
		"no models":     {"dataType: wine", "models is empty"},
		"no file":       {"dataType: wine\nmodels: [{name: a, type: pmml}]", `"a"`},
		"missing file":  {"dataType: wine\nmodels: [{name: a, type: pmml, file: gone}]", "gone"},
		"outside":       {"dataType: wine\nmodels: [{name: a, type: pmml, file: ../m}]", `"a"`},
		"unknown field": {"dataType: wine\nmodel: []", "model"},
		"no YAML":       {"\x00", ""},
		"empty":         {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"models.yaml": {Data: []byte(tt.yaml)}, "m": {}}
			_, err := wine.ReadManifest(files, "models.yaml")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
