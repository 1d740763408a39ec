package postgres

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/persistencetest"
)

func TestConformance(t *testing.T) {
	s := server.Get(t)
	persistencetest.Exercise(t, persistencetest.Harness{
		New: func(t testing.TB) func() (persistence.Store, error) {
			c := config(t, s)
			return func() (persistence.Store, error) { return Open(ctx, c, Options{}) }
		},
		Durable: true,
		Inspect: inspect,
		Damage:  damageRow,
		Age: func(store persistence.Store, digest string, by time.Duration) error {
			s := store.(*Store)
			key, _ := hex.DecodeString(digest)
			_, err := s.pool.Exec(ctx, in(s.cfg.Schema, "UPDATE @artifacts SET put = put - make_interval(secs => $2) WHERE digest = $1"), key, by.Seconds())
			return err
		},
	})
}

func inspect(store persistence.Store, id string) (events, snapshots []uint64, err error) {
	s := store.(*Store)
	for _, part := range []struct {
		table string
		to    *[]uint64
	}{{"@events", &events}, {"@snapshots", &snapshots}} {
		rows, err := s.pool.Query(ctx, in(s.cfg.Schema, "SELECT seq::text FROM "+part.table+" AS t WHERE id = $1 ORDER BY t.seq"), []byte(id))
		if err != nil {
			return nil, nil, err
		}
		*part.to, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (uint64, error) {
			var text string
			if err := r.Scan(&text); err != nil {
				return 0, err
			}
			return parseNumber(text)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return events, snapshots, nil
}

// damageRow flips a bit in the middle of what is stored.
func damageRow(store persistence.Store, what persistencetest.Target) error {
	s := store.(*Store)
	const flip = "UPDATE %s SET data = set_bit(data, octet_length(data) / 2 * 8, 1 - get_bit(data, octet_length(data) / 2 * 8)) WHERE "
	var sql string
	var args []any
	switch {
	case what.Event:
		sql, args = fmt.Sprintf(flip, "@events")+"id = $1 AND seq = $2::text::numeric", []any{[]byte(what.ID), number(what.Seq)}
	case what.Snapshot:
		sql, args = fmt.Sprintf(flip, "@snapshots")+"id = $1 AND seq = $2::text::numeric", []any{[]byte(what.ID), number(what.Seq)}
	default:
		key, _ := hex.DecodeString(what.Artifact)
		sql, args = fmt.Sprintf(flip, "@artifact_chunks")+"digest = $1", []any{key}
	}
	tag, err := s.pool.Exec(ctx, in(s.cfg.Schema, sql), args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("%d rows are like %+v", tag.RowsAffected(), what)
	}
	return err
}
