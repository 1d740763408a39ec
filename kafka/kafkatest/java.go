package kafkatest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// java returns the command that runs a main class of the jars. It is killed when
// ctx ends.
func (b *Broker) java(ctx context.Context, class string, args ...string) (*exec.Cmd, error) {
	jars, err := classPath(b.cfg.Home)
	if err != nil {
		return nil, err
	}
	flags := slices.Concat(b.jvmFlags(), logFlags(), []string{"-cp", jars, class}, args)
	return exec.CommandContext(ctx, "java", flags...), nil
}

func (b *Broker) jvmFlags() []string {
	flags := []string{"-XX:-UsePerfData", "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"}
	if b.cfg.Throughput {
		flags = append(flags, "-Xmx1g", "-XX:+UseG1GC")
	} else {
		flags = append(flags, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
	}
	if b.dumpArchive != "" {
		return append(flags, "-XX:ArchiveClassesAtExit="+b.dumpArchive)
	}
	// An archive that does not fit, because the checkout was moved or Java was
	// updated, is passed over by the JVM.
	archive := filepath.Join(b.cfg.Home, archiveFile)
	if _, err := os.Stat(archive); err == nil {
		flags = append(flags, "-XX:SharedArchiveFile="+archive, "-Xshare:auto")
	}
	return flags
}

// logFlags keep warnings, and of the rest what tells how a start went.
func logFlags() []string {
	const p = "-Dorg.slf4j.simpleLogger."
	return []string{
		p + "defaultLogLevel=warn",
		p + "log.kafka.server=info",
		p + "log.kafka.server.KafkaConfig=warn", // hundreds of lines
		p + "log.org.apache.kafka.image=info",
		p + "showDateTime=true",
		p + "dateTimeFormat=HH:mm:ss.SSS",
	}
}

// format prepares the storage directory, unless that has been done. Formatting
// writes the same checkpoint each time, so that a copy does in place of a run
// of the tool.
func (b *Broker) format(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(b.dataDir(), "meta.properties")); err == nil {
		return nil
	}
	checkpoint, err := os.ReadFile(filepath.Join(b.cfg.Home, checkpointFile))
	if err != nil || len(b.cfg.Features) > 0 {
		return b.formatWithTool(ctx)
	}
	if err := os.MkdirAll(b.dataDir(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dataDir(), checkpointFile), checkpoint, 0o600); err != nil {
		return err
	}
	meta := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", b.cluster.id, b.id, newID())
	return os.WriteFile(filepath.Join(b.dataDir(), "meta.properties"), []byte(meta), 0o600)
}

func (b *Broker) formatWithTool(ctx context.Context) error {
	args := []string{"format", "--ignore-formatted", "-t", b.cluster.id, "-c", b.propertiesFile()}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, User, Password))
	}
	for _, feature := range slices.Sorted(maps.Keys(b.cfg.Features)) {
		args = append(args, "--feature", feature+"="+b.cfg.Features[feature])
	}
	cmd, err := b.java(ctx, "kafka.tools.StorageTool", args...)
	if err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("kafkatest: format node %d: %w\n%s", b.id, err, out)
	}
	return nil
}
