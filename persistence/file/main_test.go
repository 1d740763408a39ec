package file

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/modelstream/modelserver/persistence"
)

var ctx = context.Background()

// childVariable makes the test binary a child process of a test: its value
// names what the child does, and the store's directory is its argument.
const childVariable = "STORE_TEST_CHILD"

var children = map[string]func(dir string) error{
	"hold":  holdLock,
	"crash": writeUntilKilled,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		maps.Copy(children, diskChildren)
		if err := children[name](os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child prepares a child process.
func child(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// open opens a store and closes it with the test.
func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir, LockTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load returns an id's recovery.
func load(t testing.TB, s *Store, id string) *persistence.Recovery {
	t.Helper()
	r, err := s.Load(ctx, id)
	must(t, err)
	return r
}

// stored returns the bytes that tests store, so that whoever reads them back can
// tell what they were.
func stored(kind byte, id string, seq uint64) []byte {
	b := fmt.Appendf(nil, "%c %s %d ", kind, id, seq)
	for n := int(seq*7919) % 3000; len(b) < n; {
		b = append(b, b...)
	}
	return b
}
