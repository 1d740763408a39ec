package node_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// With the memory store, everything comes from the models topic at each start.
func TestMemoryStore(t *testing.T) {
	w := fake(t)
	types := (&adder{}).registry(t)
	s := w.start(types, "store.kind=memory")
	w.publish(addModel("first", "1000000"))
	second := w.publish(addModel("second", "2000000"))
	s.awaitModel("wine", "second")
	s.stop()
	s = w.start(types, "store.kind=memory")
	if st := s.state("wine"); st.Current == nil || st.Current.Name != "second" {
		t.Fatalf("after the restart: %+v", st)
	}
	w.wines(0, 100)
	checkSums(t, w.scored(100)[second], 0, 100, 2_000_000)
}

// Whatever happens to the files of the store, the server starts, says so, and
// has the newest model from the models topic.
func TestDamagedStore(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"overwritten": func(b []byte) []byte {
			for i := range b {
				b[i] ^= 0x5a
			}
			return b
		},
		"cut in half": func(b []byte) []byte { return b[:len(b)/2] },
		"emptied":     func([]byte) []byte { return nil },
		"a bit here and there": func(b []byte) []byte {
			for i := 100; i < len(b); i += 997 {
				b[i] ^= 1
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := fake(t)
			types := (&adder{}).registry(t)
			s := w.start(types)
			w.publish(addModel("first", "1000000"))
			s.awaitModel("wine", "first")
			second := w.publish(addModel("second", "2000000"))
			s.awaitModel("wine", "second")
			s.stop()
			damageFiles(t, w.dir, damage)

			s = w.start(types)
			s.awaitModel("wine", "second")
			w.wines(0, 100)
			checkSums(t, w.scored(100)[second], 0, 100, 2_000_000)

			// And the store works again.
			s.stop()
			s = w.start(types)
			if st := s.state("wine"); st.Current == nil || st.Current.Name != "second" || st.Statistics.Records < 100 {
				t.Errorf("after another restart: %+v", st)
			}
			if _, err := os.Stat(filepath.Join(w.dir, "DAMAGE")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the damage was made good, and is still reported (%v)", err)
			}
		})
	}
}

func damageFiles(t *testing.T, dir string, damage func([]byte) []byte) {
	t.Helper()
	damaged := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		damaged++
		return os.WriteFile(path, damage(b), 0o600)
	})
	if err != nil || damaged == 0 {
		t.Fatalf("%d files damaged: %v", damaged, err)
	}
}
