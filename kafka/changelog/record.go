package changelog

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
)

// kind says what a record of the state topic is.
type kind byte

// The kinds of records.
const (
	claimKind    kind = 'c' // an owner's claim of an id
	eventKind    kind = 'e'
	snapshotKind kind = 's'
	deleteKind   kind = 'd' // forgets the events and snapshots before it

	uploadKind  kind = 'u' // chunks of an artifact are about to be written
	putKind     kind = 'a' // the chunks are there: the artifact exists
	touchKind   kind = 't' // the artifact was put once more
	condemnKind kind = 'x' // the upload is over: its chunks may go

	probeKind kind = 'p' // marks a place in the log, and means nothing else
)

// nonce makes the key of each record its own: the store that wrote it, and a
// count of its writes. Nothing is ever overwritten, by compaction least of all.
type nonce [16]byte

func (n nonce) writer() [8]byte { return [8]byte(n[:8]) }

// upload names the chunks of one attempt to store an artifact: the nonce of the
// record that announced them.
type upload = nonce

// key is the key of a record of the state topic.
//
//	checksum(4) | kind(1) | epoch(8) seq(8), or upload(16) | nonce(16) | object
//
// The object is the id, or the artifact's digest; it decides on the partition.
// The checksum is over the rest: a key that rotted must not fence anybody.
type key struct {
	kind       kind
	epoch, seq uint64 // of an id's records
	upload     upload // of an artifact's records
	nonce      nonce
	object     string
}

const (
	keySum  = 4
	keyHead = keySum + 1 + 16 + 16
)

func (k *key) encode() []byte {
	b := make([]byte, keySum, keyHead+len(k.object))
	b = append(b, byte(k.kind))
	if k.ofArtifact() {
		b = append(b, k.upload[:]...)
	} else {
		b = binary.BigEndian.AppendUint64(b, k.epoch)
		b = binary.BigEndian.AppendUint64(b, k.seq)
	}
	b = append(b, k.nonce[:]...)
	b = append(b, k.object...)
	binary.BigEndian.PutUint32(b, checksum(nil, b[keySum:]))
	return b
}

// ofArtifact says whether the object is a digest.
func (k *key) ofArtifact() bool {
	switch k.kind {
	case uploadKind, putKind, touchKind, condemnKind:
		return true
	}
	return false
}

// decodeKey returns false for what is no key of ours.
func decodeKey(b []byte) (k key, ok bool) {
	if len(b) < keyHead || binary.BigEndian.Uint32(b) != checksum(nil, b[keySum:]) {
		return k, false
	}
	k = key{kind: kind(b[keySum]), nonce: nonce(b[keySum+17 : keyHead]), object: string(b[keyHead:])}
	a := b[keySum+1:]
	switch k.kind {
	case uploadKind, putKind, touchKind, condemnKind:
		k.upload = upload(a[:16])
	case claimKind, eventKind, snapshotKind, deleteKind, probeKind:
		k.epoch, k.seq = binary.BigEndian.Uint64(a), binary.BigEndian.Uint64(a[8:])
	default:
		return k, false
	}
	return k, (k.object == "") == (k.kind == probeKind)
}

// String is what logs and errors call the record.
func (k *key) String() string {
	switch k.kind {
	case claimKind:
		return fmt.Sprintf("claim %d of %q", k.epoch, k.object)
	case eventKind:
		return fmt.Sprintf("event %d of %q", k.seq, k.object)
	case snapshotKind:
		return fmt.Sprintf("snapshot %d of %q", k.seq, k.object)
	case deleteKind:
		return fmt.Sprintf("deletion of %q", k.object)
	case probeKind:
		return "probe"
	}
	return fmt.Sprintf("record %c of artifact %.16s…", k.kind, k.object)
}

// A value is a version, a checksum over the key and the body, and the body. So
// bytes that lie under a wrong key are found as surely as bytes that changed.
const (
	valueVersion = 1
	valueHead    = 1 + 4
)

// overhead is what a record has besides its body, at most: for limits.
const overhead = 4 << 10

var (
	errChecksum = errors.New("the checksum does not match")
	errVersion  = errors.New("it was written by a newer version, or is none of ours")
)

// crcTable is not kept: the library keeps it.
func checksum(key, body []byte) uint32 {
	t := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, t), t, body)
}

func seal(key, body []byte) []byte {
	v := make([]byte, valueHead, valueHead+len(body))
	v[0] = valueVersion
	binary.BigEndian.PutUint32(v[1:], checksum(key, body))
	return append(v, body...)
}

// unseal returns the body, as a part of the value.
func unseal(key, value []byte) ([]byte, error) {
	switch {
	case len(value) < valueHead || value[0] != valueVersion:
		return nil, errVersion
	case binary.BigEndian.Uint32(value[1:]) != checksum(key, value[valueHead:]):
		return nil, errChecksum
	}
	return value[valueHead:], nil
}

// reference says where the chunks of an upload lie on the artifacts topic. An
// announcement does not know the offsets yet.
type reference struct {
	partition   uint32
	count       uint32 // of chunks
	size        uint64 // of the artifact
	first, last int64  // offsets
}

const referenceLength = 4 + 4 + 8 + 8 + 8

func (r *reference) encode() []byte {
	b := make([]byte, 0, referenceLength)
	b = binary.BigEndian.AppendUint32(b, r.partition)
	b = binary.BigEndian.AppendUint32(b, r.count)
	b = binary.BigEndian.AppendUint64(b, r.size)
	b = binary.BigEndian.AppendUint64(b, uint64(r.first))
	return binary.BigEndian.AppendUint64(b, uint64(r.last))
}

func decodeReference(b []byte) (r reference, ok bool) {
	if len(b) != referenceLength {
		return r, false
	}
	return reference{
		partition: binary.BigEndian.Uint32(b), count: binary.BigEndian.Uint32(b[4:]), size: binary.BigEndian.Uint64(b[8:]),
		first: int64(binary.BigEndian.Uint64(b[16:])), last: int64(binary.BigEndian.Uint64(b[24:])),
	}, true
}

// chunkKey is the key of a chunk on the artifacts topic: the upload and the
// chunk's number.
func chunkKey(u upload, number uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{}, u[:]...), number)
}

// partitionOf returns an object's partition. It must never change: an object's
// records have one order only within one partition.
func partitionOf(object string, partitions int32) int32 {
	h := fnv.New64a()
	h.Write([]byte(object)) // never fails
	return int32(h.Sum64() % uint64(partitions))
}

func (n nonce) String() string { return hex.EncodeToString(n[:]) }
