package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

const readyLine = "Kafka Server started"

// Broker is one node of a cluster. Its addresses and data stay the same over
// stops, kills and restarts.
type Broker struct {
	cfg     Config
	cluster *Cluster
	id      int
	ports   [controller + 1]int
	proxied []int // ports of the listeners behind proxies

	// dumpArchive makes the next run write its class archive there.
	dumpArchive string

	mu      sync.Mutex
	process *process
	log     *logWriter // of the latest run
}

// Cluster returns the cluster that the broker belongs to, of one node or more.
func (b *Broker) Cluster() *Cluster { return b.cluster }

// Seeds returns the address of one of the broker's listeners in the form that
// clients take.
func (b *Broker) Seeds(l Listener) []string { return []string{b.addr(l)} }

func (b *Broker) addr(l Listener) string { return loopback(b.ports[l]) }

// ProxiedAddr is where the broker itself listens for the i-th proxy of
// [Config].Proxied.
func (b *Broker) ProxiedAddr(i int) string { return loopback(b.proxied[i]) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (b *Broker) listeners() []Listener {
	if b.cfg.Secure {
		return []Listener{Plaintext, TLS, SASL, SASLTLS, controller}
	}
	return []Listener{Plaintext, controller}
}

func (b *Broker) dir() string     { return filepath.Join(b.cluster.dir, "node"+strconv.Itoa(b.id)) }
func (b *Broker) dataDir() string { return filepath.Join(b.dir(), "data") }
func (b *Broker) propertiesFile() string {
	return filepath.Join(b.dir(), "server.properties")
}

// create makes the broker's directory and configuration.
func (b *Broker) create() error {
	if err := os.MkdirAll(b.dir(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(b.propertiesFile(), b.properties().encode(), 0o600)
}

// Start starts the broker and returns when it serves. On a broker that runs it
// does nothing.
func (b *Broker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.StartTimeout)
	defer cancel()
	if err := b.format(ctx); err != nil {
		return err
	}
	// The broker outlives the context of its start.
	cmd, err := b.java(context.WithoutCancel(ctx), "kafka.Kafka", b.propertiesFile())
	if err != nil {
		return err
	}
	log, err := newLogWriter(filepath.Join(b.dir(), "broker.log"), readyLine)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd, log.close)
	if err != nil {
		log.close()
		return fmt.Errorf("kafkatest: %w", err)
	}
	b.process, b.log = p, log
	select {
	case <-log.found:
		return nil
	case <-p.exited:
		return fmt.Errorf("kafkatest: node %d ended at its start (%w); its log ends with\n%s", b.id, p.err, log.Tail())
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("kafkatest: node %d did not start (%w); its log ends with\n%s", b.id, ctx.Err(), log.Tail())
	}
}

// running is called with mu held.
func (b *Broker) running() bool {
	if b.process == nil {
		return false
	}
	select {
	case <-b.process.exited:
		return false
	default:
		return true
	}
}

// Stop ends the broker in order: SIGTERM, then wait. When ctx ends first it is
// killed, which is an error.
func (b *Broker) Stop(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running() {
		return nil
	}
	if err := b.process.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("kafkatest: stop node %d: %w", b.id, err)
	}
	select {
	case <-b.process.exited:
		return nil
	case <-ctx.Done():
		b.process.kill()
		return fmt.Errorf("kafkatest: node %d did not stop (%w) and was killed", b.id, ctx.Err())
	}
}

// Kill ends the broker as a crash does (SIGKILL) and waits until it is gone.
func (b *Broker) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running() {
		b.process.kill()
	}
}

// Restart stops the broker if it runs, and starts it on the same data.
func (b *Broker) Restart(ctx context.Context) error {
	return errors.Join(b.Stop(ctx), b.Start(ctx))
}

// Freeze stops the broker's process in its tracks (SIGSTOP): connections stay
// open and nothing answers, as when a machine hangs.
func (b *Broker) Freeze() error { return b.signal(syscall.SIGSTOP) }

// Continue lets a frozen broker go on.
func (b *Broker) Continue() error { return b.signal(syscall.SIGCONT) }

func (b *Broker) signal(s syscall.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running() {
		return fmt.Errorf("kafkatest: %v for node %d, which does not run", s, b.id)
	}
	return b.process.signal(s)
}

// PID returns the process id of the running broker, or 0.
func (b *Broker) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running() {
		return 0
	}
	return b.process.cmd.Process.Pid
}

// LogTail returns the last lines of the broker's log.
func (b *Broker) LogTail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.log == nil {
		return ""
	}
	return b.log.Tail()
}

// Close ends the whole cluster that the broker belongs to, see [Cluster.Close].
func (b *Broker) Close() { b.cluster.Close() }
