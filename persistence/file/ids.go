package file

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/modelstream/modelserver/persistence"
)

// The number of ids is kept beside them, so that one that is missing is missed:
// its actor would take an empty recovery for a first start.

// addID makes an id's bucket.
func addID(tx *bbolt.Tx, id string) (*bbolt.Bucket, error) {
	b, err := tx.Bucket(idsBucket).CreateBucket([]byte(id))
	if err != nil {
		return nil, err
	}
	n, err := readCount(tx)
	if err != nil {
		return nil, err
	}
	return b, putCount(tx, n+1)
}

// removeID removes an id's bucket, if there is one.
func removeID(tx *bbolt.Tx, id string) error {
	ids := tx.Bucket(idsBucket)
	if ids.Bucket([]byte(id)) == nil {
		return errNothing
	}
	n, err := readCount(tx)
	if err != nil {
		return err
	}
	return errors.Join(ids.DeleteBucket([]byte(id)), putCount(tx, n-1))
}

// readCount returns the number of ids that there should be.
func readCount(tx *bbolt.Tx) (uint64, error) {
	payload, err := unseal("", countKind, 0, tx.Bucket(metaBucket).Get(countKey))
	if err == nil && len(payload) != 8 {
		err = errChecksum
	}
	if err != nil {
		return 0, fmt.Errorf("the number of ids: %w", err)
	}
	return binary.BigEndian.Uint64(payload), nil
}

func putCount(tx *bbolt.Tx, n uint64) error {
	value := seal("", countKind, 0, binary.BigEndian.AppendUint64(nil, n))
	return tx.Bucket(metaBucket).Put(countKey, value)
}

// census counts the ids of a database that was just opened. What is missing is
// noted as damage of the store, and then the count is mended.
func (d *database) census(db *bbolt.DB) error {
	var missing error
	var nameless []string // ids under which nothing is whole: their names changed
	count := uint64(0)
	err := db.View(func(tx *bbolt.Tx) error {
		ids := tx.Bucket(idsBucket)
		err := ids.ForEach(func(key, value []byte) error {
			if b := ids.Bucket(key); value != nil || b == nil || !anyWhole(b, string(key)) {
				nameless = append(nameless, string(key))
			} else {
				count++
			}
			return nil
		})
		if err != nil {
			return err
		}
		n, err := readCount(tx)
		if err != nil {
			missing = err
		} else if n != count {
			missing = fmt.Errorf("%d ids are stored, and %d should be", count, n)
		}
		return nil
	})
	if err != nil || missing == nil && len(nameless) == 0 {
		return err
	}
	for _, id := range nameless {
		missing = errors.Join(missing, fmt.Errorf("nothing under the id %q is whole, so it is dropped", id))
	}
	if err := d.damage.add(&persistence.DamageError{What: d.path, Err: missing}); err != nil {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		ids := tx.Bucket(idsBucket)
		for _, id := range nameless {
			if ids.Bucket([]byte(id)) == nil {
				if err := ids.Delete([]byte(id)); err != nil {
					return err
				}
			} else if err := ids.DeleteBucket([]byte(id)); err != nil {
				return err
			}
		}
		return putCount(tx, count)
	})
}

// anyWhole says whether anything in an id's bucket belongs to that id.
func anyWhole(b *bbolt.Bucket, id string) bool {
	c := b.Cursor()
	if _, err := unseal(id, headKind, 0, b.Get(headKey)); err == nil {
		return true
	}
	for key, value := c.First(); key != nil; key, value = c.Next() {
		if kind := keyKind(key); kind == eventKind || kind == snapshotKind {
			if _, err := unseal(id, kind, keySeq(key), value); err == nil {
				return true
			}
		}
	}
	return false
}
