package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoPostgres says that PostgreSQL's programs are not there.
var ErrNoPostgres = errors.New("no PostgreSQL here; bring it with `make postgres`, or install it (Debian: apt-get install postgresql)")

// HomeEnv names the directory whose bin/ has initdb and postgres, or says "none"
// to do without.
const HomeEnv = "MODELSERVER_POSTGRES_HOME"

// CacheDir is where `make postgres` puts the programs, below the checkout.
const CacheDir = ".cache/postgres"

// FindHome returns the directory whose bin/ has the programs.
func FindHome(home string) (string, error) {
	if home == "" {
		home = os.Getenv(HomeEnv)
	}
	if home == "none" {
		return "", fmt.Errorf("%w: switched off by %s=none", ErrNoPostgres, HomeEnv)
	}
	if home != "" {
		home, err := filepath.Abs(home)
		if err == nil && !hasPrograms(home) {
			err = fmt.Errorf("%w: bin/postgres and bin/initdb are not both in %s", ErrNoPostgres, home)
		}
		return home, err
	}
	var places []string
	if root := checkoutRoot(); root != "" {
		places = append(places, filepath.Join(root, filepath.FromSlash(CacheDir)))
	}
	places = append(places, installed()...)
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			places = append(places, filepath.Dir(filepath.Dir(path)))
		}
	}
	for _, home := range places {
		if hasPrograms(home) {
			return home, nil
		}
	}
	return "", ErrNoPostgres
}

// installed lists the places of Debian's packages, the newest version first.
func installed() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*") // the pattern is sound
	version := func(path string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(path), 64)
		return v
	}
	slices.SortFunc(found, func(a, b string) int { return int(version(b) - version(a)) })
	return found
}

func hasPrograms(home string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		if info, err := os.Stat(filepath.Join(home, "bin", name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// checkoutRoot is the nearest directory above the working directory that has a
// go.mod, or "".
func checkoutRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// readableByAll says whether everybody may read a directory, as far as the
// permissions of it and of what it lies in say.
func readableByAll(path string) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// Version returns what the server program says of itself, such as "17.5".
func Version(ctx context.Context, home string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(home, "bin", "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("postgres --version: %w", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "postgres (PostgreSQL) ")
	version, _, _ = strings.Cut(version, " ")
	return version, nil
}
