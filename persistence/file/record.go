package file

import (
	"encoding/binary"
	"errors"

	"github.com/modelstream/modelserver/persistence"
)

// The kinds of keys in an id's bucket. Their order is that of the bytes.
const (
	eventKind    = 'e'
	headKind     = 'h'
	snapshotKind = 's'
)

const (
	eventKeyLength    = 1 + 8
	snapshotKeyLength = 1 + 8 + 8
	checksumLength    = 4
)

var (
	headKey = []byte{headKind}

	errChecksum = errors.New("the checksum does not match")
	errForeign  = errors.New("it is none of the store's")
)

func eventKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{eventKind}, seq)
}

func snapshotKey(seq, n uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{snapshotKind}, seq), n)
}

// keyKind returns the kind of a key of an id's bucket, or 0 for a foreign one.
func keyKind(key []byte) byte {
	switch {
	case len(key) == eventKeyLength && key[0] == eventKind,
		len(key) == len(headKey) && key[0] == headKind,
		len(key) == snapshotKeyLength && key[0] == snapshotKind:
		return key[0]
	}
	return 0
}

// keySeq returns the sequence number of an event's or a snapshot's key.
func keySeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

// keyNumber returns which of the id's snapshots a snapshot's key is of.
func keyNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[1+8:]) }

// seal returns the value to store for a payload.
func seal(id string, kind byte, seq uint64, payload []byte) []byte {
	value := make([]byte, checksumLength, checksumLength+len(payload))
	binary.BigEndian.PutUint32(value, persistence.Checksum(id, kind, seq, payload))
	return append(value, payload...)
}

// unseal returns the payload of a stored value, as a view into it.
func unseal(id string, kind byte, seq uint64, value []byte) ([]byte, error) {
	if len(value) < checksumLength {
		return nil, errChecksum
	}
	payload := value[checksumLength:]
	if binary.BigEndian.Uint32(value) != persistence.Checksum(id, kind, seq, payload) {
		return nil, errChecksum
	}
	return payload, nil
}
