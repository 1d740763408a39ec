// Command tensorflow brings TensorFlow's C library for Linux on x86-64: the two
// shared libraries of a release, out of the package that carries them on Maven
// Central (161 MB) or on PyPI (230 MB), whichever client this machine has. The
// package is checked by its SHA-256 and removed when it is unpacked.
package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// libraries are the files that the server loads.
var libraries = []string{"libtensorflow_framework.so.2", "libtensorflow_cc.so.2"}

// source is a package that has the libraries.
type source struct {
	tool    string // the client, looked up on the PATH
	title   string
	sha256  string
	command func(dir string) []string
}

var sources = []source{
	{
		tool:   "mvn",
		title:  "TensorFlow 2.18.0 from Maven Central (161 MB)",
		sha256: "81b0e11290ba3b2e134901395ef59f1ae616f8ab7931f0d5c3eeb89c1b97c4e6",
		command: func(dir string) []string {
			return []string{
				"mvn", "--batch-mode", "--quiet", "dependency:copy",
				"-Dartifact=org.tensorflow:tensorflow-core-native:1.1.0:jar:linux-x86_64", "-DoutputDirectory=" + dir,
			}
		},
	},
	{
		tool:   "python3",
		title:  "TensorFlow 2.18.1 from PyPI (230 MB)",
		sha256: "810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298",
		command: func(dir string) []string {
			return []string{
				"python3", "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
				"--only-binary=:all:", "--implementation=cp", "--python-version=311", "--abi=cp311",
				"--platform=manylinux2014_x86_64", "--dest=" + dir, "tensorflow-cpu==2.18.1",
			}
		},
	},
}

func main() {
	home := flag.String("home", filepath.Join(".cache", "tensorflow"), "where the libraries go")
	only := flag.String("with", "", "mvn or python3: the client to use, by default the first that works")
	flag.Parse()

	if err := run(*home, *only); err != nil {
		fmt.Fprintln(os.Stderr, "tensorflow:", err)
		os.Exit(1)
	}
}

func run(home, only string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return bring(ctx, home, only)
}

// bring tries the sources one after the other.
func bring(ctx context.Context, home, only string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the packages are for linux/amd64, not %s/%s: get TensorFlow's C library yourself and "+
			"set MODELSERVER_TENSORFLOW_DIR to its folder", runtime.GOOS, runtime.GOARCH)
	}
	var problems []error
	for _, s := range sources {
		if only != "" && s.tool != only {
			continue
		}
		if _, err := exec.LookPath(s.tool); err != nil {
			problems = append(problems, err)
			continue
		}
		err := s.bring(ctx, home)
		if err == nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "tensorflow: %s: %v\n", s.title, err)
		problems = append(problems, fmt.Errorf("%s: %w", s.tool, err))
	}
	return fmt.Errorf("there is no way to get TensorFlow's library; install Maven, or Python 3 with pip: %w", errors.Join(problems...))
}

func (s source) bring(ctx context.Context, home string) error {
	begin := time.Now()
	incoming := home + ".incoming" // half a library must not stand under its name
	if err := errors.Join(os.RemoveAll(incoming), os.MkdirAll(incoming, 0o755)); err != nil {
		return err
	}
	defer os.RemoveAll(incoming)
	fmt.Printf("tensorflow: fetching %s …\n", s.title)
	args := s.command(incoming)
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", s.tool, err)
	}
	packages, err := filepath.Glob(filepath.Join(incoming, "tensorflow*"))
	if err != nil || len(packages) != 1 {
		return fmt.Errorf("%s brought %d files instead of one: %w", s.tool, len(packages), err)
	}
	fetched := time.Now()
	fmt.Println("tensorflow: checking and unpacking …")
	if err := check(packages[0], s.sha256); err != nil {
		return err
	}
	if err := unpack(packages[0], incoming); err != nil {
		return err
	}
	if err := errors.Join(os.Remove(packages[0]), os.RemoveAll(home), os.Rename(incoming, home)); err != nil {
		return err
	}
	fmt.Printf("tensorflow: ready in %s (fetched in %.1fs, unpacked in %.1fs)\n",
		home, fetched.Sub(begin).Seconds(), time.Since(fetched).Seconds())
	return nil
}

func check(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != want {
		return fmt.Errorf("%s has the SHA-256 %s, not %s", filepath.Base(file), got, want)
	}
	return nil
}

// unpack takes the libraries out of the package, which is a zip file either way.
func unpack(file, dir string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	missing := strings.Join(libraries, " ") + " "
	for _, f := range z.File {
		name := path.Base(f.Name)
		if !strings.Contains(missing, name+" ") {
			continue
		}
		if err := copyOut(f, filepath.Join(dir, name)); err != nil {
			return err
		}
		missing = strings.Replace(missing, name+" ", "", 1)
	}
	if missing != "" {
		return fmt.Errorf("the package lacks %s", missing)
	}
	return nil
}

func copyOut(f *zip.File, to string) error {
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from) //nolint:gosec // the package's checksum is ours
	return errors.Join(err, out.Close())
}
