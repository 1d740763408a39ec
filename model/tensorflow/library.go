//go:build tensorflow

package tensorflow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// openLibrary loads TensorFlow's library, once for all models.
func openLibrary(c Config) error {
	dirs := libraryDirs(c)
	var problems []string
	for _, dir := range dirs {
		err := libtf.Open(dir)
		if err == nil {
			return nil
		}
		if !errors.Is(err, libtf.ErrNotFound) {
			return &model.LoadError{Reason: "TensorFlow's library is there but does not load", Where: dir, Err: err}
		}
		if dir == "" {
			dir = "the system's library path"
		}
		problems = append(problems, dir)
	}
	return &model.LoadError{Reason: fmt.Sprintf("TensorFlow's library is not on this machine (looked in %s): "+
		"get it with \"make tensorflow\", or name the folder with libtensorflow_cc.so.2 and libtensorflow_framework.so.2 in %s",
		strings.Join(problems, ", "), LibraryDirVariable)}
}

// libraryDirs lists where to look; "" is the system's library path.
func libraryDirs(c Config) []string {
	if c.LibraryDir != "" {
		return []string{c.LibraryDir}
	}
	if dir := os.Getenv(LibraryDirVariable); dir != "" {
		return []string{dir}
	}
	dirs := []string{""}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = []string{filepath.Join(cache, "modelserver", "tensorflow"), ""}
	}
	return dirs
}
