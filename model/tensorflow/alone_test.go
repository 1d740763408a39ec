//go:build tensorflow

package tensorflow_test

import (
	"os"
	"os/exec"
	"testing"
)

// aloneVariable is set in a process that runs one test for another one.
const aloneVariable = "MODELSERVER_TEST_ALONE"

// inProcessOfItsOwn runs the calling test again in a process of its own and
// returns false here, true there: for tests about what belongs to a process,
// the library and its memory.
func inProcessOfItsOwn(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), aloneVariable+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}
