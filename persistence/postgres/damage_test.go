package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// fill writes 8 events and the snapshots 3 and 6 under an id.
func fill(t *testing.T, s *Store, id string) (epoch uint64) {
	t.Helper()
	epoch = claim(t, s, id)
	for seq := uint64(1); seq <= 8; seq++ {
		must(t, s.Append(ctx, id, epoch, seq, payload('e', id, seq)))
		if seq%3 == 0 {
			must(t, s.SaveSnapshot(ctx, id, epoch, seq, payload('s', id, seq)))
		}
	}
	return epoch
}

// What a hand in psql, a half restored backup or a failing disk has changed is
// found, passed over, and mended by the next snapshot.
func TestDamagedRows(t *testing.T) {
	c := config(t, server.Get(t))
	s := openStore(t, c)
	for i, test := range []struct {
		sql            string
		snapshot, last uint64
		events         []uint64
		damaged        []string // by the order of a Recovery
	}{
		{sql: "UPDATE @claims SET last_seq = 5", snapshot: 6, last: 8, events: []uint64{7, 8}, damaged: []string{"the head of"}},
		{sql: "UPDATE @claims SET checksum = NULL", snapshot: 6, last: 8, events: []uint64{7, 8}, damaged: []string{"the head of"}},
		{sql: "UPDATE @claims SET last_seq = -1", snapshot: 6, last: 8, events: []uint64{7, 8}, damaged: []string{"the head of"}},
		{sql: "UPDATE @claims SET snapshots = 99999999999999999999", snapshot: 6, last: 8, events: []uint64{7, 8}, damaged: []string{"the head of"}},
		{sql: "DELETE FROM @events WHERE seq = 8", snapshot: 6, last: 8, events: []uint64{7}, damaged: []string{"event 8 of"}},
		{sql: "DELETE FROM @events", snapshot: 6, last: 8, damaged: []string{"events 7 to 8 of"}},
		{sql: "DELETE FROM @snapshots WHERE seq = 6", snapshot: 3, last: 8, events: []uint64{4, 5, 6, 7, 8}, damaged: []string{"snapshot 6 of"}},
		{sql: "DELETE FROM @snapshots", last: 8, events: []uint64{4, 5, 6, 7, 8}, damaged: []string{"snapshot 6 of", "events 1 to 3 of"}},
		{sql: "UPDATE @events SET seq = 9 WHERE seq = 7", snapshot: 6, last: 8, events: []uint64{8}, damaged: []string{"event 9 of", "event 7 of"}},
		{sql: "UPDATE @events SET data = 'x' WHERE seq = 7", snapshot: 6, last: 8, events: []uint64{8}, damaged: []string{"event 7 of"}},
		{sql: "UPDATE @snapshots SET checksum = 0", last: 8, events: []uint64{4, 5, 6, 7, 8}, damaged: []string{"snapshot 6 of", "snapshot 3 of", "events 1 to 3 of"}},
	} {
		id := fmt.Sprintf("type %d", i)
		epoch := fill(t, s, id)
		where := " WHERE "
		if strings.Contains(test.sql, where) {
			where = " AND "
		}
		exec(t, s, test.sql+where+"id = $1", []byte(id))
		r := load(t, s, id)
		var events []uint64
		for _, e := range r.Events {
			events = append(events, e.Seq)
		}
		if r.SnapshotSeq != test.snapshot || r.LastSeq != test.last || !slices.Equal(events, test.events) || len(r.Damaged) != len(test.damaged) {
			t.Errorf("%s: snapshot %d, last %d, events %d, damaged %v", test.sql, r.SnapshotSeq, r.LastSeq, events, r.Damaged)
			continue
		}
		for j, d := range r.Damaged {
			if want := test.damaged[j] + fmt.Sprintf(" %q", id); d.What != want {
				t.Errorf("%s: damage %d is of %s, want %s", test.sql, j, d.What, want)
			}
		}
		must(t, s.Append(ctx, id, epoch, r.LastSeq+1, nil))
		must(t, s.SaveSnapshot(ctx, id, epoch, r.LastSeq+1, nil))
		must(t, s.SaveSnapshot(ctx, id, epoch, r.LastSeq+1, nil))
		if again := load(t, s, id); again.LastSeq != r.LastSeq+1 || len(again.Damaged) > 0 {
			t.Errorf("%s: after two snapshots: %+v", test.sql, again)
		}
	}
}

func TestDamagedArtifactRows(t *testing.T) {
	s := openStore(t, config(t, server.Get(t)))
	large := slices.Repeat([]byte("0123456789abcdef"), (2*chunkLength+100)/16)
	key := digest(large)
	for _, sql := range []string{
		"DELETE FROM @artifact_chunks WHERE n = 1",
		"DELETE FROM @artifact_chunks WHERE n = 2",
		"UPDATE @artifact_chunks SET n = 7 WHERE n = 0",
		"UPDATE @artifact_chunks SET data = data || data WHERE n = 2",
		"UPDATE @artifact_chunks SET data = '' WHERE n = 0",
		"UPDATE @artifacts SET size = 0",
		"UPDATE @artifacts SET size = 1::bigint << 40",
		"UPDATE @artifacts SET size = -1",
		"INSERT INTO @artifact_chunks SELECT digest, 3, data FROM @artifact_chunks WHERE n = 0",
	} {
		must(t, s.PutArtifact(ctx, key, large))
		if got, err := s.Artifact(ctx, key); err != nil || !slices.Equal(got, large) {
			t.Fatalf("an artifact of %d bytes: %v", len(large), err)
		}
		exec(t, s, sql)
		if _, err := s.Artifact(ctx, key); !errors.As(err, new(*persistence.DamageError)) {
			t.Errorf("%s: error %v", sql, err)
		}
	}
}

// An artifact that is there already is not written again.
func TestArtifactIsWrittenOnce(t *testing.T) {
	s := openStore(t, config(t, server.Get(t)))
	artifact := make([]byte, chunkLength+1)
	row := func() (row string) {
		t.Helper()
		must(t, s.pool.QueryRow(ctx, in(s.cfg.Schema, "SELECT string_agg(ctid::text, ' ') FROM @artifact_chunks")).Scan(&row))
		return row
	}
	must(t, s.PutArtifact(ctx, digest(artifact), artifact))
	before := row()
	must(t, s.PutArtifact(ctx, digest(artifact), artifact))
	if after := row(); before == "" || after != before {
		t.Errorf("the rows were at %s and are at %s", before, after)
	}
}

// A page of the database's files is overwritten while it is down. PostgreSQL finds
// it; the store passes over what cannot be read, and says so.
func TestDamagedPages(t *testing.T) {
	checks := map[string]func(t *testing.T, s *Store, epoch uint64){
		// All rows of this small table are on its one page.
		"events": func(t *testing.T, s *Store, _ uint64) {
			r := load(t, s, "wine")
			if len(r.Damaged) != 1 || r.Damaged[0].What != `all of "wine"` || !corrupted(r.Damaged[0].Err) {
				t.Errorf("%+v", r)
			}
			if _, err := s.IDs(ctx); !errors.As(err, new(*persistence.DamageError)) {
				t.Errorf("ids: %v", err)
			}
		},
		// The snapshots are so large that they lie beside their table.
		"snapshots' toast": func(t *testing.T, s *Store, epoch uint64) {
			r := load(t, s, "wine")
			if r.LastSeq != 3 || len(r.Events) != 3 || len(r.Damaged) != 1 || r.Damaged[0].What != `snapshot 3 of "wine"` {
				t.Errorf("%+v", r)
			}
			must(t, s.Append(ctx, "wine", epoch, 4, nil))
		},
		"artifacts' toast": func(t *testing.T, s *Store, _ uint64) {
			_, err := s.Artifact(ctx, digest(noise(5000)))
			if !errors.As(err, new(*persistence.DamageError)) {
				t.Errorf("artifact: %v", err)
			}
		},
	}
	pg := pgtest.Run(t, pgtest.Config{})
	configs, epochs := map[string]Config{}, map[string]uint64{}
	var paths []string
	for table := range checks {
		c := config(t, pg)
		s, err := Open(ctx, c, Options{})
		must(t, err)
		configs[table], epochs[table] = c, claim(t, s, "wine")
		for seq := uint64(1); seq <= 3; seq++ {
			must(t, s.Append(ctx, "wine", epochs[table], seq, payload('e', "wine", seq)))
		}
		must(t, s.SaveSnapshot(ctx, "wine", epochs[table], 3, noise(5000)))
		must(t, s.PutArtifact(ctx, digest(noise(5000)), noise(5000)))
		var path string
		must(t, s.pool.QueryRow(ctx, in(c.Schema, map[string]string{
			"events":           "SELECT pg_relation_filepath('@events')",
			"snapshots' toast": "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = '@snapshots'::regclass",
			"artifacts' toast": "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = '@artifact_chunks'::regclass",
		}[table])).Scan(&path))
		paths = append(paths, path)
		must(t, s.Close())
	}
	must(t, pg.Stop(ctx))
	for _, path := range paths {
		overwrite(t, filepath.Join(pg.DataDir(), path))
	}
	must(t, pg.Start(ctx))
	for table, check := range checks {
		t.Run(table, func(t *testing.T) { check(t, openStore(t, configs[table]), epochs[table]) })
	}
}

// noise is bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// overwrite changes the rows of each page of a file.
func overwrite(t *testing.T, path string) {
	t.Helper()
	const page, rows = 8192, 7000
	b, err := os.ReadFile(path)
	must(t, err)
	if len(b) < page {
		t.Fatalf("%s has %d bytes", path, len(b))
	}
	for at := rows; at < len(b); at += page {
		b[at] ^= 0xff
	}
	must(t, os.WriteFile(path, b, 0o600))
}
