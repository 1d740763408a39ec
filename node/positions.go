package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/modelstream/modelserver/persistence"
)

// positions keeps in the store how far the models topic was processed. It
// implements kafka.Positions.
type positions struct {
	store   persistence.Store
	id      string // in the store
	topic   string
	damaged func() bool
	fenced  func(error) // told when another server has taken the id over
	log     *slog.Logger

	mu         sync.Mutex
	epoch, seq uint64
}

// storedPositions is what is stored. With another topic it means nothing.
type storedPositions struct {
	Topic   string          `json:"topic"`
	Offsets map[int32]int64 `json:"offsets"`
}

// Load returns where to go on, or nothing: then the topic is read from its
// beginning. That is so when there is nothing stored, when it was damaged, when
// it is another topic's, and when a ModelActor lost something that the topic
// still has.
func (p *positions) Load(ctx context.Context) (map[int32]int64, error) {
	epoch, err := p.store.Claim(ctx, p.id)
	if err != nil {
		return nil, err
	}
	r, err := p.store.Load(ctx, p.id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.epoch, p.seq = epoch, max(p.seq, r.SnapshotSeq, r.LastSeq)
	p.mu.Unlock()
	if p.damaged() {
		p.log.Warn("reading the models topic from its beginning, to make good for damaged state", "topic", p.topic)
		return nil, nil
	}
	for i := range r.Damaged {
		p.log.Warn("the stored position of the models topic is damaged; reading the topic from its beginning", "topic", p.topic, "err", &r.Damaged[i])
	}
	if r.Snapshot == nil || len(r.Damaged) > 0 {
		return nil, nil
	}
	var s storedPositions
	if err := json.Unmarshal(r.Snapshot, &s); err != nil {
		p.log.Warn("the stored position of the models topic cannot be read; reading the topic from its beginning", "topic", p.topic, "err", err)
		return nil, nil
	}
	if s.Topic != p.topic {
		p.log.Info("the models topic is another one than before; reading it from its beginning", "topic", p.topic, "before", s.Topic)
		return nil, nil
	}
	return s.Offsets, nil
}

// Save stores where to go on. Before Load there is nothing to save: a server that
// stops before it came to read keeps the position that is stored.
func (p *positions) Save(ctx context.Context, offsets map[int32]int64) error {
	data, err := json.Marshal(storedPositions{Topic: p.topic, Offsets: offsets})
	if err != nil {
		return err
	}
	p.mu.Lock()
	if p.epoch == 0 {
		p.mu.Unlock()
		return nil
	}
	p.seq++
	epoch, seq := p.epoch, p.seq
	p.mu.Unlock()
	if err := p.store.SaveSnapshot(ctx, p.id, epoch, seq, data); err != nil {
		if errors.As(err, new(*persistence.FencedError)) {
			p.fenced(err)
		}
		return fmt.Errorf("the models topic's position: %w", err)
	}
	return nil
}
