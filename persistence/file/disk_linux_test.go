package file

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modelstream/modelserver/persistence"
)

var diskChildren = map[string]func(dir string) error{
	"limit": writeAgainstLimit,
	"fill":  fillFileSystem,
}

// TestFailedWriteLeavesTheStoreWhole lets writes fail at every place of a
// transaction, by limits on the size that files of a child process may have: the
// pages behind the limit cannot be written, those before it can.
func TestFailedWriteLeavesTheStoreWhole(t *testing.T) {
	if out, err := child(t, "limit", t.TempDir()).Output(); err != nil {
		t.Error(err)
	} else {
		t.Logf("%s", out)
	}
}

func writeAgainstLimit(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	failures := 0
	last := uint64(0)
	for limit := uint64(4 << 10); limit < 1<<20; limit += 4 << 10 {
		if err := setFileLimit(limit); err != nil {
			return err
		}
		failed, err := writeUntilError(s, &last)
		if err := errors.Join(err, setFileLimit(math.MaxUint64)); err != nil {
			return fmt.Errorf("with a limit of %d: %w", limit, err)
		}
		if failed {
			failures++
		}
		if err := verifyUsable(s, &last); err != nil {
			return fmt.Errorf("after a limit of %d: %w", limit, err)
		}
	}
	if failures < 50 {
		return fmt.Errorf("only %d writes failed", failures)
	}
	fmt.Printf("%d failed writes, %d events", failures, last)
	return s.Close()
}

func setFileLimit(bytes uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(bytes, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// writeUntilError writes a few events, snapshots and artifacts, and stops at the
// first failure. It counts the events that were acknowledged.
func writeUntilError(s *Store, last *uint64) (failed bool, err error) {
	for range 3 {
		seq := *last + 1
		err := s.Append(ctx, "wine", 1, seq, stored('e', "wine", seq))
		if err == nil {
			*last = seq
			err = s.SaveSnapshot(ctx, "wine", 1, seq, stored('s', "wine", seq))
		}
		if err == nil {
			artifact := stored('a', "wine", seq%20)
			err = s.PutArtifact(ctx, digest(artifact), artifact)
		}
		switch {
		case err == nil:
		case errors.As(err, new(*persistence.DamageError)), errors.As(err, new(*persistence.SequenceError)):
			return true, fmt.Errorf("a failed write is taken for something else: %w", err)
		default:
			return true, nil
		}
	}
	return false, nil
}

// verifyUsable checks that everything acknowledged is there, that the write
// which failed can be repeated, and that the next one works.
func verifyUsable(s *Store, last *uint64) error {
	if damage := s.Damage(); len(damage) != 0 {
		return fmt.Errorf("damage: %v", damage)
	}
	r, err := s.Load(ctx, "wine")
	if err != nil {
		return err
	}
	if r.LastSeq < *last || r.LastSeq > *last+1 || len(r.Damaged) != 0 {
		return fmt.Errorf("the last event is %d (damaged %v), and %d was acknowledged", r.LastSeq, r.Damaged, *last)
	}
	*last++
	if err := s.Append(ctx, "wine", 1, *last, stored('e', "wine", *last)); err != nil {
		return fmt.Errorf("the event that may have failed, again: %w", err)
	}
	if names, err := filepath.Glob(filepath.Join(s.config.Dir, "*", "*"+tmpSuffix)); err != nil || len(names) != 0 {
		return fmt.Errorf("left behind: %q, %v", names, err)
	}
	return nil
}

// TestFullFileSystem fills a real one: a small tmpfs, in a mount namespace of
// its own.
func TestFullFileSystem(t *testing.T) {
	cmd := child(t, "fill", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Skipf("this machine gives no user namespace to mount a file system in (%v); "+
			"TestFailedWriteLeavesTheStoreWhole covers failing writes", err)
	}
	if err != nil {
		t.Error(err)
	}
	t.Logf("%s", out)
}

func fillFileSystem(dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	if err := s.Append(ctx, "wine", 1, 1, []byte("before")); err != nil {
		return err
	}
	for n := range 300 { // 3 MB, more than there is
		artifact := make([]byte, 10<<10)
		copy(artifact, fmt.Sprint(n))
		if err = s.PutArtifact(ctx, digest(artifact), artifact); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("a full file system: error %v", err)
	}
	// A snapshot that does not fit fails; a small write beside it may not.
	err = s.SaveSnapshot(ctx, "wine", 1, 1, make([]byte, 100<<10))
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		return fmt.Errorf("a snapshot on a full file system: error %v", err)
	}
	r, err := s.Load(ctx, "wine")
	if err != nil || r.LastSeq != 1 || string(r.Events[0].Data) != "before" {
		return fmt.Errorf("on a full file system: %+v, %w", r, err)
	}
	if err := s.RetainArtifacts(ctx, 0, func(string) bool { return false }); err != nil {
		return fmt.Errorf("making room: %w", err)
	}
	err = errors.Join(s.SaveSnapshot(ctx, "wine", 1, 1, make([]byte, 100<<10)), s.Append(ctx, "wine", 1, 2, []byte("after")), s.Close())
	if err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if s, err = Open(Config{Dir: dir}); err != nil {
		return err
	}
	r, err = s.Load(ctx, "wine")
	if err != nil || r.LastSeq != 2 || len(r.Snapshot) != 100<<10 || len(s.Damage()) != 0 {
		return fmt.Errorf("after all: %+v, %w, %v", r, err, s.Damage())
	}
	fmt.Print("full, and usable again")
	return s.Close()
}
