package kafka

import (
	"context"
	"sync/atomic"
	"time"
)

// Frontier is up to when the models topic is known: every descriptor that was
// published before it was handed on. A record may be scored when the frontier is
// not more than the lead (kafka.models.lead) behind its timestamp: models that
// are to switch at the same record everywhere are published at least that long
// before.
type Frontier struct{ at atomic.Int64 }

// Known returns the time up to which the models topic is known.
func (f *Frontier) Known() time.Time { return time.UnixMilli(f.at.Load()) }

func (f *Frontier) advance(t time.Time) { f.at.Store(t.UnixMilli()) }

// ends are where the partitions of the models topic ended at a moment.
type ends struct {
	at   time.Time
	ends map[int32]int64
}

// watchFrontier asks, several times within the lead, where the models topic
// ends.
func (m *Models) watchFrontier(s *session) {
	every := max(m.config.Models.Lead/8, 50*time.Millisecond)
	for {
		asked := time.Now()
		ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
		found, err := listOffsets(ctx, s.client, m.config.Models.Topic, false)
		cancel()
		if err == nil {
			s.tell(&ends{at: asked, ends: found})
		}
		if !s.pause(every) {
			return
		}
	}
}

// reach advances the frontier when everything up to where the topic ended was
// taken. Until then the older question stays the one to answer.
func (m *modelsActor) reach(e *ends) {
	if m.goal == nil {
		m.goal = e
	}
	if !m.reached(m.goal) {
		return
	}
	at := m.goal.at
	if m.reached(e) {
		at = e.at
	}
	m.goal = nil
	m.frontier.advance(at)
}

func (m *modelsActor) reached(e *ends) bool {
	if !m.setup {
		return false
	}
	for number, end := range e.ends {
		part := m.parts[number]
		if part == nil || part.taken() < end && !m.nothingMore(time.Now()) {
			return false
		}
	}
	return true
}

// nothingMore says that the topic's end cannot be reached, since compaction has
// left nothing there to read: nothing came although a poll has waited for long.
func (m *modelsActor) nothingMore(now time.Time) bool {
	return m.polling && len(m.pending) == 0 && now.Sub(m.newsAt) >= quietAfter && m.status.connected(now) == nil
}

// taken is the offset after the last record that was taken from a partition.
func (p *modelPartition) taken() int64 {
	if n := len(p.chunks); n > 0 {
		return p.chunks[n-1].end
	}
	return p.position
}

// early says that the models topic is not known up to what a flight's records
// must know. A timestamp from the future asks for no more than the present.
func (r *recordsActor) early(f *flight, now time.Time) bool {
	if r.frontier == nil {
		return false
	}
	if f.latest == 0 {
		for i := range f.records {
			f.latest = max(f.latest, f.records[i].TimeMS)
		}
		f.latest = max(1, min(f.latest, now.UnixMilli()))
	}
	return f.latest > r.frontier.Known().Add(r.config.Models.Lead).UnixMilli()
}
