package file

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/persistencetest"
)

func TestConformance(t *testing.T) {
	persistencetest.Exercise(t, persistencetest.Harness{
		New: func(t testing.TB) func() (persistence.Store, error) {
			dir := t.TempDir()
			return func() (persistence.Store, error) { return Open(Config{Dir: dir}) }
		},
		Durable: true,
		Inspect: func(s persistence.Store, id string) (events, snapshots []uint64, err error) {
			err = s.(*Store).db.view(func(tx *bbolt.Tx) error {
				return tx.Bucket(idsBucket).Bucket([]byte(id)).ForEach(func(key, _ []byte) error {
					switch keyKind(key) {
					case eventKind:
						events = append(events, keySeq(key))
					case snapshotKind:
						snapshots = append(snapshots, keySeq(key))
					}
					return nil
				})
			})
			return events, snapshots, err
		},
		Damage: damage,
		Age: func(s persistence.Store, digest string, by time.Duration) error {
			path := s.(*Store).artifacts.path(digest)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, info.ModTime().Add(-by))
		},
	})
}

// damage flips a bit in the middle of what is stored.
func damage(store persistence.Store, what persistencetest.Target) error {
	s := store.(*Store)
	if what.Artifact != "" {
		return flipFile(s.artifacts.path(what.Artifact))
	}
	return s.db.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(idsBucket).Bucket([]byte(what.ID))
		var found []byte
		err := b.ForEach(func(key, _ []byte) error {
			kind := keyKind(key)
			if (kind == eventKind && what.Event || kind == snapshotKind && what.Snapshot) && keySeq(key) == what.Seq {
				found = clone(key)
			}
			return nil
		})
		if err != nil || found == nil {
			return fmt.Errorf("nothing like %+v is stored (%w)", what, err)
		}
		value := clone(b.Get(found))
		value[len(value)/2] ^= 0x10
		return b.Put(found, value)
	})
}

func flipFile(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 0x10
	return os.WriteFile(path, content, fileMode)
}
