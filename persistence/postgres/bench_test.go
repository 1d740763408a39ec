package postgres

import (
	"fmt"
	"sync"
	"testing"

	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// The benchmarks run a server with fsync: what a commit costs on this disk is most
// of what the writes measure.

func benchStore(b *testing.B) *Store {
	return openStore(b, config(b, pgtest.Run(b, pgtest.Config{Durable: true})))
}

func BenchmarkClaim(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		claim(b, s, "wine")
	}
}

func BenchmarkAppend(b *testing.B) {
	s := benchStore(b)
	epoch := claim(b, s, "wine")
	event := make([]byte, 300)
	for seq := uint64(1); b.Loop(); seq++ {
		must(b, s.Append(ctx, "wine", epoch, seq, event))
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := benchStore(b)
	epoch := claim(b, s, "wine")
	snapshot := make([]byte, 2_000)
	for b.Loop() {
		must(b, s.SaveSnapshot(ctx, "wine", epoch, 1, snapshot))
	}
}

// BenchmarkSnapshotTogether saves a snapshot of each of 1,000 ids at once, as
// happens when a server drains.
func BenchmarkSnapshotTogether(b *testing.B) {
	s := benchStore(b)
	snapshot := make([]byte, 2_000)
	epochs := make([]uint64, 1000)
	for i := range epochs {
		epochs[i] = claim(b, s, fmt.Sprintf("type %d", i))
	}
	for b.Loop() {
		var wg sync.WaitGroup
		for i, epoch := range epochs {
			wg.Go(func() { must(b, s.SaveSnapshot(ctx, fmt.Sprintf("type %d", i), epoch, 1, snapshot)) })
		}
		wg.Wait()
	}
}

func BenchmarkLoad(b *testing.B) {
	s := benchStore(b)
	fillID(b, s)
	for b.Loop() {
		if r := load(b, s, "wine"); r.LastSeq != 8 {
			b.Fatalf("%+v", r)
		}
	}
}

func fillID(b *testing.B, s *Store) {
	b.Helper()
	epoch := claim(b, s, "wine")
	for seq := uint64(1); seq <= 8; seq++ {
		must(b, s.Append(ctx, "wine", epoch, seq, make([]byte, 300)))
	}
	must(b, s.SaveSnapshot(ctx, "wine", epoch, 6, make([]byte, 2_000)))
}

func BenchmarkArtifact(b *testing.B) {
	for _, size := range []int{20 << 10, 8 << 20} {
		artifact := noise(size)
		b.Run(fmt.Sprintf("put/%dKiB", size>>10), func(b *testing.B) {
			s := benchStore(b)
			b.SetBytes(int64(size))
			for n := 0; b.Loop(); n++ {
				copy(artifact, fmt.Sprint(n))
				must(b, s.PutArtifact(ctx, digest(artifact), artifact))
			}
		})
		b.Run(fmt.Sprintf("get/%dKiB", size>>10), func(b *testing.B) {
			s := benchStore(b)
			must(b, s.PutArtifact(ctx, digest(artifact), artifact))
			b.SetBytes(int64(size))
			for b.Loop() {
				_, err := s.Artifact(ctx, digest(artifact))
				must(b, err)
			}
		})
	}
}
