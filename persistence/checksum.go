package persistence

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is what stores keep beside a payload: a CRC-32C of what the payload
// belongs to (the id, a letter for what it is, its number) as well as of itself.
// So bytes that a damaged store shows in the wrong place are found as surely as
// bytes that changed. The id's length keeps the parts apart.
func Checksum(id string, kind byte, seq uint64, payload []byte) uint32 {
	var head [4 + 1 + 8]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(id)))
	head[4] = kind
	binary.BigEndian.PutUint64(head[5:], seq)
	sum := crc32.Update(0, castagnoli, head[:])
	sum = crc32.Update(sum, castagnoli, []byte(id))
	return crc32.Update(sum, castagnoli, payload)
}
