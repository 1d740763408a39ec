package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/modelstream/modelserver/persistence"
)

// claimKind seals an id's newest epoch in the bucket of claims, and, under no
// id, the store's greatest in the meta bucket.
const claimKind = 'c'

var (
	claimsBucket = []byte("claims")
	epochKey     = []byte("epoch")
)

// Claim implements [persistence.Store].
//
// One counter serves all ids, so that an id whose claim is damaged gets no epoch
// twice. It is never behind the clock, so that neither does one whose database
// was moved aside.
func (s *Store) Claim(ctx context.Context, id string) (epoch uint64, err error) {
	if err := persistence.CheckID(id); err != nil {
		return 0, err
	}
	var given uint64
	err = s.submit(ctx, 0, func(tx *bbolt.Tx) error {
		newest := max(readClaim(tx, id), readEpoch(tx.Bucket(metaBucket), epochKey, ""), uint64(time.Now().UnixMilli()))
		var err error
		if given, err = persistence.NextEpoch(id, newest); err != nil {
			return err
		}
		return putClaim(tx, id, given)
	})
	if err != nil {
		return 0, err // the writer may still be about to set given
	}
	return given, nil
}

// owned makes a change of an id's owner, or refuses it.
func owned(tx *bbolt.Tx, id string, epoch uint64, change func() error) error {
	switch owner := readClaim(tx, id); {
	case epoch < owner:
		return &persistence.FencedError{ID: id, Epoch: epoch, Owner: owner}
	case epoch == owner:
		return change()
	}
	err := change()
	if err != nil && !errors.Is(err, errNothing) {
		return err
	}
	return putClaim(tx, id, epoch)
}

// readClaim returns an id's newest epoch; 0 where it is not known.
func readClaim(tx *bbolt.Tx, id string) uint64 {
	return readEpoch(tx.Bucket(claimsBucket), []byte(id), id)
}

func readEpoch(b *bbolt.Bucket, key []byte, id string) uint64 {
	payload, err := unseal(id, claimKind, 0, b.Get(key))
	if err != nil || len(payload) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(payload)
}

// putClaim makes an epoch an id's newest, and the store's if it is greater.
func putClaim(tx *bbolt.Tx, id string, epoch uint64) error {
	meta := tx.Bucket(metaBucket)
	value := binary.BigEndian.AppendUint64(nil, epoch)
	err := tx.Bucket(claimsBucket).Put([]byte(id), seal(id, claimKind, 0, value))
	if epoch > readEpoch(meta, epochKey, "") {
		err = errors.Join(err, meta.Put(epochKey, seal("", claimKind, 0, value)))
	}
	return err
}

// prepareClaims makes the bucket in a database of a server that knew no claims.
func (d *database) prepareClaims(db *bbolt.DB) error {
	there := false
	err := db.View(func(tx *bbolt.Tx) error {
		there = tx.Bucket(claimsBucket) != nil
		return nil
	})
	if err != nil || there {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(claimsBucket)
		return err
	})
	if errors.Is(err, bbolterrors.ErrIncompatibleValue) {
		err = &persistence.DamageError{What: d.path, Err: fmt.Errorf("its bucket %q is none", claimsBucket)}
	}
	return err
}
