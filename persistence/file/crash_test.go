package file

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

const crashIDs = 4

// writeUntilKilled writes under a few ids at once, going on where it finds each,
// and says what was acknowledged. It never ends by itself.
func writeUntilKilled(dir string) error {
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	errs := make([]error, crashIDs)
	var wg sync.WaitGroup
	for i := range crashIDs {
		wg.Go(func() { errs[i] = writeID(s, fmt.Sprintf("type-%d", i)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func writeID(s *Store, id string) error {
	r, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	for seq := r.LastSeq + 1; ; seq++ {
		artifact := stored('a', id, seq)
		if err := s.PutArtifact(ctx, digest(artifact), artifact); err != nil {
			return err
		}
		fmt.Println("artifact", id, seq)
		if err := s.Append(ctx, id, 1, seq, stored('e', id, seq)); err != nil {
			return err
		}
		fmt.Println("event", id, seq)
		if seq%3 == 0 {
			if err := s.SaveSnapshot(ctx, id, 1, seq, stored('s', id, seq)); err != nil {
				return err
			}
			fmt.Println("snapshot", id, seq)
		}
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestKilledWriterLosesNothingAcknowledged kills a writing process at random
// moments, again and again on the same directory.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]map[string]uint64{"artifact": {}, "event": {}, "snapshot": {}}
	for round := range 15 {
		cmd := child(t, "crash", dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for left := rand.IntN(150); lines.Scan(); left-- {
			var what, id string
			var seq uint64
			if _, err := fmt.Sscan(lines.Text(), &what, &id, &seq); err != nil {
				break // the last line, cut short by the kill
			}
			acknowledged[what][id] = max(acknowledged[what][id], seq)
			if left == 0 {
				must(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // "signal: killed"
		if !verifyAcknowledged(t, dir, acknowledged) {
			t.Fatalf("in round %d", round)
		}
	}
}

func verifyAcknowledged(t *testing.T, dir string, acknowledged map[string]map[string]uint64) bool {
	t.Helper()
	s := openStore(t, dir)
	defer s.Close()
	if damage := s.Damage(); len(damage) != 0 {
		t.Errorf("damage: %v", damage)
	}
	for id, last := range acknowledged["event"] {
		r := load(t, s, id)
		if r.LastSeq < last || r.LastSeq > last+1 || len(r.Damaged) != 0 {
			t.Errorf("%s: the last event is %d (damaged %v), and %d was acknowledged", id, r.LastSeq, r.Damaged, last)
		}
		// What was found is as good as acknowledged: the next round goes on there,
		// perhaps without coming to say so.
		acknowledged["event"][id] = r.LastSeq
		if r.SnapshotSeq < acknowledged["snapshot"][id] {
			t.Errorf("%s: the snapshot is %d, and %d was acknowledged", id, r.SnapshotSeq, acknowledged["snapshot"][id])
		}
		verifyContent(t, s, id)
	}
	for id, last := range acknowledged["artifact"] {
		for seq := uint64(1); seq <= last; seq++ {
			wanted := stored('a', id, seq)
			if got, err := s.Artifact(ctx, digest(wanted)); err != nil || !bytes.Equal(got, wanted) {
				t.Errorf("%s: artifact %d: %v", id, seq, err)
			}
		}
	}
	return !t.Failed()
}

// verifyContent checks that what a store returns of an id is what was written.
func verifyContent(t testing.TB, s *Store, id string) {
	t.Helper()
	r := load(t, s, id)
	if r.Snapshot != nil && !bytes.Equal(r.Snapshot, stored('s', id, r.SnapshotSeq)) {
		t.Errorf("%s: snapshot %d is %.40q", id, r.SnapshotSeq, r.Snapshot)
	}
	last := r.SnapshotSeq
	for _, e := range r.Events {
		if e.Seq <= last || !bytes.Equal(e.Data, stored('e', id, e.Seq)) {
			t.Errorf("%s: event %d after %d is %.40q", id, e.Seq, last, e.Data)
		}
		last = e.Seq
	}
}
