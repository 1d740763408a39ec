package proxy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	endTxn = 26 // the API key of EndTxn
	// firstFlexible is the first version of EndTxn with compact strings and
	// tagged fields.
	firstFlexible = 3
	// maxFrame is more than any broker takes.
	maxFrame = 256 << 20
	// maxEndTxn is more than an EndTxn request can need: two short names.
	maxEndTxn = 128 << 10
	// head is what of a frame is looked at: size, and of requests key, version
	// and correlation id.
	requestHead, answerHead = 12, 8
)

// frame is the beginning of a request or an answer; the rest is still in the
// reader.
type frame struct {
	head []byte // size included
	rest int64
}

func readFrame(r *bufio.Reader, head int) (frame, error) {
	start, err := r.Peek(4)
	if err != nil {
		return frame{}, err
	}
	size := int64(int32(binary.BigEndian.Uint32(start)))
	if size < int64(head)-4 || size > maxFrame {
		return frame{}, fmt.Errorf("proxy: a frame of %d bytes is none of Kafka's", size)
	}
	f := frame{head: make([]byte, head), rest: size + 4 - int64(head)}
	_, err = io.ReadFull(r, f.head)
	return f, err
}

// absorb reads up to n bytes more into the head, and says whether that was all.
func (f *frame) absorb(r *bufio.Reader, n int64) (bool, error) {
	n = min(n, f.rest)
	more := make([]byte, n)
	if _, err := io.ReadFull(r, more); err != nil {
		return false, err
	}
	f.head = append(f.head, more...)
	f.rest -= n
	return f.rest == 0, nil
}

// send passes the frame on.
func (f *frame) send(w *bufio.Writer, r *bufio.Reader) error {
	if _, err := w.Write(f.head); err != nil {
		return err
	}
	if _, err := io.CopyN(w, r, f.rest); err != nil {
		return err
	}
	return w.Flush()
}

func (f *frame) key() int16         { return int16(binary.BigEndian.Uint16(f.head[4:])) }
func (f *frame) version() int16     { return int16(binary.BigEndian.Uint16(f.head[6:])) }
func (f *frame) correlation() int32 { return int32(binary.BigEndian.Uint32(f.head[8:])) }
func (f *frame) answerTo() int32    { return int32(binary.BigEndian.Uint32(f.head[4:])) }
func (f *frame) body() *fields      { return &fields{b: f.head[requestHead:]} }
func (f *frame) isCommit() bool     { return commits(f.body(), f.version() >= firstFlexible) }
func (f *frame) mayCommit() bool    { return f.key() == endTxn }

// commits reads an EndTxn request after its correlation id: the client's id,
// the transactional id, the producer's id and epoch, and whether it commits.
func commits(b *fields, flexible bool) bool {
	b.text()
	if flexible {
		b.tags()
		b.compactText()
	} else {
		b.text()
	}
	b.skip(8 + 2)
	return b.next() == 1 && !b.short
}

// committed reads the answer to EndTxn after its correlation id: the time by
// which the client is slowed down, and an error code.
func committed(b []byte, flexible bool) bool {
	f := &fields{b: b}
	if flexible {
		f.tags()
	}
	f.skip(4)
	code := uint16(f.next())<<8 | uint16(f.next())
	return code == 0 && !f.short
}

// fields reads a request's fields one after another. What goes past the end
// makes it short, and zero.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) skip(n int) {
	if n < 0 || n > len(f.b) {
		f.b, f.short = nil, true
		return
	}
	f.b = f.b[n:]
}

func (f *fields) next() byte {
	if len(f.b) == 0 {
		f.short = true
		return 0
	}
	v := f.b[0]
	f.b = f.b[1:]
	return v
}

// text passes over a string with a length of two bytes; -1 is none.
func (f *fields) text() {
	if n := int16(uint16(f.next())<<8 | uint16(f.next())); n > 0 {
		f.skip(int(n))
	}
}

// compactText passes over a string whose length plus one is a varint.
func (f *fields) compactText() {
	if n := f.varint(); n > 1 {
		f.skip(n - 1)
	}
}

func (f *fields) tags() {
	for range f.varint() {
		if f.short {
			return
		}
		f.varint()
		f.skip(f.varint())
	}
}

// varint reads a length: one that an int32 does not hold is short.
func (f *fields) varint() int {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > 1<<31-1 {
		f.b, f.short = nil, true
		return 0
	}
	f.b = f.b[n:]
	return int(v)
}
