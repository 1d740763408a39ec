package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// letterSent: the broker has taken or refused a dead letter.
type letterSent struct {
	descriptor *descriptor
	record     *kgo.Record
	why        *rejection
	attempts   int
	err        error
}

// sendAgain: a refused dead letter's pause is over.
type sendAgain struct{ letter *letterSent }

// deadLetter sends a descriptor to the dead-letter topic. It is settled when
// the broker has it.
func (m *modelsActor) deadLetter(d *descriptor, why *rejection) {
	m.metrics.rejected(why)
	m.log.Warn("a model descriptor goes to the dead-letter topic", "class", why.class, "error", why.err,
		"partition", d.record.Partition, "offset", d.record.Offset, "dead_letter_topic", m.letters.topic)
	if m.letters.topic == "" {
		m.done(d)
		return
	}
	sent := &letterSent{descriptor: d, record: &kgo.Record{}, why: why}
	m.letters.letter(sent.record, d.record, why)
	m.sendLetter(sent)
}

func (m *modelsActor) sendLetter(sent *letterSent) {
	sent.attempts++
	sent.record.Partition = sent.descriptor.record.Partition
	s := m.session
	s.client.Produce(context.Background(), sent.record, func(_ *kgo.Record, err error) {
		sent.err = err
		s.tell(sent)
	})
}

func (m *modelsActor) letterSent(sent *letterSent) {
	err := sent.err
	if errors.Is(err, kgo.ErrClientClosed) {
		return // it is read again at the next start
	}
	if errors.Is(err, kerr.UnknownTopicID) {
		m.topicRemade(m.letters.topic)
		return
	}
	m.status.fail("dead letters", err)
	if err == nil {
		m.done(sent.descriptor)
		return
	}
	m.log.Error("cannot write a dead letter; trying again until it works", "topic", m.letters.topic,
		"from_partition", sent.descriptor.record.Partition, "from_offset", sent.descriptor.record.Offset,
		"attempt", sent.attempts, "error", err)
	if refusedForGood(err) {
		m.letters.lessen(sent.record, sent.descriptor.record, err)
	}
	s, pause := m.session, backoff(repairBackoff, maxRepairBackoff, sent.attempts)
	go func() {
		if s.pause(pause) {
			s.tell(&sendAgain{sent})
		}
	}()
}

// saveState is the actor's side of saving positions: one save at a time, off
// the mailbox.
type saveState struct {
	dirty    bool
	underWay bool
	next     time.Time
}

// saved: a save has ended.
type saved struct{ err error }

const (
	saveTimeout = 10 * time.Second
	saveEvery   = 200 * time.Millisecond
)

// settled returns the positions to save.
func (m *modelsActor) settled() map[int32]int64 {
	positions := make(map[int32]int64, len(m.parts))
	for number, part := range m.parts {
		positions[number] = part.position
	}
	return positions
}

func (m *modelsActor) saveDue(now time.Time) {
	s := &m.save
	if !s.dirty || s.underWay || now.Before(s.next) || m.closing != nil {
		return
	}
	s.dirty, s.underWay = false, true
	positions, session := m.settled(), m.session
	go func() {
		ctx, cancel := context.WithTimeout(session.ctx, saveTimeout)
		defer cancel()
		session.tell(&saved{err: m.positions.Save(ctx, positions)})
	}()
}

func (m *modelsActor) saved(s *saved) {
	now := time.Now()
	m.save.underWay = false
	if m.closing != nil {
		m.finish()
		return
	}
	m.save.next = now.Add(saveEvery)
	if s.err != nil {
		m.save.dirty = true
		m.save.next = now.Add(5 * saveEvery)
		m.metrics.saveFailures.Add(context.Background(), 1)
		m.log.Error("cannot save the positions of the models topic; trying again", "error", s.err)
	}
}
