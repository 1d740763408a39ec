package file

import (
	"errors"
	"os"

	"go.etcd.io/bbolt"
)

const (
	// A database is compacted when it is opened and this much of it, and more
	// than half, is free: bbolt reuses free pages, but its file never shrinks.
	compactAt = 64 << 20
	// compactTx is the size of a transaction of a compaction.
	compactTx = 16 << 20
)

// compact replaces an open database by a copy without its free pages. Where
// there is no space for a copy, everything stays as it is.
func (d *database) compact(db *bbolt.DB, file *os.File) (*bbolt.DB, *os.File, error) {
	tmp := d.path + tmpSuffix
	if !copyCompact(tmp, db) {
		_ = os.Remove(tmp)
		return db, file, nil
	}
	if err := db.Close(); err != nil {
		return nil, nil, err
	}
	if err := os.Rename(tmp, d.path); err != nil {
		return nil, nil, err
	}
	if err := syncDir(d.dir); err != nil {
		return nil, nil, err
	}
	return openBolt(d.path, d.noSync)
}

// copyCompact says whether there is a whole and durable copy now.
func copyCompact(path string, from *bbolt.DB) bool {
	to, file, err := openBolt(path, false)
	if err != nil {
		return false
	}
	err = guard(func() error { return bbolt.Compact(to, from, compactTx) })
	if errors.As(err, new(*panicError)) {
		letGo(file) // Close could wait for a lock that the panic left
		return false
	}
	return errors.Join(err, to.Close()) == nil
}
