package changelog

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world is a log of one partition, with servers that write to it and read it,
// each at its own pace. What a server has produced lands in its order, but any
// time later; a server that is far behind is a zombie.
type world struct {
	t       *rapid.T
	draws   uint64
	log     []logged
	servers []*server
	time    int64
}

type server struct {
	writer  [8]byte
	counter uint64
	view    *view
	read    int      // records of the log
	flight  []logged // produced, and not in the log yet
	epoch   uint64   // that it believes to own

	finished map[upload]bool // uploads that it has put
}

const (
	theID       = "wine"
	theArtifact = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

func newServer(writer [8]byte) *server {
	return &server{writer: writer, view: newView(), finished: map[upload]bool{}}
}

func (s *server) nonce() (n nonce) {
	s.counter++
	copy(n[:], s.writer[:])
	binary.BigEndian.PutUint64(n[8:], s.counter)
	return n
}

func (s *server) produce(k key, body []byte) {
	raw := k.encode()
	s.flight = append(s.flight, logged{key: raw, value: seal(raw, body)})
}

// write produces what the store would, as far as the server's view goes.
func (w *world) write(s *server) {
	r := s.view.id(theID)
	k := key{epoch: s.epoch, nonce: s.nonce(), object: theID}
	switch n := w.pick(20); {
	case n < 4: // claim
		k.kind, k.epoch = claimKind, r.epoch+1
		s.produce(k, nil)
		return
	case n < 5: // an epoch that the topic does not know
		s.epoch = max(s.epoch, r.epoch) + 10 + uint64(s.writer[0])
		k.epoch, k.kind, k.seq = s.epoch, eventKind, r.last+1
		if w.pick(2) == 0 {
			k.kind, k.seq = deleteKind, 0
		}
	case n < 12:
		k.kind, k.seq = eventKind, r.last+1
	case n < 18:
		k.kind, k.seq = snapshotKind, uint64(w.pick(int(r.last)+3))
	default:
		k.kind = deleteKind
	}
	if s.epoch >= r.epoch && s.epoch > 0 { // otherwise the store refuses at once
		s.produce(k, fmt.Append(nil, k.String(), k.nonce))
	}
}

// writeArtifact produces a record of an upload.
func (w *world) writeArtifact(s *server) {
	k := key{nonce: s.nonce(), object: theArtifact}
	r := s.view.artifact(theArtifact)
	switch n := w.pick(8); {
	case n < 2 || r == nil:
		k.kind, k.upload = uploadKind, k.nonce
	case n < 5 && len(r.announced) > 0: // it finishes its own uploads only
		k.kind = putKind
		for _, e := range s.view.artifacts[theArtifact].entries {
			if u := e.key.upload; r.announced[u] == e && u.writer() == s.writer && !s.finished[u] {
				k.upload = u
			}
		}
		if k.upload == (upload{}) {
			return
		}
		s.finished[k.upload] = true
	case r.current == nil:
		return
	case n < 7:
		k.kind, k.upload = touchKind, r.current.key.upload
	default:
		k.kind, k.upload = condemnKind, r.current.key.upload
		for _, e := range s.view.artifacts[theArtifact].entries { // those that were replaced go first
			if e.key.upload != r.current.key.upload && r.condemned[e.key.upload] == nil && e.dead {
				k.upload = e.key.upload
			}
		}
	}
	s.produce(k, (&reference{count: 1}).encode())
}

// sweep produces the tombstones that the store would.
func (s *server) sweep() {
	if o := s.view.ids[theID]; o != nil {
		if c := o.rules.(*idRules).claim; c != nil && c.key.nonce.writer() == s.writer {
			for _, e := range o.removable() {
				s.flight = append(s.flight, logged{key: []byte(e.raw)})
			}
		}
	}
	if o := s.view.artifacts[theArtifact]; o != nil {
		r := o.rules.(*artifactRules)
		for _, e := range o.removable() {
			live := r.current != nil && r.current.key.upload == e.key.upload
			if e.key.kind != condemnKind && !live && r.condemned[e.key.upload] == nil {
				break // its upload has to be condemned first
			}
			s.flight = append(s.flight, logged{key: []byte(e.raw)})
		}
	}
}

// catchUp reads the next records of the log.
func (s *server) catchUp(log []logged, n int) {
	for ; n > 0 && s.read < len(log); n, s.read = n-1, s.read+1 {
		c, ok := s.view.apply(&log[s.read])
		if ok && c.key.kind == claimKind && c.verdict == accepted && !c.tombstone && c.key.nonce.writer() == s.writer {
			s.epoch = c.key.epoch
		}
	}
}

// pick draws one of n. The library prefers small numbers, which would have one
// server do one thing all the time: each draw is spread in its own way.
func (w *world) pick(n int) int {
	w.draws++
	x := uint64(rapid.Uint16().Draw(w.t, "pick")) + w.draws<<16
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int((x ^ x>>31) % uint64(n))
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t}
	for i := range 3 {
		w.servers = append(w.servers, newServer([8]byte{byte(i + 1)}))
	}
	for range 20 + w.pick(200) {
		w.step()
	}
	return w
}

// step lets one server do one thing.
func (w *world) step() {
	s := w.servers[w.pick(len(w.servers))]
	switch n := w.pick(60); {
	case n < 15:
		w.write(s)
	case n < 22:
		w.writeArtifact(s)
	case n < 37:
		for range 1 + w.pick(4) {
			if len(s.flight) == 0 {
				return
			}
			w.time++
			l := s.flight[0]
			l.offset, l.time = int64(len(w.log)), w.time
			w.log, s.flight = append(w.log, l), s.flight[1:]
		}
	case n < 52:
		s.catchUp(w.log, 1+w.pick(20))
	case n < 59:
		s.sweep()
	default: // a crash, and a new process in its place
		s.writer[1]++
		*s = *newServer(s.writer)
		s.catchUp(w.log, len(w.log))
	}
}

// describe says what a view makes of the log, in words that can be compared.
func describe(v *view) string {
	r := v.id(theID)
	s := fmt.Sprintf("epoch %d, last %d, events", r.epoch, r.last)
	for _, e := range r.events {
		s += fmt.Sprintf(" %s", e.body)
	}
	s += ", snapshots"
	for _, e := range r.snapshots {
		s += fmt.Sprintf(" %s", e.body)
	}
	if a := v.artifact(theArtifact); a != nil && a.current != nil {
		s += fmt.Sprintf(", artifact %s", a.current.key.nonce)
	}
	return s
}

func read(log []logged) *view {
	v := newView()
	for i := range log {
		v.apply(&log[i])
	}
	return v
}

// withoutTombstones is the log as if nothing had ever been cleaned up.
func withoutTombstones(log []logged) []logged {
	return slices.DeleteFunc(slices.Clone(log), func(l logged) bool { return l.value == nil })
}

// compacted is what a cleaner may leave of the log: of the records with a later
// one under their key, any; of the tombstones with nothing before them, any.
func (w *world) compacted() []logged {
	log, end := w.log, w.pick(len(w.log)+1)
	last := map[string]int{}
	for i, l := range log[:end] {
		last[string(l.key)] = i
	}
	coin := w.pick(4)
	kept := map[string]bool{}
	var out []logged
	for i, l := range log {
		k := string(l.key)
		superseded := i < end && last[k] > i
		bare := i < end && l.value == nil && !kept[k]
		if (superseded || bare) && w.pick(4) <= coin {
			continue
		}
		kept[k] = kept[k] || l.value != nil
		out = append(out, l)
	}
	return out
}

// Whatever servers do, at whatever pace: tombstones and compaction change nothing
// of what the log says, and everybody reads the same.
func TestCompactionChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		want := describe(read(withoutTombstones(w.log)))
		if got := describe(read(w.log)); got != want {
			t.Fatalf("with tombstones:    %s\nwithout tombstones: %s", got, want)
		}
		short := w.compacted()
		if got := describe(read(short)); got != want {
			t.Fatalf("compacted: %s\nwhole:     %s", got, want)
		}
		for i, s := range w.servers {
			s.catchUp(w.log, len(w.log))
			if got := describe(s.view); got != want {
				t.Fatalf("server %d: %s\nwant:     %s", i, got, want)
			}
		}
	})
}

// A reader may be overtaken by the cleaner: it has read the beginning before, and
// reads the rest after. Tombstones are kept long enough for that.
func TestReaderOvertakenByTheCleaner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		at := int64(w.pick(len(w.log) + 1))
		short := slices.DeleteFunc(w.compacted(), func(l logged) bool { return l.offset < at })
		for _, l := range w.log[at:] { // the cleaner takes no fresh tombstone
			if l.value == nil && !slices.ContainsFunc(short, func(s logged) bool { return s.offset == l.offset }) {
				short = append(short, l)
			}
		}
		slices.SortFunc(short, func(a, b logged) int { return int(a.offset - b.offset) })
		want := describe(read(w.log))
		if got := describe(read(append(slices.Clone(w.log[:at]), short...))); got != want {
			t.Fatalf("overtaken: %s\nwhole:     %s", got, want)
		}
	})
}

// No record of a smaller epoch counts once a greater one was accepted.
func TestZombiesNeverWin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		v, newest := newView(), uint64(0)
		for i := range w.log {
			before := describe(v)
			c, ok := v.apply(&w.log[i])
			if !ok || c.key.ofArtifact() || c.tombstone {
				continue
			}
			if c.key.epoch < newest && (c.verdict != fenced || describe(v) != before) {
				t.Fatalf("%s of epoch %d after epoch %d: verdict %d\nbefore: %s\nafter:  %s",
					&c.key, c.key.epoch, newest, c.verdict, before, describe(v))
			}
			if c.verdict == accepted {
				newest = max(newest, v.id(theID).epoch)
			}
		}
	})
}

// An upload that is over stays over: its chunks may be gone.
func TestEndedUploadsStayEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		v, over := newView(), map[upload]bool{}
		for i := range w.log {
			var before upload
			if r := v.artifact(theArtifact); r != nil && r.current != nil {
				before = r.current.key.upload
			}
			c, ok := v.apply(&w.log[i])
			if !ok || !c.key.ofArtifact() || c.tombstone {
				continue
			}
			r := v.artifact(theArtifact)
			over[c.key.upload] = over[c.key.upload] || c.key.kind == condemnKind
			if r.current != nil && before != (upload{}) && r.current.key.upload != before {
				over[before] = true
			}
			if r.current != nil && over[r.current.key.upload] {
				t.Fatalf("%s brings an upload back that was over", &c.key)
			}
		}
	})
}
