package file

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// The benchmarks use the test's temporary directory: what an fsync costs there
// is most of what they measure. BenchmarkSync says what that is.

func BenchmarkSync(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		must(b, writeFile(filepath.Join(dir, "file"), make([]byte, 100)))
	}
}

func BenchmarkAppend(b *testing.B) {
	s := openStore(b, b.TempDir())
	event := make([]byte, 300)
	for seq := uint64(1); b.Loop(); seq++ {
		must(b, s.Append(ctx, "wine", 1, seq, event))
	}
}

// BenchmarkAppendTogether appends one event to each of 1,000 ids at once.
func BenchmarkAppendTogether(b *testing.B) {
	s := openStore(b, b.TempDir())
	event := make([]byte, 300)
	for seq := uint64(1); b.Loop(); seq++ {
		thousand(b, func(id string) error { return s.Append(ctx, id, 1, seq, event) })
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := openStore(b, b.TempDir())
	snapshot := make([]byte, 2_000)
	for b.Loop() {
		must(b, s.SaveSnapshot(ctx, "wine", 1, 1, snapshot))
	}
}

// BenchmarkSnapshotTogether saves a snapshot of each of 1,000 ids at once, as
// happens when a server drains.
func BenchmarkSnapshotTogether(b *testing.B) {
	s := openStore(b, b.TempDir())
	snapshot := make([]byte, 2_000)
	for b.Loop() {
		thousand(b, func(id string) error { return s.SaveSnapshot(ctx, id, 1, 1, snapshot) })
	}
}

// thousand runs f for 1,000 ids at once.
func thousand(b *testing.B, f func(id string) error) {
	b.Helper()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			if err := f(fmt.Sprintf("type %d", i)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// restorable fills a store with 1,000 ids: ten events and two snapshots each.
func restorable(b *testing.B) (dir string) {
	b.Helper()
	dir = b.TempDir()
	s, err := Open(Config{Dir: dir})
	must(b, err)
	for seq := uint64(1); seq <= 10; seq++ {
		thousand(b, func(id string) error { return s.Append(ctx, id, 1, seq, make([]byte, 300)) })
		if seq%4 == 0 {
			thousand(b, func(id string) error { return s.SaveSnapshot(ctx, id, 1, seq, make([]byte, 2_000)) })
		}
	}
	must(b, s.Close())
	return dir
}

// BenchmarkOpen opens and closes a store of 1,000 ids: the walk of all pages and
// the census are in it.
func BenchmarkOpen(b *testing.B) {
	dir := restorable(b)
	for b.Loop() {
		s, err := Open(Config{Dir: dir})
		must(b, err)
		must(b, s.Close())
	}
}

// BenchmarkRestore opens a store of 1,000 ids and loads each.
func BenchmarkRestore(b *testing.B) {
	dir := restorable(b)
	for b.Loop() {
		s, err := Open(Config{Dir: dir})
		must(b, err)
		ids, err := s.IDs(ctx)
		if err != nil || len(ids) != 1000 {
			b.Fatal(len(ids), err)
		}
		for _, id := range ids {
			if r := load(b, s, id); r.LastSeq != 10 || r.SnapshotSeq != 8 || len(r.Events) != 2 {
				b.Fatalf("%+v", r)
			}
		}
		must(b, s.Close())
	}
}

func BenchmarkLoad(b *testing.B) {
	s := openStore(b, restorable(b))
	for b.Loop() {
		load(b, s, "type 500")
	}
}

func BenchmarkPutArtifact(b *testing.B) {
	for _, size := range []int{10_000, 10_000_000} {
		artifact := bytes.Repeat([]byte("0123456789"), size/10)
		name := digest(artifact)
		b.Run(fmt.Sprintf("new/%dkB", size/1000), func(b *testing.B) {
			s := openStore(b, b.TempDir())
			b.SetBytes(int64(size))
			for b.Loop() {
				must(b, s.PutArtifact(ctx, name, artifact))
				b.StopTimer()
				must(b, s.RetainArtifacts(ctx, 0, func(string) bool { return false }))
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("there/%dkB", size/1000), func(b *testing.B) {
			s := openStore(b, b.TempDir())
			must(b, s.PutArtifact(ctx, name, artifact))
			b.SetBytes(int64(size))
			for b.Loop() {
				must(b, s.PutArtifact(ctx, name, artifact))
			}
		})
	}
}
