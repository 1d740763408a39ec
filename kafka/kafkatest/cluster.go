package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Cluster is one or more brokers that know each other.
type Cluster struct {
	Nodes []*Broker

	id      string
	dir     string
	ownsDir bool

	certificates *Certificates
}

// Start starts a single broker. The caller closes it.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	c, err := StartCluster(ctx, cfg, 1)
	if err != nil {
		return nil, err
	}
	return c.Nodes[0], nil
}

// StartCluster starts brokers with the node ids 1 to nodes, all of them
// controllers too. The caller closes it. With three nodes topics have three
// replicas by default, and two have to be in sync.
func StartCluster(ctx context.Context, cfg Config, nodes int) (*Cluster, error) {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		c, err := newCluster(cfg, nodes)
		if err != nil {
			return nil, err
		}
		err = c.start(ctx)
		if err == nil {
			return c, nil
		}
		c.Close()
		// Somebody may take a port between our look at it and the broker's.
		if attempt == attempts || !strings.Contains(err.Error(), "Address already in use") {
			return nil, err
		}
	}
}

func newCluster(cfg Config, nodes int) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if nodes < 1 {
		return nil, fmt.Errorf("kafkatest: a cluster of %d nodes", nodes)
	}
	c := &Cluster{id: newID(), dir: cfg.Dir}
	if c.dir == "" {
		c.ownsDir = true
		if c.dir, err = os.MkdirTemp("", "kafkatest-"); err != nil {
			return nil, err
		}
	}
	if err := c.addNodes(cfg, nodes); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) addNodes(cfg Config, nodes int) error {
	if cfg.Secure {
		certificates, err := NewCertificates(c.dir)
		if err != nil {
			return err
		}
		c.certificates = certificates
	}
	each := int(controller) + 1 + len(cfg.Proxied)
	ports, err := freePorts(nodes * each)
	if err != nil {
		return err
	}
	for i := range nodes {
		b := &Broker{cfg: cfg, cluster: c, id: i + 1}
		b.proxied = ports[i*each:][copy(b.ports[:], ports[i*each:]):each]
		c.Nodes = append(c.Nodes, b)
	}
	for _, b := range c.Nodes {
		if err := b.create(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) start(ctx context.Context) error {
	return c.each(func(b *Broker) error { return b.Start(ctx) })
}

// each runs f for all nodes at once.
func (c *Cluster) each(f func(*Broker) error) error {
	errs := make([]error, len(c.Nodes))
	var wg sync.WaitGroup
	for i, b := range c.Nodes {
		wg.Go(func() { errs[i] = f(b) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Seeds returns the addresses of one listener of all nodes.
func (c *Cluster) Seeds(l Listener) []string {
	seeds := make([]string, len(c.Nodes))
	for i, b := range c.Nodes {
		seeds[i] = b.addr(l)
	}
	return seeds
}

// Close kills the nodes that run and removes their data, unless the
// configuration named the directory.
func (c *Cluster) Close() {
	for _, b := range c.Nodes {
		b.Kill()
	}
	if c.ownsDir {
		// Nothing depends on it, and there is nobody to tell.
		_ = os.RemoveAll(c.dir)
	}
}

// Certificates returns those of the TLS listeners, or nil without
// [Config].Secure.
func (c *Cluster) Certificates() *Certificates { return c.certificates }

// newID returns an id as Kafka makes them: 16 random bytes in URL-safe base64.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // no leading dash, which tools take for an option
	return base64.RawURLEncoding.EncodeToString(b[:])
}
