// Command testreport reads `go test -json` and shows what `go test` would show
// without -v, and afterwards every test that was skipped, with its reason. It
// fails when a test failed, and in CI (CI=true) when one was skipped: there,
// nothing may be missing.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout, os.Getenv("CI") == "true")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether everything passed.
func run(in io.Reader, out io.Writer, ci bool) (bool, error) {
	r := newReport(out)
	if err := r.read(in); err != nil {
		return false, err
	}
	r.summary()
	if ci && len(r.skips) > 0 {
		fmt.Fprintln(out, "FAIL: CI=true, and there nothing may be skipped")
		return false, nil
	}
	return !r.failed, nil
}
