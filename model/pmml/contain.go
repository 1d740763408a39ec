package pmml

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// Nothing here panics on purpose but the compiler, with a *model.LoadError. What
// else panics is a mistake of ours; it ends the load or the batch that met it,
// not the process.

// containLoad turns a panic while loading into err. at is the element under way.
func containLoad(at func() document.Pos, err *error) {
	switch r := recover().(type) {
	case nil:
	case *model.LoadError:
		*err = r
	default:
		*err = &model.LoadError{Where: at().Where(), Reason: internalError(r)}
	}
}

// containScore turns a panic while scoring into err.
func containScore(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("pmml: %s", internalError(r))
	}
}

// internalError describes a panic with the place in the code, which is all that
// a report needs besides the document.
func internalError(r any) string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	place := ""
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			place = fmt.Sprintf("%s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line)
			break
		}
	}
	return fmt.Sprintf("internal error, please report: %v (in %s)", r, place)
}
