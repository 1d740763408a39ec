package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// A disk that takes no more fails the write that needs more, and nothing else: what
// is stored is whole, small writes go on, and with room again everything does.
func TestFullDisk(t *testing.T) {
	pg := pgtest.Run(t, pgtest.Config{})
	restart := func(limit int) {
		t.Helper()
		must(t, pg.Stop(ctx))
		pg.LimitFiles(limit)
		must(t, pg.Start(ctx))
	}
	restart(17 << 20)
	s := openStore(t, config(t, pg))
	epoch := claim(t, s, "wine")
	must(t, s.Append(ctx, "wine", epoch, 1, []byte("one")))
	artifact := noise(3 << 20)
	put := 0
	var err error
	for ; put < 20 && err == nil; put++ {
		artifact[0] = byte(put)
		err = s.PutArtifact(ctx, digest(artifact), artifact)
	}
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "could not extend file") || put < 3 {
		t.Fatalf("artifact %d: %v", put, err)
	}
	refused := digest(artifact)
	if _, err := s.Artifact(ctx, refused); !errors.Is(err, persistence.ErrNotFound) {
		t.Errorf("an artifact that did not fit: %v", err)
	}
	for i := range put - 1 {
		artifact[0] = byte(i)
		if _, err := s.Artifact(ctx, digest(artifact)); err != nil {
			t.Errorf("artifact %d: %v", i, err)
		}
	}
	must(t, s.Append(ctx, "wine", epoch, 2, []byte("two")))
	if r := load(t, s, "wine"); r.LastSeq != 2 || len(r.Damaged) > 0 {
		t.Errorf("%+v", r)
	}
	restart(0)
	artifact[0] = byte(put - 1)
	must(t, s.PutArtifact(ctx, refused, artifact))
}
