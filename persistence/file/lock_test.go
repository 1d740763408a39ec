package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// holdLock opens the store, says so, and keeps it until its input ends.
func holdLock(dir string) error {
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

func TestSecondProcessIsRefusedByName(t *testing.T) {
	dir := t.TempDir()
	cmd := child(t, "hold", dir)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}

	_, err = Open(Config{Dir: dir, LockTimeout: -1})
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("a second process: error %v, want a LockedError", err)
	}
	for _, part := range []string{dir, fmt.Sprintf("process %d", cmd.Process.Pid)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not name %q", err, part)
		}
	}

	must(t, in.Close())
	s, err := Open(Config{Dir: dir}) // waits until the child is gone
	must(t, err)
	must(t, errors.Join(s.Close(), cmd.Wait()))
}

func TestSecondOpenInAProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir)
	if _, err := Open(Config{Dir: dir, LockTimeout: -1}); !errors.As(err, new(*LockedError)) {
		t.Errorf("error %v, want a LockedError", err)
	}
}

func TestDirectoryIsNotSet(t *testing.T) {
	if _, err := Open(Config{}); err == nil {
		t.Error("a store without a directory opened")
	}
}
