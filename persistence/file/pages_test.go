package file

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// TestSoundPagesAreAccepted: whatever bbolt makes of random work is accepted, at
// every moment. A sound database that is refused would be moved aside.
func TestSoundPagesAreAccepted(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 2))
		path := filepath.Join(t.TempDir(), "db")
		db, err := bbolt.Open(path, fileMode, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType})
		must(t, err)
		for round := range 60 {
			must(t, db.Update(func(tx *bbolt.Tx) error { return randomWork(r, tx) }))
			must(t, db.View(func(tx *bbolt.Tx) (err error) {
				for e := range tx.Check() {
					err = errors.Join(err, e)
				}
				return err
			}))
			f, err := os.Open(path)
			must(t, err)
			report, err := checkPages(f)
			if err != nil || report.metaError != nil {
				t.Fatalf("seed %d, round %d: %v, %v", seed, round, err, report.metaError)
			}
			must(t, f.Close())
		}
		must(t, db.Close())
	}
}

// randomWork changes nested buckets in all ways that a store does, and some more.
func randomWork(r *rand.Rand, tx *bbolt.Tx) error {
	root, err := tx.CreateBucketIfNotExists([]byte("root"))
	if err != nil {
		return err
	}
	for range r.IntN(100) {
		name := fmt.Appendf(nil, "bucket %d", r.IntN(200))
		if r.IntN(4) == 0 {
			if err := root.DeleteBucket(name); err != nil && root.Bucket(name) != nil {
				return err
			}
			continue
		}
		b, err := root.CreateBucketIfNotExists(name)
		if err != nil {
			return err
		}
		for range r.IntN(10) {
			key := make([]byte, 1+r.IntN(20))
			key[0] = byte(r.IntN(40))
			size := r.IntN(200)
			if r.IntN(20) == 0 {
				size = r.IntN(50_000)
			}
			if err := errors.Join(b.Put(key, make([]byte, size)), b.Delete([]byte{byte(r.IntN(40))})); err != nil {
				return err
			}
		}
	}
	return nil
}

// image is a database file in memory, to be damaged.
type image struct {
	t        *testing.T
	data     []byte
	pageSize int
}

func newImage(t *testing.T) *image {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir})
	must(t, err)
	// One transaction makes a tree of several pages: about 40 ids to a leaf.
	must(t, s.db.update(func(tx *bbolt.Tx) error {
		for i := range 300 {
			id := fmt.Sprintf("type %d", i)
			if err := putEvent(tx, id, 1, seal(id, eventKind, 1, make([]byte, 20+i%5*600))); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, s.Close())
	data, err := os.ReadFile(filepath.Join(dir, databaseName))
	must(t, err)
	return &image{t: t, data: data, pageSize: os.Getpagesize()}
}

// meta returns the meta page in use.
func (m *image) meta() []byte {
	a, b := m.data[pageHeader:], m.data[m.pageSize+pageHeader:]
	if native.Uint64(b[48:]) > native.Uint64(a[48:]) {
		return b
	}
	return a
}

// resign makes the meta page's checksum right again.
func (m *image) resign() {
	sum := fnv.New64a()
	sum.Write(m.meta()[:metaLength-8])
	native.PutUint64(m.meta()[56:], sum.Sum64())
}

func (m *image) page(id uint64) []byte { return m.data[int(id)*m.pageSize:] }

// idsRoot returns the root page of the bucket of ids.
func (m *image) idsRoot() []byte {
	root := m.page(native.Uint64(m.meta()[16:]))
	for i := range int(native.Uint16(root[10:])) {
		e := m.element(root, i)
		pos, keyLength := native.Uint32(e[4:]), native.Uint32(e[8:])
		if key := e[pos : pos+keyLength]; string(key) == "ids" {
			return m.page(native.Uint64(e[pos+keyLength:]))
		}
	}
	m.t.Fatal("there is no bucket of ids")
	return nil
}

func (m *image) element(page []byte, i int) []byte { return page[pageHeader+i*elementLength:] }

// child returns the i-th child of the branch at the root of the ids.
func (m *image) child(i int) []byte {
	root := m.idsRoot()
	if native.Uint16(root[8:]) != branchPage || int(native.Uint16(root[10:])) <= i {
		m.t.Fatal("the ids are no tree of that many pages")
	}
	return m.page(native.Uint64(m.element(root, i)[8:]))
}

func (m *image) freelist() []byte { return m.page(native.Uint64(m.meta()[32:])) }

// bucketValue returns the value of the first leaf's first bucket that is inline,
// or that is not.
func (m *image) bucketValue(inline bool) []byte {
	leaf := m.child(0)
	for i := range int(native.Uint16(leaf[10:])) {
		e := m.element(leaf, i)
		at := native.Uint32(e[4:]) + native.Uint32(e[8:])
		value := e[at : at+native.Uint32(e[12:])]
		if (native.Uint64(value) == 0) == inline {
			return value
		}
	}
	m.t.Fatalf("no bucket in the first leaf is inline = %t", inline)
	return nil
}

// TestUnsoundPagesAreFound damages one thing after the other that bbolt trusts.
// Most of these end a process that hands the file to bbolt.
func TestUnsoundPagesAreFound(t *testing.T) {
	put16, put32, put64 := native.PutUint16, native.PutUint32, native.PutUint64
	for _, test := range []struct {
		name   string
		damage func(m *image)
	}{
		{"a page has another's number", func(m *image) { put64(m.child(1), 7) }},
		{"a page has no kind", func(m *image) { put16(m.child(1)[8:], 0) }},
		{"a page has two kinds", func(m *image) { put16(m.child(1)[8:], branchPage|leafPage) }},
		{"a page is a freelist", func(m *image) { put16(m.child(1)[8:], freelistPage) }},
		{"a branch has no children", func(m *image) { put16(m.idsRoot()[10:], 0) }},
		{"a branch has more children than room", func(m *image) { put16(m.idsRoot()[10:], 0xFFFF) }},
		{"a leaf has more elements than room", func(m *image) { put16(m.child(1)[10:], 0xFFFF) }},
		{"a page overflows behind the end", func(m *image) { put32(m.child(1)[12:], 1<<31) }},
		{"a page overflows into another", func(m *image) { put32(m.child(1)[12:], 3) }},
		{"a child is no page", func(m *image) { put64(m.element(m.idsRoot(), 1)[8:], 1<<40) }},
		{"a child is a meta page", func(m *image) { put64(m.element(m.idsRoot(), 1)[8:], 1) }},
		{"a child is its parent", func(m *image) { put64(m.element(m.idsRoot(), 1)[8:], native.Uint64(m.idsRoot())) }},
		{"two children are one", func(m *image) { put64(m.element(m.idsRoot(), 1)[8:], native.Uint64(m.child(0))) }},
		{"two children are exchanged", func(m *image) {
			a, b := native.Uint64(m.child(1)), native.Uint64(m.child(2))
			put64(m.element(m.idsRoot(), 1)[8:], b)
			put64(m.element(m.idsRoot(), 2)[8:], a)
		}},
		{"a branch's key lies outside", func(m *image) { put32(m.element(m.idsRoot(), 1), 1<<20) }},
		{"a branch's key is too long", func(m *image) { put32(m.element(m.idsRoot(), 1)[4:], 1<<31) }},
		{"an element lies outside", func(m *image) { put32(m.element(m.child(1), 2)[4:], 1<<20) }},
		{"an element's position overflows", func(m *image) { put32(m.element(m.child(1), 2)[4:], 1<<32-1) }},
		{"a key is too long", func(m *image) { put32(m.element(m.child(1), 2)[8:], 1<<32-1) }},
		{"a value is too long", func(m *image) { put32(m.element(m.child(1), 2)[12:], 1<<32-1) }},
		{"an element has unknown flags", func(m *image) { put32(m.element(m.child(1), 2), 2) }},
		{"a value is taken for a bucket", func(m *image) {
			inline := m.bucketValue(true)[bucketHeader:]
			put32(m.element(inline, 0), bucketLeafFlag)
		}},
		{"keys are out of order", func(m *image) {
			e := m.element(m.child(1), 2)
			e[native.Uint32(e[4:])] = 0xFF
		}},
		{"a page's first key is another than its parent says", func(m *image) {
			e := m.element(m.child(1), 0)
			e[native.Uint32(e[4:])+native.Uint32(e[8:])-1]++
		}},
		{"a bucket has no header", func(m *image) { put32(m.element(m.child(1), 2)[12:], 7) }},
		{"a bucket's root is no page", func(m *image) { put64(m.bucketValue(false), 1<<62) }},
		{"a bucket's root is another's", func(m *image) { put64(m.bucketValue(false), native.Uint64(m.child(1))) }},
		{"an inline bucket has a page number", func(m *image) { put64(m.bucketValue(true)[bucketHeader:], 7) }},
		{"an inline bucket overflows", func(m *image) { put32(m.bucketValue(true)[bucketHeader+12:], 1) }},
		{"an inline bucket is no leaf", func(m *image) { put16(m.bucketValue(true)[bucketHeader+8:], branchPage) }},
		{"an inline bucket has more elements than room", func(m *image) { put16(m.bucketValue(true)[bucketHeader+10:], 1000) }},
		{"an inline bucket ends in its header", func(m *image) {
			for i := range int(native.Uint16(m.child(0)[10:])) {
				put32(m.element(m.child(0), i)[12:], bucketHeader)
			}
		}},
		{"the freelist is a leaf", func(m *image) { put16(m.freelist()[8:], leafPage) }},
		{"the freelist has a page in use", func(m *image) { put64(m.freelist()[pageHeader:], native.Uint64(m.child(1))) }},
		{"the freelist has itself", func(m *image) { put64(m.freelist()[pageHeader:], native.Uint64(m.freelist())) }},
		{"the freelist has a page twice", func(m *image) {
			put64(m.freelist()[pageHeader:], native.Uint64(m.freelist()[pageHeader+8:]))
		}},
		{"the freelist has a page that is not there", func(m *image) { put64(m.freelist()[pageHeader:], 1<<50) }},
		{"the freelist has more pages than room", func(m *image) { put16(m.freelist()[10:], 0xFFFE) }},
		{"the freelist has more pages than a number", func(m *image) {
			put16(m.freelist()[10:], largeFreelist)
			put64(m.freelist()[pageHeader:], 1<<63)
		}},
		{"there is no freelist", func(m *image) { put64(m.meta()[32:], noFreelist); m.resign() }},
		{"the freelist is nowhere", func(m *image) { put64(m.meta()[32:], 1<<40); m.resign() }},
		{"the root is nowhere", func(m *image) { put64(m.meta()[16:], 1<<40); m.resign() }},
		{"there are more pages than the file has", func(m *image) { put64(m.meta()[40:], 1<<60); m.resign() }},
		{"the page size is odd", func(m *image) {
			for _, at := range []int{0, m.pageSize} {
				meta := m.data[at+pageHeader:]
				put32(meta[8:], 5000)
				sum := fnv.New64a()
				sum.Write(meta[:metaLength-8])
				put64(meta[56:], sum.Sum64())
			}
		}},
		{"the file is cut", func(m *image) { m.data = m.data[:len(m.data)/2] }},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newImage(t)
			test.damage(m)
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, databaseName), m.data, fileMode))
			f, err := os.Open(filepath.Join(dir, databaseName))
			must(t, err)
			defer f.Close()
			if _, err := checkPages(f); !errors.As(err, new(*structureError)) {
				t.Fatalf("error %v, want a structureError", err)
			}
			s := openStore(t, dir)
			if len(s.Damage()) != 1 {
				t.Errorf("the damage is %v", s.Damage())
			}
		})
	}
	t.Run("without damage", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), databaseName)
		must(t, os.WriteFile(path, newImage(t).data, fileMode))
		f, err := os.Open(path)
		must(t, err)
		defer f.Close()
		if _, err := checkPages(f); err != nil {
			t.Error(err)
		}
	})
}
