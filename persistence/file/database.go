package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/modelstream/modelserver/persistence"
)

const (
	databaseName = "state.db"
	format       = "1"

	// What seals the values of the meta bucket.
	formatKind = 'f'
	countKind  = 'n'

	// bboltTimeout is for bbolt's own lock, which a bbolt tool may hold.
	bboltTimeout = time.Second
)

var (
	metaBucket = []byte("meta")
	idsBucket  = []byte("ids")
	formatKey  = []byte("format")
	countKey   = []byte("ids")
)

// database is the bbolt file, and how to open it anew when it cannot be trusted
// any more. All but view belongs to one goroutine: Open's, then the writer's,
// then Close's.
type database struct {
	dir       string
	path      string
	damage    *damageLog
	compactAt int64
	noSync    bool

	suspect atomic.Bool // a reader saw bbolt panic

	mu   sync.RWMutex // held for writing while db changes
	db   *bbolt.DB    // nil when opening it anew failed
	file *os.File     // the file under db
}

// view reads. When the database is not open it fails with errNotOpen.
func (d *database) view(f func(*bbolt.Tx) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.db == nil {
		return errNotOpen
	}
	err := guard(func() error { return d.db.View(f) })
	if errors.As(err, new(*panicError)) {
		d.suspect.Store(true)
	}
	return err
}

var errNotOpen = errors.New("the database is not open")

// errNothing lets a transaction end without a write.
var errNothing = errors.New("nothing to write")

// update writes. After a failure it opens the database anew: bbolt's state, or
// the page cache's, may not be the disk's any more.
func (d *database) update(f func(*bbolt.Tx) error) error {
	if d.db == nil || d.suspect.Load() {
		if err := d.reopen(); err != nil {
			return err
		}
	}
	err := guard(func() error { return d.db.Update(f) })
	switch {
	case err == nil, errors.Is(err, errNothing):
		return nil
	case errors.As(err, new(*panicError)):
		// A panic may have left bbolt's locks held, so that Close would wait for
		// ever. Only the memory map stays behind.
		d.abandon()
		err = &persistence.DamageError{What: d.path, Err: err}
	}
	// If this fails, the next write or read tries again, and says why.
	_ = d.reopen()
	return err
}

// reopen opens the database anew.
func (d *database) reopen() error {
	_ = d.close()
	if err := d.open(); err != nil {
		return fmt.Errorf("open the database anew: %w", err)
	}
	d.suspect.Store(false)
	return nil
}

// close closes the database, if it is open.
func (d *database) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	err := d.db.Close()
	d.db, d.file = nil, nil
	return err
}

// abandon lets go of a database that cannot be closed any more.
func (d *database) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	letGo(d.file)
	d.db, d.file = nil, nil
}

// open opens the database, a new one if there is none. A damaged one is moved
// aside, and a new one takes its place.
func (d *database) open() error {
	err := d.tryOpen()
	if damage := (*persistence.DamageError)(nil); errors.As(err, &damage) {
		if err := d.moveAside(damage); err != nil {
			return err
		}
		return d.tryOpen()
	}
	return err
}

// tryOpen opens the database if it is sound. A [*persistence.DamageError] says
// that it is not.
func (d *database) tryOpen() error {
	if _, err := os.Stat(d.path); errors.Is(err, fs.ErrNotExist) {
		if err := d.create(); err != nil {
			return fmt.Errorf("create %s: %w", d.path, err)
		}
	}
	report, err := d.check()
	if err != nil {
		return err
	}
	if report.metaError != nil {
		lost := fmt.Errorf("the last transaction before this may be lost: %w", report.metaError)
		if err := d.damage.add(&persistence.DamageError{What: d.path, Err: lost}); err != nil {
			return err
		}
	}
	db, file, err := openBolt(d.path, d.noSync)
	if err != nil {
		return err
	}
	err = guard(func() error {
		if err := db.View(d.checkFormat); err != nil {
			return err
		}
		if err := d.prepareClaims(db); err != nil {
			return err
		}
		if err := d.census(db); err != nil || d.noSync {
			return err
		}
		// What a killed predecessor wrote may be in the page cache alone, and is
		// about to be taken for durable.
		return db.Sync()
	})
	if errors.As(err, new(*panicError)) {
		letGo(file) // bbolt's Close could wait for a lock that the panic left
		return &persistence.DamageError{What: d.path, Err: err}
	} else if err != nil {
		return errors.Join(err, db.Close())
	}
	if report.free >= d.compactAt && report.free > report.size/2 {
		if db, file, err = d.compact(db, file); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.db, d.file = db, file
	return nil
}

// check walks the pages before bbolt sees them.
func (d *database) check() (pageReport, error) {
	f, err := os.Open(d.path)
	if err != nil {
		return pageReport{}, err
	}
	defer f.Close()
	report, err := checkPages(f)
	if errors.As(err, new(*structureError)) {
		err = &persistence.DamageError{What: d.path, Err: err}
	}
	return report, err
}

// checkFormat tells a newer server's database from a damaged one.
func (d *database) checkFormat(tx *bbolt.Tx) error {
	b := tx.Bucket(metaBucket)
	if b == nil {
		return &persistence.DamageError{What: d.path, Err: fmt.Errorf("its bucket %q is missing", metaBucket)}
	}
	got, err := unseal("", formatKind, 0, b.Get(formatKey))
	if err != nil {
		return &persistence.DamageError{What: d.path, Err: fmt.Errorf("its format: %w", err)}
	}
	if string(got) != format {
		return &FormatError{Dir: d.dir, Got: string(got), Want: format}
	}
	if tx.Bucket(idsBucket) == nil {
		return &persistence.DamageError{What: d.path, Err: fmt.Errorf("its bucket %q is missing", idsBucket)}
	}
	return nil
}

// openBolt opens a file that was checked.
func openBolt(path string, noSync bool) (db *bbolt.DB, file *os.File, err error) {
	options := &bbolt.Options{
		Timeout:      bboltTimeout,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		NoSync:       noSync,
		NoGrowSync:   noSync,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	}
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, fileMode, options)
		return err
	})
	switch {
	case err == nil:
		return db, file, nil
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, nil, &LockedError{Dir: filepath.Dir(path), Holder: "a process that has " + filepath.Base(path) + " open"}
	case errors.As(err, new(*panicError)):
		letGo(file)
		return nil, nil, &persistence.DamageError{What: path, Err: err}
	}
	return nil, nil, err
}

// create puts an empty database in place. It is made under another name: a
// half-made one would look like a damaged one.
func (d *database) create() error {
	tmp := d.path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, _, err := openBolt(tmp, d.noSync)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket(metaBucket)
		if err != nil {
			return err
		}
		for _, name := range [][]byte{idsBucket, claimsBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return errors.Join(meta.Put(formatKey, seal("", formatKind, 0, []byte(format))), putCount(tx, 0))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, d.path); err != nil {
		return err
	}
	return syncDir(d.dir)
}

// moveAside makes room for a new database and keeps the damaged one for whoever
// wants to look at it.
func (d *database) moveAside(damage *persistence.DamageError) error {
	stamp := time.Now().UTC().Format("20060102T150405Z")
	aside := d.path + ".damaged-" + stamp
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		aside = fmt.Sprintf("%s.damaged-%s-%d", d.path, stamp, n)
	}
	damage.Err = fmt.Errorf("%w; it was moved to %s", damage.Err, aside)
	if err := d.damage.add(damage); err != nil {
		return err
	}
	if err := os.Rename(d.path, aside); err != nil {
		return err
	}
	return syncDir(d.dir)
}
