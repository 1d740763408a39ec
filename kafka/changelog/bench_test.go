package changelog

import (
	"fmt"
	"sync"
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

func realPlace(b *testing.B) *place {
	return newPlace(b, broker.Get(b).Seeds(kafkatest.Plaintext))
}

// An event, from the call to the read-back.
func BenchmarkAppend(b *testing.B) {
	s := realPlace(b).store()
	epoch := claim(b, s, "wine")
	for seq := uint64(1); b.Loop(); seq++ {
		must(b, s.Append(ctx, "wine", epoch, seq, make([]byte, 300)))
	}
}

// thousand calls f for a thousand ids at once.
func thousand(b *testing.B, f func(id string) error) {
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			if err := f(fmt.Sprint("type ", i)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// A snapshot of each of a thousand data types at once, as every half minute.
func BenchmarkSnapshotTogether(b *testing.B) {
	s := realPlace(b).store()
	epochs := sync.Map{}
	thousand(b, func(id string) error {
		epoch, err := s.Claim(ctx, id)
		epochs.Store(id, epoch)
		return err
	})
	for b.Loop() {
		thousand(b, func(id string) error {
			epoch, _ := epochs.Load(id)
			return s.SaveSnapshot(ctx, id, epoch.(uint64), 1, make([]byte, 2_000))
		})
	}
}

// An artifact of 20 KB, from its offset.
func BenchmarkArtifact(b *testing.B) {
	s := realPlace(b).store()
	artifact := randomBytes(20_000)
	must(b, s.PutArtifact(ctx, digestOf(artifact), artifact))
	b.SetBytes(int64(len(artifact)))
	for b.Loop() {
		if _, err := s.Artifact(ctx, digestOf(artifact)); err != nil {
			b.Fatal(err)
		}
	}
}

// A new server reads the state of a thousand data types.
func BenchmarkRestore(b *testing.B) {
	p := realPlace(b)
	s := p.store()
	thousand(b, func(id string) error {
		epoch, err := s.Claim(ctx, id)
		for seq := uint64(1); seq <= 4 && err == nil; seq++ {
			if err = s.Append(ctx, id, epoch, seq, make([]byte, 300)); err == nil && seq%2 == 0 {
				err = s.SaveSnapshot(ctx, id, epoch, seq, make([]byte, 2_000))
			}
		}
		return err
	})
	for b.Loop() {
		s, err := p.open()
		must(b, err)
		if len(s.view.ids) != 1000 {
			b.Fatalf("%d ids", len(s.view.ids))
		}
		must(b, s.Close())
	}
}
