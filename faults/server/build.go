package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles cmd/modelserver of the checkout around the working directory,
// with the race detector if asked for, and returns the program's path in dir.
func Build(ctx context.Context, dir string, race bool) (string, error) {
	root, err := checkoutRoot()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "modelserver")
	args := []string{"build", "-o", program}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/modelserver")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("server: build modelserver: %w\n%s", err, out)
	}
	return program, nil
}

// checkoutRoot is the nearest directory above the working directory that has a
// go.mod.
func checkoutRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("server: no go.mod above the working directory")
		}
	}
}
