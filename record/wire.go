package record

import (
	"encoding/binary"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
)

// The wire format of protobuf (protobuf.dev/programming-guides/encoding), read
// by position: a step takes the position that it starts at and returns the one
// behind it, or the negative of a fault.

// uvarint reads a variable-length integer. It returns the position behind it,
// or a negated fault.
func uvarint(b []byte, pos int) (v uint64, next int) {
	for shift := uint(0); shift < 64; shift += 7 {
		if uint(pos) >= uint(len(b)) {
			return 0, -int(faultTruncated)
		}
		c := b[pos]
		pos++
		if c < 0x80 {
			if shift == 63 && c > 1 {
				return 0, -int(faultVarint)
			}
			return v | uint64(c)<<shift, pos
		}
		v |= uint64(c&0x7f) << shift
	}
	return 0, -int(faultVarint)
}

// length reads the length of a length-delimited value and checks that the value
// lies within b. It returns where the value starts and ends, or a negated fault
// as its start.
func length(b []byte, pos int) (start, end int) {
	if uint(pos) < uint(len(b)) && b[pos] < 0x80 { // nearly always one byte
		start, end = pos+1, pos+1+int(b[pos])
		if end > len(b) {
			return -int(faultTruncated), 0
		}
		return start, end
	}
	n, start := uvarint(b, pos)
	if start < 0 {
		return start, 0
	}
	if n > uint64(len(b)-start) {
		return -int(faultTruncated), 0
	}
	return start, start + int(n)
}

// skip passes over a field's value. number is the field's number, which the end
// of a group repeats; depth is how many more levels of groups may open.
func skip(b []byte, pos int, number uint64, wire byte, depth int) int {
	switch protowire.Type(wire) {
	case protowire.VarintType:
		return skipVarint(b, pos)
	case protowire.Fixed64Type:
		pos += 8
	case protowire.Fixed32Type:
		pos += 4
	case protowire.BytesType:
		start, end := length(b, pos)
		if start < 0 {
			return start
		}
		return end
	case protowire.StartGroupType:
		return skipGroup(b, pos, number, depth-1)
	case protowire.EndGroupType:
		return -int(faultGroup)
	default:
		return -int(faultWireType)
	}
	if pos > len(b) {
		return -int(faultTruncated)
	}
	return pos
}

// skipVarint passes over a variable-length integer.
func skipVarint(b []byte, pos int) int {
	if len(b)-pos >= 8 { // find the byte that ends it without a loop
		word := binary.LittleEndian.Uint64(b[pos:])
		if stop := ^word & 0x8080808080808080; stop != 0 {
			return pos + bits.TrailingZeros64(stop)>>3 + 1
		}
	}
	_, pos = uvarint(b, pos)
	return pos
}

// skipGroup passes over the rest of a group and its end.
func skipGroup(b []byte, pos int, number uint64, depth int) int {
	if depth < 0 {
		return -int(faultDepth)
	}
	for pos < len(b) {
		tag, next := uvarint(b, pos)
		if next < 0 {
			return next
		}
		inner, wire := tag>>3, byte(tag&7)
		if inner == 0 || inner > uint64(protowire.MaxValidNumber) {
			return -int(faultTag)
		}
		if protowire.Type(wire) == protowire.EndGroupType {
			if inner != number {
				return -int(faultGroup)
			}
			return next
		}
		if pos = skip(b, next, inner, wire, depth); pos < 0 {
			return pos
		}
	}
	return -int(faultGroup)
}
