//go:build tensorflow

package tensorflow_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// TestLoadAndCloseLeakNothing loads, scores and closes each type 1,000 times in
// a process of its own and looks at memory, descriptors and goroutines.
func TestLoadAndCloseLeakNothing(t *testing.T) {
	c := config(t)
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if !inProcessOfItsOwn(t) {
		return
	}
	c.TempDir = t.TempDir()
	for _, test := range []struct {
		typ      string
		artifact []byte
		options  map[string]string
	}{
		{tensorflow.Frozen, marshal(t, build(t, c, linear)), map[string]string{"outputs": "scores/BiasAdd", "result": "softmax"}},
		{tensorflow.Saved, zipFiles(t, withVariable(t, c)), nil},
	} {
		mt := modelType(t, c, test.typ)
		cycles := func(n int) {
			out := new(model.Batch)
			for range n {
				e, err := tryLoad(context.Background(), mt, test.artifact, test.options)
				if err != nil {
					t.Fatal(err)
				}
				in := new(model.Batch)
				in.Reset(e.Signature().Inputs, 64)
				if err := e.Score(context.Background(), in, out); err != nil {
					t.Fatal(err)
				}
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cycles(100) // the library and both heaps find their size
		before := take(t)
		cycles(1000)
		after := take(t)
		t.Logf("%s, 1000 loads: %s before, %s after", test.typ, before, after)
		// A model of this size takes about 100 kB: a leak of it would be 100 MB.
		if grown := after.rss - before.rss; grown > 15<<20 {
			t.Errorf("%s: the memory grew by %d kB", test.typ, grown>>10)
		}
		if after.files > before.files+2 {
			t.Errorf("%s: %d open files before, %d after", test.typ, before.files, after.files)
		}
		if after.goroutines > before.goroutines+2 {
			t.Errorf("%s: %d goroutines before, %d after", test.typ, before.goroutines, after.goroutines)
		}
		if after.threads > before.threads+5 {
			t.Errorf("%s: %d threads before, %d after", test.typ, before.threads, after.threads)
		}
	}
	if left, err := os.ReadDir(c.TempDir); err != nil || len(left) > 0 {
		t.Errorf("unpacked models are left: %v, %v", left, err)
	}
}

type usage struct{ rss, files, goroutines, threads int }

func (u usage) String() string {
	return fmt.Sprintf("%d MB, %d files, %d goroutines, %d threads", u.rss>>20, u.files, u.goroutines, u.threads)
}

// take measures the process.
func take(t *testing.T) usage {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc to measure with")
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return usage{
		rss: number(t, status, "VmRSS:") << 10, files: len(files),
		goroutines: runtime.NumGoroutine(), threads: number(t, status, "Threads:"),
	}
}

func number(t *testing.T, status []byte, name string) int {
	t.Helper()
	_, rest, found := bytes.Cut(status, []byte(name))
	if !found {
		t.Fatalf("/proc/self/status lacks %s", name)
	}
	n, err := strconv.Atoi(strings.Fields(string(rest))[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
