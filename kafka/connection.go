package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// deafAfter is how long brokers may be silent after an error until we call
	// ourselves disconnected, silentAfter how long without one.
	deafAfter   = 2 * time.Second
	silentAfter = 20 * time.Second
)

// connection watches whether brokers answer. It hooks into a client, whose
// goroutines call it concurrently.
type connection struct {
	log     *slog.Logger
	lastOK  atomic.Int64 // Unix nanoseconds of the last answer
	failing atomic.Bool
	told    throttle

	mu      sync.Mutex
	lastErr error
	errAt   time.Time
}

func newConnection(log *slog.Logger) *connection { return &connection{log: log} }

// OnBrokerConnect implements [kgo.HookBrokerConnect].
func (c *connection) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		c.fail(fmt.Errorf("broker %s: %w", net.JoinHostPort(meta.Host, fmt.Sprint(meta.Port)), err))
	}
}

// OnBrokerRead implements [kgo.HookBrokerRead].
func (c *connection) OnBrokerRead(meta kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err != nil {
		c.fail(fmt.Errorf("broker %s: %w", net.JoinHostPort(meta.Host, fmt.Sprint(meta.Port)), err))
		return
	}
	switch kmsg.Key(key) {
	case kmsg.ApiVersions, kmsg.SASLHandshake, kmsg.SASLAuthenticate:
		return // everybody is answered these
	}
	c.lastOK.Store(time.Now().UnixNano())
	if c.failing.CompareAndSwap(true, false) && c.told.over() {
		c.log.Info("connected to Kafka again", "broker", meta.Host, "port", meta.Port)
	}
}

func (c *connection) fail(err error) {
	c.failing.Store(true)
	c.mu.Lock()
	c.lastErr, c.errAt = err, time.Now()
	c.mu.Unlock()
	// A broker of several may be down, and a connection that ends is opened
	// again: what counts is that nobody answers.
	if time.Since(time.Unix(0, c.lastOK.Load())) > deafAfter && c.told.allow("deaf") {
		c.log.Warn("cannot reach Kafka; trying again until it answers", "error", err)
	}
}

// health returns why brokers do not answer, or nil when they do.
func (c *connection) health(now time.Time) error {
	last := c.lastOK.Load()
	silent := now.Sub(time.Unix(0, last))
	c.mu.Lock()
	err, errAt := c.lastErr, c.errAt
	c.mu.Unlock()
	switch {
	case last == 0 && err == nil:
		return errors.New("no broker has answered yet")
	case last == 0:
		return fmt.Errorf("no broker has answered yet: %w", err)
	case err != nil && errAt.UnixNano() > last && silent > deafAfter:
		return fmt.Errorf("no broker has answered for %v: %w", silent.Round(time.Second), err)
	case silent > silentAfter:
		return fmt.Errorf("no broker has answered for %v", silent.Round(time.Second))
	}
	return nil
}
