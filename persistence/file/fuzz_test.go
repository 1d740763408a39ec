package file

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/modelstream/modelserver/persistence"
)

const fuzzIDs = 30

// fuzzImage is a database with a tree of several pages, and overflow pages.
func fuzzImage(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir})
	must(t, err)
	must(t, fill(s, 0, fuzzIDs))
	must(t, s.Close())
	data, err := os.ReadFile(filepath.Join(dir, databaseName))
	must(t, err)
	return data
}

// patches are changes of a file: 6 bytes each. The first four are where (modulo
// the size), the next is how, the last with what.
func patch(data, patches []byte) []byte {
	for ; len(patches) >= 6; patches = patches[6:] {
		at := int(native.Uint32(patches)) % len(data)
		with := patches[5]
		switch patches[4] % 8 {
		case 0, 1:
			data[at] ^= 1 << (with % 8)
		case 2:
			data[at] = with
		case 3: // a lost sector
			at -= at % 512
			clear(data[at:min(at+512, len(data))])
		case 4: // a sector from elsewhere
			at -= at % 512
			from := int(with) * 512 % len(data)
			copy(data[at:min(at+512, len(data))], data[from:])
		case 5: // near the start of a page, where its structure is
			at = at&^0xFFF + int(with)
			data[min(at, len(data)-1)] ^= patches[0]
		case 6: // the file's end
			if len(data) > 1<<14 {
				data = data[:max(1, len(data)-int(with)*512)]
			}
		case 7:
			data = append(data, with)
		}
	}
	return data
}

// FuzzDamagedDatabase damages a database in any way. Nothing may panic, nothing
// may come back changed, and nothing may be missing without a word. Afterwards
// the store works.
func FuzzDamagedDatabase(f *testing.F) {
	whole := fuzzImage(f)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		patches := make([]byte, 6*(1+r.IntN(4)))
		for i := range patches {
			patches[i] = byte(r.Uint32())
		}
		f.Add(patches)
	}
	f.Fuzz(func(t *testing.T, patches []byte) { survive(t, patch(bytes.Clone(whole), patches)) })
}

// TestEveryPageDamaged does the same to each page's header and first elements,
// one after the other.
func TestEveryPageDamaged(t *testing.T) {
	whole := fuzzImage(t)
	r := rand.New(rand.NewPCG(4, 4))
	for page := 0; page < len(whole); page += os.Getpagesize() {
		damaged := bytes.Clone(whole)
		damaged[page+r.IntN(80)] ^= 1 << r.IntN(8)
		survive(t, damaged)
	}
}

// survive opens a store on a damaged database.
func survive(t *testing.T, data []byte) {
	t.Helper()
	dir := t.TempDir()
	defer os.RemoveAll(dir) // and not at the test's end, which has hundreds
	must(t, os.WriteFile(filepath.Join(dir, databaseName), data, fileMode))
	s, err := Open(Config{Dir: dir, noSync: true})
	must(t, err)
	defer s.Close()

	for i := range fuzzIDs {
		id := fmt.Sprintf("type %d", i)
		r := load(t, s, id)
		verifyContent(t, s, id)
		complete := r.LastSeq == 8 && r.SnapshotSeq == 6 && len(r.Events) == 2
		if !complete && len(r.Damaged) == 0 && len(s.Damage()) == 0 {
			t.Errorf("%s: nothing is reported, and there are snapshot %d, %d events, last %d", id, r.SnapshotSeq, len(r.Events), r.LastSeq)
		}
		if i%5 == 0 || len(r.Damaged) > 0 {
			writable(t, s, id, r.LastSeq+1)
		}
	}
	if _, err := s.IDs(ctx); err != nil && !errors.As(err, new(*persistence.DamageError)) {
		t.Error(err)
	}
}

// writable checks that an id can be written to.
func writable(t *testing.T, s *Store, id string, seq uint64) {
	t.Helper()
	if err := s.Append(ctx, id, 1, seq, stored('e', id, seq)); err != nil {
		t.Errorf("%s: append %d: %v", id, seq, err)
	}
	if err := s.SaveSnapshot(ctx, id, 1, seq, stored('s', id, seq)); err != nil {
		t.Errorf("%s: snapshot %d: %v", id, seq, err)
	}
	if r := load(t, s, id); r.LastSeq != seq || r.SnapshotSeq != seq {
		t.Errorf("%s: after event %d: %+v", id, seq, r)
	}
}
