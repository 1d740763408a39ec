package file

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNobodyElseMayRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "store")
	s := openStore(t, dir)
	must(t, s.Append(ctx, "wine", 1, 1, nil))
	must(t, s.PutArtifact(ctx, helloDigest, []byte("hello")))
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

func TestOpenClearsWhatACrashLeft(t *testing.T) {
	dir := filled(t)
	var left, kept []string
	for _, name := range []string{"state.db.tmp", "DAMAGE.123.tmp", "artifacts/" + helloDigest + ".7.tmp"} {
		left = append(left, filepath.Join(dir, name))
	}
	for _, name := range []string{"notes.txt", "artifacts/README"} {
		kept = append(kept, filepath.Join(dir, name))
	}
	for _, path := range append(left, kept...) {
		must(t, os.WriteFile(path, []byte("?"), fileMode))
	}
	s := openStore(t, dir)
	must(t, s.RetainArtifacts(ctx, 0, func(digest string) bool {
		if digest != helloDigest {
			t.Errorf("retain was asked for %q", digest)
		}
		return true
	}))
	for _, path := range left {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
	for _, path := range kept {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestArtifactIsWrittenOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	artifact := bytes.Repeat([]byte("0123456789"), 20_000)
	must(t, s.PutArtifact(ctx, digest(artifact), artifact))
	path := s.artifacts.path(digest(artifact))
	first, err := os.Stat(path)
	must(t, err)
	must(t, s.PutArtifact(ctx, digest(artifact), artifact))
	second, err := os.Stat(path)
	must(t, err)
	if !os.SameFile(first, second) { // a write makes a new file of that name
		t.Error("an artifact that is there already was written again")
	}
}

func TestDamagedArtifacts(t *testing.T) {
	artifact := []byte(strings.Repeat("a model ", 10_000))
	for name, change := range map[string]func(path string) error{
		"flipped":  flipFile,
		"cut":      func(path string) error { return os.Truncate(path, 100) },
		"empty":    func(path string) error { return os.Truncate(path, 0) },
		"extended": func(path string) error { return os.Truncate(path, 1<<20) },
		"huge":     func(path string) error { return os.Truncate(path, 3<<30) }, // a hole of 3 GiB
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			must(t, s.PutArtifact(ctx, digest(artifact), artifact))
			must(t, change(s.artifacts.path(digest(artifact))))
			if got, err := s.Artifact(ctx, digest(artifact)); err == nil || !strings.Contains(err.Error(), "damaged") || got != nil {
				t.Errorf("a damaged artifact: %d bytes, error %v", len(got), err)
			}
			must(t, s.PutArtifact(ctx, digest(artifact), artifact))
			if got, err := s.Artifact(ctx, digest(artifact)); err != nil || !bytes.Equal(got, artifact) {
				t.Errorf("put again: %v", err)
			}
		})
	}
}

func TestCompactionGivesSpaceBack(t *testing.T) {
	dir := filled(t)
	s, err := Open(Config{Dir: dir})
	must(t, err)
	for i := range 40 {
		must(t, s.SaveSnapshot(ctx, fmt.Sprintf("large %d", i), 1, 1, make([]byte, 100<<10)))
	}
	for i := range 40 {
		must(t, s.Delete(ctx, fmt.Sprintf("large %d", i), 1))
	}
	must(t, s.Close())
	path := filepath.Join(dir, databaseName)
	before, err := os.Stat(path)
	must(t, err)

	d := &database{dir: dir, path: path, compactAt: 1 << 20}
	must(t, d.open())
	must(t, d.close())
	after, err := os.Stat(path)
	must(t, err)
	if after.Size() > before.Size()/4 {
		t.Errorf("%d bytes became %d", before.Size(), after.Size())
	}
	s = openStore(t, dir)
	if ids, err := s.IDs(ctx); err != nil || len(ids) != 12 || len(s.Damage()) != 0 {
		t.Errorf("ids %q, %v, damage %v", ids, err, s.Damage())
	}
	for i := range 12 {
		id := fmt.Sprintf("type %d", i)
		if r := load(t, s, id); r.LastSeq != 8 || r.SnapshotSeq != 6 || len(r.Damaged) != 0 {
			t.Errorf("%s: %+v", id, r)
		}
		verifyContent(t, s, id)
	}
}
