package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// bbolt trusts its file. On one whose pages do not hang together it panics,
// faults in its memory map, or recurses until the process dies, partly in
// goroutines of its own where nobody can recover. So this file walks the pages
// first, with bounds everywhere. It reads bbolt's file format, version 2:
// https://pkg.go.dev/go.etcd.io/bbolt/internal/common has its structs.
const (
	metaMagic       = 0xED0CDAED
	metaVersion     = 2
	metaLength      = 64 // of the struct, the checksum is its last 8 bytes
	pageHeader      = 16 // id u64, flags u16, count u16, overflow u32
	elementLength   = 16 // of a branch's and of a leaf's
	bucketHeader    = 16 // root page u64, sequence u64
	noFreelist      = ^uint64(0)
	maxTreeDepth    = 64 // of nested buckets' pages together
	minPageSize     = 1 << 10
	maxPageSize     = 1 << 16
	bucketLeafFlag  = 1
	largeFreelist   = 0xFFFF
	freelistElement = 8
)

// The kinds of pages, as bbolt flags them.
const (
	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10
)

// native is the byte order of a bbolt file: that of the machine.
var native = binary.NativeEndian

// pageReport is what a walk found out about a whole database.
type pageReport struct {
	size      int64 // of the file, in bytes
	free      int64 // of it, in free pages
	metaError error // one of the two meta pages is bad; the other is in use
}

// checkPages walks a database file. It fails with a *structureError when bbolt
// must not see the file, and with another error when the file cannot be read.
func checkPages(f *os.File) (pageReport, error) {
	info, err := f.Stat()
	if err != nil {
		return pageReport{}, err
	}
	m, metaErr, err := readMeta(f, info.Size())
	if err != nil {
		return pageReport{}, err
	}
	w := walker{file: f, meta: m, seen: make([]bool, m.pages)}
	w.seen[0], w.seen[1] = true, true
	if err := w.bucket(m.root, 0); err != nil {
		return pageReport{}, err
	}
	free, err := w.freelist()
	return pageReport{size: info.Size(), free: int64(free * m.pageSize), metaError: metaErr}, err
}

// structureError says that a file is not a sound database.
type structureError struct{ text string }

func (e *structureError) Error() string { return e.text }

func unsound(format string, args ...any) error {
	return &structureError{text: fmt.Sprintf(format, args...)}
}

// meta is a meta page: the root of everything that a transaction wrote.
type meta struct {
	pageSize uint64
	root     uint64 // the root bucket's page
	freelist uint64 // the freelist's page, or noFreelist
	pages    uint64 // the high-water mark: the number of pages
	tx       uint64
}

// readMeta returns the meta page that bbolt will use: the sound one of the
// greater transaction. metaErr says that the other one is damaged.
func readMeta(f *os.File, size int64) (m meta, metaErr, err error) {
	first, err0 := metaAt(f, 0)
	if errors.As(err0, new(*structureError)) {
		// Page 1 lies at a distance that only page 0 tells. Take what it lies at
		// by itself: a sound meta page has its own page size.
		for at := int64(minPageSize); at <= maxPageSize && at < size; at *= 2 {
			if second, err1 := metaAt(f, at); err1 == nil && int64(second.pageSize) == at {
				return second, err0, second.fits(size)
			}
		}
		return m, nil, unsound("neither meta page is sound: %v", err0)
	} else if err0 != nil {
		return m, nil, err0
	}
	second, err1 := metaAt(f, int64(first.pageSize))
	switch {
	case err1 != nil && !errors.As(err1, new(*structureError)):
		return m, nil, err1
	case err1 != nil:
		return first, err1, first.fits(size)
	case second.pageSize != first.pageSize:
		return m, nil, unsound("the two meta pages differ in their page size")
	case second.tx > first.tx:
		return second, nil, second.fits(size)
	}
	return first, nil, first.fits(size)
}

func metaAt(f *os.File, at int64) (meta, error) {
	var page [pageHeader + metaLength]byte
	if _, err := f.ReadAt(page[:], at); err == io.EOF {
		return meta{}, unsound("the file ends before its meta page at %d", at)
	} else if err != nil {
		return meta{}, err
	}
	b := page[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:metaLength-8])
	m := meta{
		pageSize: uint64(native.Uint32(b[8:])),
		root:     native.Uint64(b[16:]),
		freelist: native.Uint64(b[32:]),
		pages:    native.Uint64(b[40:]),
		tx:       native.Uint64(b[48:]),
	}
	switch {
	case native.Uint32(b) != metaMagic:
		return m, unsound("the meta page at %d has not the magic number of a bbolt database", at)
	case native.Uint32(b[4:]) != metaVersion:
		return m, unsound("the meta page at %d has version %d, not %d", at, native.Uint32(b[4:]), metaVersion)
	case native.Uint64(b[56:]) != sum.Sum64():
		return m, unsound("the meta page at %d does not match its checksum", at)
	case m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0:
		return m, unsound("the meta page at %d has a page size of %d", at, m.pageSize)
	}
	return m, nil
}

// fits refuses a meta page that speaks of more than the file has.
func (m meta) fits(size int64) error {
	if m.pages < 4 || m.pages > uint64(size)/m.pageSize {
		return unsound("the file is cut short: it has %d bytes, and should have %d pages of %d", size, m.pages, m.pageSize)
	}
	return nil
}

// walker visits every page that is reachable from the root, each once.
type walker struct {
	file *os.File
	meta meta
	seen []bool
}

// page is a page with its overflow pages.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // header and all
}

// read reads a page that is visited for the first time.
func (w *walker) read(id uint64) (page, error) {
	if id < 2 || id >= w.meta.pages {
		return page{}, unsound("page %d is referred to, and there are pages 2 to %d", id, w.meta.pages-1)
	}
	var header [pageHeader]byte
	at := int64(id * w.meta.pageSize)
	if _, err := w.file.ReadAt(header[:], at); err != nil {
		return page{}, err
	}
	p := page{id: id, flags: native.Uint16(header[8:]), count: int(native.Uint16(header[10:]))}
	length := uint64(native.Uint32(header[12:])) + 1
	if self := native.Uint64(header[:]); self != id {
		return page{}, unsound("page %d calls itself page %d", id, self)
	}
	if length > w.meta.pages-id {
		return page{}, unsound("page %d overflows into %d pages behind the last one", id, length-(w.meta.pages-id))
	}
	for i := id; i < id+length; i++ {
		if w.seen[i] {
			return page{}, unsound("page %d is referred to twice", i)
		}
		w.seen[i] = true
	}
	p.data = make([]byte, length*w.meta.pageSize)
	_, err := w.file.ReadAt(p.data, at)
	return p, err
}

// bucket walks a bucket's tree.
func (w *walker) bucket(root uint64, depth int) error {
	return w.tree(root, nil, nil, depth)
}

// tree walks a subtree whose first key must be low, and whose others must be less
// than high; nil is no bound.
func (w *walker) tree(id uint64, low, high []byte, depth int) error {
	if depth > maxTreeDepth {
		return unsound("page %d lies deeper than %d pages", id, maxTreeDepth)
	}
	p, err := w.read(id)
	if err != nil {
		return err
	}
	switch {
	case p.flags == leafPage:
		return w.leaf(p.data, p.count, id, low, high, depth)
	case p.flags == branchPage && p.count > 0:
		return w.branch(p, low, high, depth)
	}
	return unsound("page %d is neither a branch with children nor a leaf (flags %#x)", id, p.flags)
}

func (w *walker) branch(p page, low, high []byte, depth int) error {
	keys := make([][]byte, p.count)
	for i := range keys {
		e, err := element(p.data, i, p.id)
		if err != nil {
			return err
		}
		if keys[i], err = slice(p.data, i, native.Uint32(e), native.Uint32(e[4:]), p.id); err != nil {
			return err
		}
	}
	if err := sorted(keys, low, high, p.id); err != nil {
		return err
	}
	for i := range keys {
		end := high
		if i+1 < len(keys) {
			end = keys[i+1]
		}
		e, _ := element(p.data, i, p.id)
		if err := w.tree(native.Uint64(e[8:]), keys[i], end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf walks the elements of a leaf page or of an inline bucket's page.
func (w *walker) leaf(data []byte, count int, id uint64, low, high []byte, depth int) error {
	keys := make([][]byte, count)
	for i := range keys {
		e, err := element(data, i, id)
		if err != nil {
			return err
		}
		flags, pos, keyLength, valueLength := native.Uint32(e), native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		if keys[i], err = slice(data, i, pos, keyLength, id); err != nil {
			return err
		}
		value, err := slice(data, i, pos+keyLength, valueLength, id)
		switch {
		case pos+keyLength < pos:
			return unsound("element %d of page %d lies outside of it", i, id)
		case err != nil:
			return err
		case flags == bucketLeafFlag:
			err = w.nested(value, id, depth)
		case flags != 0:
			err = unsound("element %d of page %d has flags %#x", i, id, flags)
		}
		if err != nil {
			return err
		}
	}
	return sorted(keys, low, high, id)
}

// nested walks a bucket that is an element of a leaf.
func (w *walker) nested(value []byte, id uint64, depth int) error {
	if len(value) < bucketHeader {
		return unsound("a bucket in page %d has no header", id)
	}
	if root := native.Uint64(value); root != 0 {
		return w.bucket(root, depth+1)
	}
	inline := value[bucketHeader:]
	switch {
	case depth > maxTreeDepth:
		return unsound("a bucket in page %d lies deeper than %d pages", id, maxTreeDepth)
	case len(inline) < pageHeader:
		return unsound("an inline bucket in page %d has no page", id)
	case native.Uint64(inline) != 0 || native.Uint32(inline[12:]) != 0:
		// bbolt would free that page.
		return unsound("an inline bucket in page %d says that it is page %d", id, native.Uint64(inline))
	case native.Uint16(inline[8:]) != leafPage:
		return unsound("an inline bucket in page %d is not a leaf", id)
	}
	return w.leaf(inline, int(native.Uint16(inline[10:])), id, nil, nil, depth+1)
}

// element returns the i-th element's struct.
func element(data []byte, i int, id uint64) ([]byte, error) {
	at := pageHeader + i*elementLength
	if at+elementLength > len(data) {
		return nil, unsound("page %d has no room for its elements", id)
	}
	return data[at : at+elementLength], nil
}

// slice returns bytes at a distance from the i-th element.
func slice(data []byte, i int, pos, length uint32, id uint64) ([]byte, error) {
	from := uint64(pageHeader+i*elementLength) + uint64(pos)
	if to := from + uint64(length); to <= uint64(len(data)) {
		return data[from:to], nil
	}
	return nil, unsound("element %d of page %d lies outside of it", i, id)
}

// sorted refuses keys that a search would not find. A page's first key is the
// one that its parent has for it, exactly: bbolt relies on that when it changes
// the page.
func sorted(keys [][]byte, low, high []byte, id uint64) error {
	if low != nil && (len(keys) == 0 || !bytes.Equal(keys[0], low)) {
		return unsound("page %d does not begin with its key", id)
	}
	for i, key := range keys {
		if i > 0 && bytes.Compare(keys[i-1], key) >= 0 || high != nil && bytes.Compare(key, high) >= 0 {
			return unsound("the keys of page %d are not in order", id)
		}
	}
	return nil
}

// freelist checks that no page is both free and in use: bbolt would write over
// what a bucket needs. It returns the number of free pages.
func (w *walker) freelist() (free uint64, err error) {
	if w.meta.freelist == noFreelist {
		return 0, unsound("the database has no freelist")
	}
	p, err := w.read(w.meta.freelist)
	if err != nil {
		return 0, err
	}
	if p.flags != freelistPage {
		return 0, unsound("page %d should be the freelist and has flags %#x", p.id, p.flags)
	}
	ids, count := p.data[pageHeader:], uint64(p.count)
	if count == largeFreelist {
		count, ids = native.Uint64(ids), ids[freelistElement:]
	}
	if count > uint64(len(ids)/freelistElement) {
		return 0, unsound("the freelist in page %d has no room for its %d pages", p.id, count)
	}
	for i := range count {
		id := native.Uint64(ids[i*freelistElement:])
		switch {
		case id < 2 || id >= w.meta.pages:
			return 0, unsound("the freelist has page %d, and there are pages 2 to %d", id, w.meta.pages-1)
		case w.seen[id]:
			return 0, unsound("page %d is in use and in the freelist, or twice in it", id)
		}
		w.seen[id] = true
	}
	return count, nil
}
