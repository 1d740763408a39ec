package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/modelstream/modelserver/faults/proxy"
	"github.com/modelstream/modelserver/faults/server"
	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// cluster is brokers, servers, and the links between them.
type cluster struct {
	cfg     *Config
	brokers *kafkatest.Cluster
	links   []*proxy.Link
	servers []*server.Server
}

// newCluster starts the brokers, makes the topics, and prepares the servers.
func newCluster(ctx context.Context, cfg *Config) (*cluster, error) {
	c := &cluster{cfg: cfg}
	if err := c.build(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *cluster) build(ctx context.Context) error {
	if err := c.startBrokers(ctx); err != nil {
		return err
	}
	if err := c.createTopics(ctx); err != nil {
		return err
	}
	for i, link := range c.links {
		name := "server-" + strconv.Itoa(i+1)
		settings := c.cfg.settings(name, link.Addrs())
		// A server with a name is a static member of its group.
		if settings["node.name"] = name; c.cfg.Dynamic {
			settings["node.name"] = ""
		}
		s, err := server.New(server.Config{
			Program: c.cfg.Program, Dir: filepath.Join(c.cfg.Dir, name), Name: name, Settings: settings,
		})
		if err != nil {
			return err
		}
		c.servers = append(c.servers, s)
	}
	return nil
}

func (c *cluster) startBrokers(ctx context.Context) error {
	k := kafkatest.Config{
		Dir: filepath.Join(c.cfg.Dir, "kafka"),
		Overrides: map[string]string{
			// What a killed server has left open keeps its partitions from the next
			// owner until the transaction times out and the broker looks for such
			// (each 10 s by default).
			"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
			"log.message.timestamp.type":                                  "CreateTime",
		},
	}
	for range c.cfg.Servers {
		link, err := proxy.New(c.cfg.Brokers)
		if err != nil {
			return err
		}
		c.links = append(c.links, link)
		k.Proxied = append(k.Proxied, link.Addr)
	}
	var err error
	if c.brokers, err = kafkatest.StartCluster(ctx, k, c.cfg.Brokers); err != nil {
		return err
	}
	for i, link := range c.links {
		for n, b := range c.brokers.Nodes {
			link.Forward(n+1, b.ProxiedAddr(i))
		}
	}
	return nil
}

func (c *cluster) seeds() []string { return c.brokers.Seeds(kafkatest.Plaintext) }

func (c *cluster) createTopics(ctx context.Context) error {
	appended := map[string]string{"message.timestamp.type": "LogAppendTime"}
	for _, t := range []struct {
		name       string
		partitions int
		configs    map[string]string
	}{
		{wineTopic, c.cfg.Partitions, nil},
		{jsonTopic, c.cfg.Partitions, nil},
		{modelsTopic, 1, appended},
		{resultsTopic, c.cfg.Partitions, appended},
		{lettersTopic, c.cfg.Partitions, nil},
		{progressTopic, c.cfg.Partitions, map[string]string{"cleanup.policy": "compact"}},
	} {
		if err := kafkatest.CreateTopic(ctx, c.seeds(), t.name, t.partitions, t.configs); err != nil {
			return err
		}
	}
	return nil
}

// startServers starts those that the plan does not start later, and returns when
// all of them read records.
func (c *cluster) startServers(ctx context.Context, later map[int]bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i, s := range c.servers {
		if !later[i+1] {
			if err := s.Start(); err != nil {
				return err
			}
		}
	}
	for i, s := range c.servers {
		if !later[i+1] {
			if err := s.AwaitReady(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// heal ends all that faults have begun: links pass, brokers and servers run.
func (c *cluster) heal(ctx context.Context) error {
	for _, l := range c.links {
		l.Heal()
	}
	var errs []error
	for _, b := range c.brokers.Nodes {
		errs = append(errs, b.Start(ctx))
	}
	for _, s := range c.servers {
		errs = append(errs, s.Start())
	}
	return errors.Join(errs...)
}

// stopServers stops all servers in order.
func (c *cluster) stopServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	errs := make(chan error)
	for _, s := range c.servers {
		go func() { errs <- s.Stop(ctx) }()
	}
	var all error
	for range c.servers {
		all = errors.Join(all, <-errs)
	}
	return all
}

// complaints are those of all servers.
func (c *cluster) complaints() (all []string) {
	for _, s := range c.servers {
		for _, text := range s.Complaints() {
			all = append(all, fmt.Sprintf("%s: %s", s.Name(), text))
		}
	}
	return all
}

func (c *cluster) close() {
	for _, s := range c.servers {
		s.Close()
	}
	for _, l := range c.links {
		l.Close()
	}
	if c.brokers != nil {
		c.brokers.Close()
	}
}
