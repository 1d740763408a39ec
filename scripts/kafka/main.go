// Command kafka brings Apache Kafka's broker for the tests: the jars from Maven
// Central, and beside them what makes a broker start fast. With -serve it runs
// a broker until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

func main() {
	home := flag.String("home", filepath.Join(".cache", "kafka"), "where the jars go")
	pom := flag.String("pom", filepath.Join("scripts", "kafka", "pom.xml"), "the Maven project that names the jars")
	serve := flag.Bool("serve", false, "run a broker until Ctrl-C instead")
	flag.Parse()

	if err := run(*home, *pom, *serve); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run(home, pom string, serveOnly bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if serveOnly {
		return serve(ctx, home)
	}
	return bring(ctx, home, pom)
}

// bring copies the jars to home and prepares them.
func bring(ctx context.Context, home, pom string) error {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not on the PATH: install Java 17 or newer and Maven "+
				"(Debian: apt-get install default-jre-headless maven)", tool)
		}
	}
	begin := time.Now()
	libs, err := filepath.Abs(filepath.Join(home, "libs"))
	if err != nil {
		return err
	}
	// Neither half a set of jars nor one with jars of another version may stand
	// under the name that tests look for.
	incoming := libs + ".incoming"
	if err := errors.Join(os.RemoveAll(libs), os.RemoveAll(incoming)); err != nil {
		return err
	}
	fmt.Println("kafka: copying the broker's jars from Maven Central (44 MB at the first time) …")
	mvn := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", pom,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+incoming)
	if out, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn: %w\n%s", err, out)
	}
	if err := os.Rename(incoming, libs); err != nil {
		return err
	}
	copied := time.Now()
	fmt.Println("kafka: formatting, and archiving the classes of a first run …")
	if err := kafkatest.Prepare(ctx, home); err != nil {
		return err
	}
	started := time.Now()
	b, err := kafkatest.Start(ctx, kafkatest.Config{Home: home})
	if err != nil {
		return err
	}
	ready := time.Since(started)
	b.Close()
	fmt.Printf("kafka: ready in %s (jars %.1fs, archive %.1fs); a broker starts in %.1fs\n",
		home, copied.Sub(begin).Seconds(), started.Sub(copied).Seconds(), ready.Seconds())
	return nil
}

// serve runs a broker until ctx ends.
func serve(ctx context.Context, home string) error {
	b, err := kafkatest.Start(ctx, kafkatest.Config{
		Home:       home,
		Throughput: true,
		Overrides:  map[string]string{"auto.create.topics.enable": "true"},
	})
	if err != nil {
		return err
	}
	defer b.Close()
	fmt.Printf("kafka: a broker listens on %s; Ctrl-C ends it and removes its data\n", b.Seeds(kafkatest.Plaintext)[0])
	<-ctx.Done()
	return nil
}
