package changelog

import (
	"bytes"
	"strings"
	"testing"
)

func TestKeyRoundTrip(t *testing.T) {
	for _, k := range []key{
		{kind: claimKind, epoch: 1, nonce: nonce{1}, object: "wine"},
		{kind: eventKind, epoch: 1<<63 - 1, seq: 1<<64 - 2, nonce: nonce{255}, object: "\x00\xff"},
		{kind: snapshotKind, object: strings.Repeat("x", 512)},
		{kind: deleteKind, epoch: 7, object: "e"},
		{kind: uploadKind, upload: upload{1, 2}, nonce: nonce{1, 2}, object: theArtifact},
		{kind: putKind, upload: upload{1, 2}, nonce: nonce{3}, object: theArtifact},
		{kind: touchKind, upload: upload{15: 9}, nonce: nonce{15: 9}, object: theArtifact},
		{kind: condemnKind, upload: upload{1}, object: theArtifact},
		{kind: probeKind},
	} {
		got, ok := decodeKey(k.encode())
		if !ok || got != k {
			t.Errorf("%s came back as %s (%t)", &k, &got, ok)
		}
	}
}

// Partitions must stay where they are: an id's records have one order.
func TestPartitionsStay(t *testing.T) {
	for object, want := range map[string]int32{"wine": 0, "iris": 2, "wine@node1": 3, "": 1} {
		if got := partitionOf(object, 4); got != want {
			t.Errorf("%q is in partition %d, and was in %d", object, got, want)
		}
	}
}

// One bit of a key or a value, and it is found.
func TestEveryBitCounts(t *testing.T) {
	k := key{kind: eventKind, epoch: 3, seq: 4, nonce: nonce{5}, object: "wine"}
	raw := k.encode()
	value := seal(raw, []byte("an event"))
	for i := range 8 * len(value) {
		bad := bytes.Clone(value)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := unseal(raw, bad); err == nil {
			t.Errorf("bit %d of the value", i)
		}
	}
	for i := range 8 * len(raw) {
		bad := bytes.Clone(raw)
		bad[i/8] ^= 1 << (i % 8)
		if got, ok := decodeKey(bad); ok {
			t.Errorf("bit %d of the key: %+v", i, got)
		}
	}
	other := k
	other.seq++
	if _, err := unseal(other.encode(), value); err == nil {
		t.Error("a value counts under another key")
	}
}

// Whatever lies on the topic, the view survives, and what it takes for its own it
// would write the same.
func FuzzView(f *testing.F) {
	raw := (&key{kind: eventKind, epoch: 3, seq: 4, object: "wine"}).encode()
	f.Add(raw, seal(raw, []byte("an event")), raw, []byte(nil))
	raw = (&key{kind: putKind, object: theArtifact}).encode()
	f.Add(raw, seal(raw, (&reference{count: 3}).encode()), (&key{kind: probeKind}).encode(), []byte("x"))
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 []byte) {
		v := newView()
		for i, l := range []logged{{key: key1, value: value1}, {key: key2, value: value2}, {key: key1}, {key: key2}} {
			l.offset = int64(i)
			c, ok := v.apply(&l)
			if ok && c.key.kind != probeKind && !bytes.Equal(c.key.encode(), l.key) {
				t.Errorf("key %x is read as %s", l.key, &c.key)
			}
		}
		if len(v.entries) != 0 || len(v.ids)+len(v.artifacts) != 0 || v.bytes != 0 {
			t.Errorf("after all tombstones: %d entries, %d ids, %d artifacts, %d bytes", len(v.entries), len(v.ids), len(v.artifacts), v.bytes)
		}
	})
}
