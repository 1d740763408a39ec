package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/modelstream/modelserver/kafka/changelog"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/file"
	"github.com/modelstream/modelserver/persistence/memory"
	"github.com/modelstream/modelserver/persistence/postgres"
)

func (n *Node) openStore(ctx context.Context) (persistence.Store, error) {
	c := n.cfg.Store
	if c.Shared() && n.cfg.Node.Name == "" {
		n.log.Warn("node.name is not set, and the store is shared: what this server stores is found again only by a server of the same name",
			"name", n.name)
	}
	switch c.Kind {
	case config.MemoryStore:
		return memory.New(), nil
	case config.PostgresStore:
		s, err := postgres.Open(ctx, c.Postgres, postgres.Options{Application: "modelserver " + n.name, Logger: n.log})
		if err != nil {
			return nil, fmt.Errorf("store.postgres: %w", err)
		}
		return s, nil
	case config.KafkaStore:
		s, err := changelog.New(changelog.Options{
			Config: c.Kafka, Kafka: &n.cfg.Kafka, Node: n.name, Log: n.log, Meter: n.telemetry.meter(),
			Progress: func(p changelog.Progress) {
				n.phase.enter(fmt.Sprintf("restoring the store: %.0f %% of its topic is read", p.Percent))
			},
		})
		if err != nil {
			return nil, fmt.Errorf("store.kafka: %w", err)
		}
		return s, nil
	}
	s, err := file.Open(file.Config{Dir: c.Dir})
	if err != nil {
		return nil, fmt.Errorf("store.dir: %w", err)
	}
	return s, nil
}

// restorer is a store that has to read what it remembers before it can answer.
type restorer interface {
	Restore(ctx context.Context) error
}

func (n *Node) restoreStore(ctx context.Context) error {
	r, ok := n.store.(restorer)
	if !ok {
		return nil
	}
	n.phase.enter("restoring the store")
	return r.Restore(ctx)
}

// positionsName is what the models topic's positions are stored as. A data type
// has no control characters, so none can have this name.
const positionsName = "\x00models-topic"

// storeIDs gives the ids of what a server stores. Where it has a store of its own
// they are the names; in a shared one "<name>@<node>", and the last @ separates.
type storeIDs struct {
	node   string
	shared bool
}

func (s storeIDs) of(name string) string {
	if !s.shared {
		return name
	}
	return name + "@" + s.node
}

// dataType returns the data type of an id, of any server's.
func (s storeIDs) dataType(id string) (string, bool) {
	name := id
	if s.shared {
		at := strings.LastIndexByte(id, '@')
		if at < 0 {
			return "", false
		}
		name = id[:at]
	}
	return name, name != "" && name != positionsName
}

// dataTypes lists the data types that the store remembers of this server.
func (s storeIDs) dataTypes(ctx context.Context, store persistence.Store) ([]string, error) {
	ids, err := store.IDs(ctx)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, id := range ids {
		if name, ok := s.dataType(id); ok && s.of(name) == id {
			own = append(own, name)
		}
	}
	return own, nil
}
