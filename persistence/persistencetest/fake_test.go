package persistencetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

// fault is something that a store can do wrong.
type fault string

// The faults that the suite must find; the test names the check that finds each.
const (
	none               fault = ""
	nilRecovery        fault = "an unknown id has no recovery"
	reversed           fault = "events come back in reverse"
	lostEvent          fault = "the first event is lost"
	gapAccepted        fault = "a gap in the numbers is accepted"
	otherRepeat        fault = "another event under the last number is accepted"
	repeatRefused      fault = "the last event once more is refused"
	refusedLeavesID    fault = "a refused event leaves its id"
	sequenceOfNobody   fault = "a SequenceError does not say what it wants"
	anySize            fault = "records of any size are accepted"
	unsortedIDs        fault = "ids are not sorted"
	mergedIDs          fault = "ids end at a zero byte"
	noSnapshotOnlyIDs  fault = "an id with only a snapshot is not listed"
	deleteKeepsLast    fault = "a deleted id keeps its last number"
	deleteByPrefix     fault = "delete takes ids that begin alike"
	eventsNotDurable   fault = "the last event is lost at a restart"
	snapshotsVanish    fault = "snapshots are lost at a restart"
	artifactsVanish    fault = "artifacts are lost at a restart"
	coveredEvents      fault = "covered events come back"
	nilSnapshot        fault = "an empty snapshot comes back as none"
	firstOfEqual       fault = "of equal snapshots the first counts"
	lateSnapshotWins   fault = "a late snapshot counts as the newest"
	aheadIgnored       fault = "a snapshot ahead does not move the last number"
	wrapsAround        fault = "the last number is accepted"
	keepsOneSnapshot   fault = "one snapshot is kept"
	dropsTooMuch       fault = "all covered events are dropped"
	dropsNothing       fault = "no event is dropped"
	trustsSnapshots    fault = "damaged snapshots are returned"
	silentDamage       fault = "damage is not reported"
	noFallback         fault = "only the newest snapshot is tried"
	damageEndsEvents   fault = "events after a damaged one are not returned"
	damageLowersLast   fault = "a damaged last event lowers the last number"
	countsDamaged      fault = "a damaged snapshot counts as kept"
	trustsArtifacts    fault = "damaged artifacts are returned"
	neverMends         fault = "a damaged artifact is never mended"
	noNotFound         fault = "an unknown artifact is empty"
	anyDigest          fault = "an artifact's digest is not compared"
	upperCase          fault = "a digest may be anything"
	keepsAll           fault = "retain drops nothing"
	dropsAll           fault = "retain drops everything"
	anyID              fault = "ids of any length are accepted"
	ignoresContext     fault = "contexts are ignored"
	keepsSlices        fault = "slices that come in are kept"
	sharesSlices       fault = "slices that go out are shared"
	torn               fault = "a reader sees half of a write"
	lastWriterWins     fault = "two writers may write the same number"
	snapshotForgets    fault = "a snapshot makes the last number its own"
	closeFails         fault = "Close fails"
	claimListed        fault = "a claimed id is listed"
	sameEpoch          fault = "every claim gets the same epoch"
	deletedEpochs      fault = "delete forgets the epochs"
	epochsVanish       fault = "epochs begin anew at a restart"
	epochPerMoment     fault = "claims at once get one epoch"
	noFence            fault = "a zombie is not refused"
	fencesNewOnly      fault = "a zombie may repeat the last event"
	snapshotsUnfenced  fault = "a zombie's snapshot is not refused"
	deletesUnfenced    fault = "a zombie may delete"
	fencedByNobody     fault = "a FencedError does not say who the owner is"
	ownerLocked        fault = "a claim keeps everybody out"
	lostClaimsFenced   fault = "an epoch that the store has lost is refused"
	notAdopted         fault = "an epoch that the store has lost is forgotten again"
	anyEpoch           fault = "epoch 0 is accepted"
	noGrace            fault = "retain knows no grace"
	endlessGrace       fault = "retain spares everything for ever"
	putOnce            fault = "putting an artifact again does not count"
	reopenedDuplicates fault = "a restart doubles the events"
)

// disk is what outlives a fake store.
type disk struct {
	logs      map[string]*fakeLog
	owners    map[string]uint64
	artifacts map[string][]byte
	put       map[string]time.Time
}

type fakeLog struct {
	last      uint64
	events    []persistence.Event
	snapshots []savedSnapshot // kept ones, oldest first
	damaged   map[string]bool // "e3", "s4": what was damaged
	loads     int
}

// fake is a small store that has one fault.
type fake struct {
	fault
	mu sync.Mutex
	*disk
}

func fakeHarness(f fault) Harness {
	return Harness{
		New: func(testing.TB) func() (persistence.Store, error) {
			d := &disk{logs: map[string]*fakeLog{}, owners: map[string]uint64{}, artifacts: map[string][]byte{}, put: map[string]time.Time{}}
			opened := false
			return func() (persistence.Store, error) {
				if opened {
					d.restart(f)
				}
				opened = true
				return &fake{fault: f, disk: d}, nil
			}
		},
		Durable: true,
		Inspect: func(s persistence.Store, id string) (events, snapshots []uint64, err error) {
			l := s.(*fake).logs[id]
			for _, e := range l.events {
				events = append(events, e.Seq)
			}
			for _, s := range l.snapshots {
				snapshots = append(snapshots, s.seq)
			}
			return events, snapshots, nil
		},
		Damage: func(s persistence.Store, what Target) error {
			d := s.(*fake).disk
			if what.Artifact != "" {
				d.artifacts[what.Artifact][0] ^= 1
				return nil
			}
			kind := "e"
			if what.Snapshot {
				kind = "s"
			}
			d.logs[what.ID].damaged[fmt.Sprint(kind, what.Seq)] = true
			return nil
		},
		Age: func(s persistence.Store, digest string, by time.Duration) error {
			put := s.(*fake).put
			put[digest] = put[digest].Add(-by)
			return nil
		},
	}
}

// restart does to the disk what the fault makes of a restart.
func (d *disk) restart(f fault) {
	for _, l := range d.logs {
		switch n := len(l.events); {
		case f == eventsNotDurable && n > 0:
			l.events, l.last = l.events[:n-1], l.last-1
		case f == reopenedDuplicates:
			l.events = slices.Concat(l.events, l.events)
		case f == snapshotsVanish:
			l.snapshots = nil
		}
	}
	switch f {
	case artifactsVanish:
		clear(d.artifacts)
	case epochsVanish:
		clear(d.owners)
	}
}

func (s *fake) enter(ctx context.Context, id string) (string, error) {
	if s.fault != anyID && id != "-" {
		if err := persistence.CheckID(id); err != nil {
			return id, err
		}
	}
	if s.fault == mergedIDs {
		before, _, _ := bytes.Cut([]byte(id), []byte{0})
		id = string(before)
	}
	if s.fault == ignoresContext {
		return id, nil
	}
	return id, ctx.Err()
}

func (s *fake) log(id string) *fakeLog {
	l := s.logs[id]
	if l == nil {
		l = &fakeLog{damaged: map[string]bool{}}
	}
	return l
}

func (s *fake) bytes(b []byte, shared fault) []byte {
	if s.fault == shared {
		return b
	}
	return append([]byte{}, b...)
}

func (s *fake) Claim(ctx context.Context, id string) (uint64, error) {
	id, err := s.enter(ctx, id)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fault == claimListed:
		s.logs[id] = s.log(id)
	case s.fault == sameEpoch && s.owners[id] > 0:
		return s.owners[id], nil
	}
	epoch, err := persistence.NextEpoch(id, s.owners[id])
	if s.fault == epochPerMoment && epoch == 2 {
		epoch = 1
	}
	if err == nil {
		s.owners[id] = epoch
	}
	return epoch, err
}

// fence is called with the lock held.
func (s *fake) fence(id string, epoch uint64) error {
	if s.fault != anyEpoch {
		if err := persistence.CheckOwner("-", epoch); err != nil {
			return err
		}
	}
	owner := s.owners[id]
	switch {
	case epoch < owner && s.fault == fencedByNobody:
		return &persistence.FencedError{ID: id}
	case epoch < owner && s.fault != noFence,
		epoch > owner && s.fault == lostClaimsFenced,
		owner > 1 && s.fault == ownerLocked:
		return &persistence.FencedError{ID: id, Epoch: epoch, Owner: owner}
	case epoch > owner && s.fault != notAdopted:
		s.owners[id] = epoch
	}
	return nil
}

func (s *fake) Append(ctx context.Context, id string, epoch, seq uint64, event []byte) error {
	id, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	if err := persistence.CheckEvent("-", 1, seq, event); err != nil && s.fault != anySize && s.fault != wrapsAround {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence(id, epoch); err != nil && (s.fault != fencesNewOnly || seq != s.log(id).last) {
		return err
	}
	l := s.log(id)
	if s.fault == refusedLeavesID {
		s.logs[id] = l
	}
	if n := len(l.events); n > 0 && seq == l.last && s.fault != repeatRefused {
		if s.fault == otherRepeat || s.fault == lastWriterWins || bytes.Equal(event, l.events[n-1].Data) {
			l.events[n-1].Data = s.bytes(event, keepsSlices)
			return nil
		}
	}
	if seq != l.last+1 && (s.fault != gapAccepted || seq <= l.last) {
		if s.fault == sequenceOfNobody {
			return &persistence.SequenceError{ID: id}
		}
		return &persistence.SequenceError{ID: id, Got: seq, Want: l.last + 1}
	}
	l.last = seq
	if s.fault == torn && seq == 1 { // the number first, the event when somebody has looked
		s.logs[id] = l
		for seen := l.loads; l.loads == seen; {
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		}
	}
	l.events = append(l.events, persistence.Event{Seq: seq, Data: s.bytes(event, keepsSlices)})
	s.logs[id] = l
	return nil
}

func (s *fake) SaveSnapshot(ctx context.Context, id string, epoch, seq uint64, data []byte) error {
	id, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	if err := persistence.CheckSnapshot("-", 1, seq, data); err != nil && s.fault != anySize && s.fault != wrapsAround {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence(id, epoch); err != nil && s.fault != snapshotsUnfenced {
		return err
	}
	l := s.log(id)
	s.logs[id] = l
	if s.fault != countsDamaged {
		l.snapshots = slices.DeleteFunc(l.snapshots, func(o savedSnapshot) bool { return l.damaged[fmt.Sprint("s", o.seq)] })
	}
	l.snapshots = append(l.snapshots, savedSnapshot{seq, s.bytes(data, keepsSlices)})
	if s.fault == firstOfEqual {
		slices.Reverse(l.snapshots)
	}
	if s.fault != lateSnapshotWins {
		l.snapshots = (&oracle{snapshots: l.snapshots}).kept()
	}
	kept := 2
	if s.fault == keepsOneSnapshot {
		kept = 1
	}
	l.snapshots = l.snapshots[max(0, len(l.snapshots)-kept):]
	switch oldest := l.snapshots[0].seq; {
	case s.fault == dropsTooMuch:
		l.events = slices.DeleteFunc(l.events, func(e persistence.Event) bool { return e.Seq <= seq })
	case s.fault != dropsNothing && len(l.snapshots) == kept:
		l.events = slices.DeleteFunc(l.events, func(e persistence.Event) bool { return e.Seq <= oldest })
	}
	switch {
	case s.fault == snapshotForgets:
		l.last = seq
	case s.fault != aheadIgnored:
		l.last = max(l.last, seq)
	}
	return nil
}

func (s *fake) Load(ctx context.Context, id string) (*persistence.Recovery, error) {
	id, err := s.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nilRecovery && s.logs[id] == nil {
		return nil, nil
	}
	l := s.log(id)
	l.loads++
	r := &persistence.Recovery{LastSeq: l.last}
	for _, snap := range slices.Backward(l.snapshots) {
		if l.damaged[fmt.Sprint("s", snap.seq)] && s.fault != trustsSnapshots {
			s.report(r, "snapshot %d of %q", snap.seq, id)
			if s.fault == noFallback {
				break
			}
			continue
		}
		r.Snapshot, r.SnapshotSeq = s.bytes(snap.data, sharesSlices), snap.seq
		if s.fault == nilSnapshot && len(r.Snapshot) == 0 {
			r.Snapshot = nil
		}
		break
	}
	s.loadEvents(r, l, id)
	return r, nil
}

func (s *fake) report(r *persistence.Recovery, what string, args ...any) {
	if s.fault != silentDamage {
		r.Damaged = append(r.Damaged, persistence.DamageError{What: fmt.Sprintf(what, args...), Err: errors.New("flipped")})
	}
}

func (s *fake) loadEvents(r *persistence.Recovery, l *fakeLog, id string) {
	if len(l.events) > 0 && l.events[0].Seq > r.SnapshotSeq+1 && s.fault != dropsTooMuch {
		s.report(r, "events %d to %d of %q", r.SnapshotSeq+1, l.events[0].Seq-1, id)
	}
	for i, e := range l.events {
		switch {
		case e.Seq <= r.SnapshotSeq && s.fault != coveredEvents, s.fault == lostEvent && i == 0:
			continue
		case l.damaged[fmt.Sprint("e", e.Seq)]:
			s.report(r, "event %d of %q", e.Seq, id)
			if s.fault == damageEndsEvents {
				return
			}
			if s.fault == damageLowersLast && e.Seq == l.last {
				r.LastSeq--
			}
			continue
		}
		r.Events = append(r.Events, persistence.Event{Seq: e.Seq, Data: s.bytes(e.Data, sharesSlices)})
	}
	if s.fault == reversed {
		slices.Reverse(r.Events)
	}
}

func (s *fake) IDs(ctx context.Context) ([]string, error) {
	if _, err := s.enter(ctx, "-"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Sorted(maps.Keys(s.logs))
	switch s.fault {
	case unsortedIDs:
		slices.Reverse(ids)
	case noSnapshotOnlyIDs:
		ids = slices.DeleteFunc(ids, func(id string) bool { return len(s.logs[id].events) == 0 })
	}
	return ids, nil
}

func (s *fake) Delete(ctx context.Context, id string, epoch uint64) error {
	id, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence(id, epoch); err != nil && s.fault != deletesUnfenced {
		return err
	}
	if s.fault == deletedEpochs {
		delete(s.owners, id)
	}
	switch l := s.logs[id]; {
	case s.fault == deleteKeepsLast && l != nil:
		s.logs[id] = &fakeLog{last: l.last}
	case s.fault == deleteByPrefix:
		maps.DeleteFunc(s.logs, func(other string, _ *fakeLog) bool { return bytes.HasPrefix([]byte(other), []byte(id)) })
	default:
		delete(s.logs, id)
	}
	return nil
}

func (s *fake) PutArtifact(ctx context.Context, digest string, artifact []byte) error {
	if _, err := s.enter(ctx, "-"); err != nil {
		return err
	}
	err := persistence.CheckArtifact(digest, artifact)
	ignored := s.fault == anyDigest && errors.As(err, new(*persistence.DigestError)) ||
		s.fault == upperCase && errors.As(err, new(*persistence.ArgumentError))
	if err != nil && !ignored {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there, ok := s.artifacts[digest]
	if !ok || s.fault != putOnce {
		s.put[digest] = time.Now()
	}
	if !ok || s.fault != neverMends && digestOf(there) != digest {
		s.artifacts[digest] = s.bytes(artifact, keepsSlices)
	}
	return nil
}

func (s *fake) Artifact(ctx context.Context, digest string) ([]byte, error) {
	if _, err := s.enter(ctx, "-"); err != nil {
		return nil, err
	}
	if err := persistence.CheckDigest(digest); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	artifact, ok := s.artifacts[digest]
	switch {
	case !ok && s.fault == noNotFound:
		return nil, nil
	case !ok:
		return nil, persistence.ErrNotFound
	case digestOf(artifact) != digest && s.fault != trustsArtifacts && s.fault != keepsSlices && s.fault != sharesSlices:
		return nil, &persistence.DamageError{What: digest, Err: errors.New("flipped")}
	}
	return s.bytes(artifact, sharesSlices), nil
}

func (s *fake) RetainArtifacts(ctx context.Context, grace time.Duration, keep func(string) bool) error {
	if _, err := s.enter(ctx, "-"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.artifacts, func(digest string, _ []byte) bool {
		drop := !keep(digest) && (s.fault == noGrace || grace == 0 || s.fault != endlessGrace && time.Since(s.put[digest]) >= grace)
		return drop && s.fault != keepsAll || s.fault == dropsAll
	})
	return nil
}

func (s *fake) Close() error {
	if s.fault == closeFails {
		return errors.New("close fails")
	}
	return nil
}
