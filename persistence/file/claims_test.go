package file

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// claim claims an id.
func claim(t testing.TB, s *Store, id string) uint64 {
	t.Helper()
	epoch, err := s.Claim(ctx, id)
	must(t, err)
	return epoch
}

// A database of a server that knew no claims is read, and gets them.
func TestDatabaseWithoutClaims(t *testing.T) {
	dir := filled(t)
	db, err := bbolt.Open(filepath.Join(dir, databaseName), fileMode, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(tx.DeleteBucket(claimsBucket), tx.Bucket(metaBucket).Delete(epochKey))
	}))
	must(t, db.Close())

	s := openStore(t, dir)
	if r := load(t, s, "type 3"); r.LastSeq != 8 || len(r.Damaged) != 0 || len(s.Damage()) != 0 {
		t.Errorf("%+v, damage %v", r, s.Damage())
	}
	epoch := claim(t, s, "type 3")
	must(t, s.Append(ctx, "type 3", epoch, 9, nil))
	if again := claim(t, s, "type 3"); again <= epoch {
		t.Errorf("epoch %d after %d", again, epoch)
	}
	if err := s.Append(ctx, "type 3", epoch, 10, nil); !errors.As(err, new(*persistence.FencedError)) {
		t.Errorf("a former owner: %v", err)
	}
}

// Whatever became of a claim, or of the whole database, epochs grow.
func TestEpochsGrowOverDamage(t *testing.T) {
	flip := func(b *bbolt.Bucket, key []byte) error {
		value := clone(b.Get(key))
		value[len(value)-1] ^= 0x10
		return b.Put(key, value)
	}
	for name, change := range map[string]func(tx *bbolt.Tx) error{
		"the claim":   func(tx *bbolt.Tx) error { return flip(tx.Bucket(claimsBucket), []byte("wine")) },
		"the counter": func(tx *bbolt.Tx) error { return flip(tx.Bucket(metaBucket), epochKey) },
		"no claim":    func(tx *bbolt.Tx) error { return tx.Bucket(claimsBucket).Delete([]byte("wine")) },
		"no counter":  func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(epochKey) },
		"both": func(tx *bbolt.Tx) error {
			return errors.Join(flip(tx.Bucket(claimsBucket), []byte("wine")), flip(tx.Bucket(metaBucket), epochKey))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			before := claim(t, s, "wine")
			must(t, s.db.update(change))
			// Whose claim is lost keeps it by writing.
			must(t, s.Append(ctx, "wine", before, 1, nil))
			if after := claim(t, s, "wine"); after <= before {
				t.Errorf("epoch %d after %d", after, before)
			}
		})
	}
	t.Run("the database", func(t *testing.T) {
		dir := t.TempDir()
		s, err := Open(Config{Dir: dir})
		must(t, err)
		before := claim(t, s, "wine")
		must(t, s.Close())
		must(t, os.WriteFile(filepath.Join(dir, databaseName), nil, fileMode))
		if after := claim(t, openStore(t, dir), "wine"); after <= before {
			t.Errorf("epoch %d after %d", after, before)
		}
	})
}
