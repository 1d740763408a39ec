package file

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const lockName = "LOCK"

// lockRetry is the time between two attempts to take the lock.
const lockRetry = 20 * time.Millisecond

// lock takes the directory for this process. The lock ends with the returned
// file, and so with the process, however that ends.
func lock(dir string, timeout time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(lockRetry)
	defer ticker.Stop()
	for deadline := time.Now().Add(timeout); ; <-ticker.C {
		held, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if held {
			break
		}
		if !time.Now().Before(deadline) {
			err := &LockedError{Dir: dir, Holder: holder(f)}
			f.Close()
			return nil, err
		}
	}
	// The holder's name is for people. A disk too full for it stops nobody.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "process %d\n", os.Getpid()), 0)
	}
	return f, nil
}

// holder reads who has the lock.
func holder(f *os.File) string {
	text := make([]byte, 64)
	n, err := f.ReadAt(text, 0)
	if err != nil && err != io.EOF {
		return ""
	}
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	if !strings.HasPrefix(line, "process ") {
		return ""
	}
	return line
}
