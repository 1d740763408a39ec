package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoKafka says that the broker's jars or a Java to run them are not there.
var ErrNoKafka = errors.New("no Apache Kafka here; bring it with `make kafka` (needs Java 17 or newer and Maven)")

// homeEnv names the directory of the jars, or says "none" to do without.
const homeEnv = "MODELSERVER_KAFKA_HOME"

// Names inside a home directory.
const (
	libsDir        = "libs"                 // the jars
	archiveFile    = "broker.jsa"           // classes, loaded and verified ahead of time
	checkpointFile = "bootstrap.checkpoint" // what formatting a storage directory writes
)

// findHome returns the directory that holds the jars.
func findHome(home string) (string, error) {
	if home == "" {
		home = os.Getenv(homeEnv)
	}
	if home == "none" {
		return "", fmt.Errorf("%w: switched off by %s=none", ErrNoKafka, homeEnv)
	}
	if home == "" {
		root, err := checkoutRoot()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoKafka, err)
		}
		home = filepath.Join(root, ".cache", "kafka")
	}
	if _, err := os.Stat(filepath.Join(home, libsDir)); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoKafka, err)
	}
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoKafka, err)
	}
	return home, nil
}

// checkoutRoot is the nearest directory above the working directory that has a
// go.mod.
func checkoutRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s; set %s", start, homeEnv)
		}
	}
}

// classPath lists the jars, sorted: a class archive is bound to one order.
func classPath(home string) (string, error) {
	jars, err := filepath.Glob(filepath.Join(home, libsDir, "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("%w: no jars in %s", ErrNoKafka, filepath.Join(home, libsDir))
	}
	slices.Sort(jars)
	return strings.Join(jars, string(os.PathListSeparator)), nil
}

// Prepare makes in home, beside the jars, what lets a broker start in half the
// time: the result of formatting a storage directory, and an archive of the
// classes that a run loads. It is called once, after the jars have come.
func Prepare(ctx context.Context, home string) error {
	home, err := filepath.Abs(home)
	if err != nil {
		return err
	}
	for _, name := range []string{checkpointFile, archiveFile} {
		if err := os.RemoveAll(filepath.Join(home, name)); err != nil {
			return err
		}
	}
	b, err := newCluster(Config{Home: home}, 1)
	if err != nil {
		return err
	}
	defer b.Close()
	n := b.Nodes[0]
	if err := n.formatWithTool(ctx); err != nil {
		return err
	}
	checkpoint, err := os.ReadFile(filepath.Join(n.dataDir(), checkpointFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, checkpointFile), checkpoint, 0o600); err != nil {
		return err
	}
	n.dumpArchive = filepath.Join(home, archiveFile)
	if err := n.Start(ctx); err != nil {
		return err
	}
	if err := exercise(ctx, n); err != nil {
		return err
	}
	return n.Stop(ctx)
}

// exercise makes the broker load the classes that tests will need.
func exercise(ctx context.Context, b *Broker) error {
	return CreateTopic(ctx, b.Seeds(Plaintext), "prepare", 1, nil)
}
