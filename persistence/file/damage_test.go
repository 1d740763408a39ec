package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// filled makes a store with a few ids and an artifact, and returns its directory.
func filled(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Open(Config{Dir: dir})
	must(t, err)
	must(t, fill(s, 0, 12))
	must(t, s.PutArtifact(ctx, helloDigest, []byte("hello")))
	must(t, s.Close())
	return dir
}

const helloDigest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// fill writes events and snapshots under ids from..to.
func fill(s *Store, from, to int) error {
	for i := from; i < to; i++ {
		id := fmt.Sprintf("type %d", i)
		for seq := uint64(1); seq <= 8; seq++ {
			if err := s.Append(ctx, id, 1, seq, stored('e', id, seq)); err != nil {
				return err
			}
			if seq%3 != 0 {
				continue
			}
			if err := s.SaveSnapshot(ctx, id, 1, seq, stored('s', id, seq)); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestUnreadableDatabaseIsMovedAside(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, databaseName)
	good, err := os.ReadFile(path)
	must(t, err)
	pageSize := os.Getpagesize()

	for name, content := range map[string][]byte{
		"empty":                    {},
		"text":                     []byte("this is no database"),
		"zeros":                    make([]byte, len(good)),
		"ends in the first page":   good[:100],
		"ends after the meta":      good[:2*pageSize],
		"half":                     good[:len(good)/2/pageSize*pageSize],
		"both meta pages are gone": slices.Concat(make([]byte, 2*pageSize), good[2*pageSize:]),
		"all pages are gone":       slices.Concat(good[:2*pageSize], make([]byte, len(good)-2*pageSize)),
		"all pages are ones":       slices.Concat(good[:2*pageSize], bytes.Repeat([]byte{0xFF}, len(good)-2*pageSize)),
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(path, content, fileMode))
			s, err := Open(Config{Dir: dir})
			must(t, err)
			damage := s.Damage()
			if len(damage) == 0 {
				t.Fatal("no damage is reported")
			}
			aside := movedAside(t, dir)
			if !strings.Contains(damage[len(damage)-1].Error(), aside) {
				t.Errorf("the damage %q does not name the file %s", damage[len(damage)-1].Error(), aside)
			}
			if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, content) {
				t.Errorf("the damaged database was not kept as it was (%v)", err)
			}
			if ids, err := s.IDs(ctx); err != nil || len(ids) != 0 {
				t.Errorf("ids: %q, %v", ids, err)
			}
			must(t, s.Append(ctx, "wine", 1, 1, []byte("a new beginning")))
			if a, err := s.Artifact(ctx, helloDigest); string(a) != "hello" {
				t.Errorf("the artifact is %q, %v", a, err)
			}
			must(t, s.Close())

			// The report stays until it is acknowledged.
			s, err = Open(Config{Dir: dir})
			must(t, err)
			if again := s.Damage(); len(again) != len(damage) || again[0].Error() != damage[0].Error() {
				t.Errorf("after a restart the damage is %v, want %v", again, damage)
			}
			must(t, s.AcknowledgeDamage(ctx))
			must(t, s.AcknowledgeDamage(ctx)) // once more is no error
			must(t, s.Close())
			s, err = Open(Config{Dir: dir})
			must(t, err)
			if damage := s.Damage(); len(damage) != 0 {
				t.Errorf("after it was acknowledged the damage is %v", damage)
			}
			if r := load(t, s, "wine"); r.LastSeq != 1 {
				t.Errorf("what was written since then is lost: %+v", r)
			}
			must(t, s.Close())
			must(t, os.Remove(aside))
		})
	}
}

// movedAside returns the one database that was moved aside.
func movedAside(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, databaseName+".damaged-*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("moved aside are %q, %v", names, err)
	}
	return names[0]
}

func TestSecondDamageInASecondHasItsOwnName(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		must(t, os.WriteFile(filepath.Join(dir, databaseName), nil, fileMode))
		s, err := Open(Config{Dir: dir})
		must(t, err)
		must(t, s.Close())
	}
	names, err := filepath.Glob(filepath.Join(dir, databaseName+".damaged-*"))
	if err != nil || len(names) != 3 {
		t.Errorf("moved aside are %q, %v; want 3", names, err)
	}
}

// A bad meta page means that bbolt shows the transaction before the last one. An
// event that was acknowledged may be gone, and nobody would know.
func TestDamagedMetaPageIsReported(t *testing.T) {
	for page := range 2 {
		dir := filled(t)
		path := filepath.Join(dir, databaseName)
		content, err := os.ReadFile(path)
		must(t, err)
		content[page*os.Getpagesize()+pageHeader+20] ^= 1
		must(t, os.WriteFile(path, content, fileMode))

		s := openStore(t, dir)
		if damage := s.Damage(); len(damage) != 1 || !strings.Contains(damage[0].Error(), "last transaction") {
			t.Errorf("meta page %d: the damage is %v", page, damage)
		}
		if r := load(t, s, "type 0"); r.LastSeq != 8 {
			t.Errorf("meta page %d: %+v", page, r)
		}
		must(t, s.Append(ctx, "wine", 1, 1, nil)) // mends the page
		must(t, s.AcknowledgeDamage(ctx))
		must(t, s.Close())
		if damage := openStore(t, dir).Damage(); len(damage) != 0 {
			t.Errorf("meta page %d: after a write the damage is %v", page, damage)
		}
	}
}

// A file that is cut short under a running store faults in the memory map.
func TestFaultWhileRunningIsDamage(t *testing.T) {
	for _, test := range []struct {
		name string
		read bool // before the first write
	}{{"found by a reader", true}, {"found by the writer", false}} {
		t.Run(test.name, func(t *testing.T) {
			dir := filled(t)
			s := openStore(t, dir)
			must(t, os.Truncate(s.db.path, int64(2*os.Getpagesize())))
			if test.read {
				r := load(t, s, "type 3")
				if len(r.Damaged) == 0 {
					t.Errorf("load returned %+v", r)
				}
				if _, err := s.IDs(ctx); !errors.As(err, new(*persistence.DamageError)) {
					t.Errorf("ids: error %v, want a DamageError", err)
				}
			}
			if err := s.Append(ctx, "type 3", 1, 9, nil); err == nil {
				t.Error("an event was appended to a database that is gone")
			}
			// The database was opened anew, and is a new one.
			if damage := s.Damage(); len(damage) != 1 {
				t.Errorf("the damage is %v", damage)
			}
			must(t, s.SaveSnapshot(ctx, "type 3", 1, 9, []byte("all that the actor knows")))
			must(t, s.Append(ctx, "type 3", 1, 10, nil))
			if r := load(t, s, "type 3"); r.LastSeq != 10 || len(r.Damaged) != 0 {
				t.Errorf("afterwards: %+v", r)
			}
		})
	}
}

func TestNewerFormatIsLeftAlone(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, databaseName)
	db, err := bbolt.Open(path, fileMode, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(formatKey, seal("", formatKind, 0, []byte("2")))
	}))
	must(t, db.Close())
	before, err := os.ReadFile(path)
	must(t, err)

	_, err = Open(Config{Dir: dir})
	var wrong *FormatError
	if !errors.As(err, &wrong) || wrong.Got != "2" || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want a FormatError of %q that names the directory", err, "2")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed (%v)", err)
	}
}

func TestForeignDatabaseIsMovedAside(t *testing.T) {
	for name, change := range map[string]func(tx *bbolt.Tx) error{
		"no format":      func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(formatKey) },
		"no meta":        func(tx *bbolt.Tx) error { return tx.DeleteBucket(metaBucket) },
		"no ids":         func(tx *bbolt.Tx) error { return tx.DeleteBucket(idsBucket) },
		"damaged format": func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put(formatKey, []byte("????2")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			db, err := bbolt.Open(filepath.Join(dir, databaseName), fileMode, nil)
			must(t, err)
			must(t, errors.Join(db.Update(change), db.Close()))
			s := openStore(t, dir)
			movedAside(t, dir)
			if len(s.Damage()) != 1 {
				t.Errorf("the damage is %v", s.Damage())
			}
		})
	}
}

func TestForeignEntriesAndLastNumber(t *testing.T) {
	s := openStore(t, filled(t))
	must(t, s.db.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(idsBucket).Bucket([]byte("type 1"))
		return errors.Join(b.Put([]byte("e?"), []byte("?")), b.Put([]byte("zz"), nil), b.Put(headKey, []byte("12345")))
	}))
	r := load(t, s, "type 1")
	if r.LastSeq != 8 || r.SnapshotSeq != 6 || len(r.Events) != 2 || len(r.Damaged) != 3 {
		t.Errorf("load: %+v", r)
	}
	must(t, s.Append(ctx, "type 1", 1, 9, nil)) // mends the last number
	must(t, s.SaveSnapshot(ctx, "type 1", 1, 9, nil))
	if r := load(t, s, "type 1"); r.LastSeq != 9 || len(r.Damaged) != 2 {
		t.Errorf("after an event: %+v", r)
	}
}

func TestDamageLogIsBounded(t *testing.T) {
	l, err := readDamageLog(t.TempDir())
	must(t, err)
	for i := range maxNotes + 10 {
		must(t, l.add(&persistence.DamageError{What: fmt.Sprintf("part %d", i), Err: errors.New("two\nlines")}))
	}
	again, err := readDamageLog(filepath.Dir(l.path))
	must(t, err)
	if len(again.lines) != maxNotes || !strings.Contains(again.lines[0], " part 10: two lines") {
		t.Errorf("%d lines, the first is %q", len(again.lines), again.lines[0])
	}
}
