package kafka

import (
	"testing"

	"pgregory.net/rapid"
)

// TestQueue lets polls, answers and acknowledgements come in any order that a
// broker and actors can bring about.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue()
		var pushed, sent []*chunk
		end := rapid.Int64Range(0, 1000).Draw(t, "start")
		start := end
		t.Repeat(map[string]func(*rapid.T){
			"poll": func(t *rapid.T) {
				gap := rapid.Int64Range(0, 3).Draw(t, "gap") // compaction and markers leave gaps
				n := rapid.Int64Range(1, 5).Draw(t, "records")
				c := &chunk{span: span{first: end + gap, end: end + gap + n, unscored: rapid.IntRange(0, 3).Draw(t, "batches")}}
				end = c.end
				pushed = append(pushed, c)
				q.push(c)
			},
			"answer": func(t *rapid.T) {
				c := pick(t, pushed, func(c *chunk) bool { return c.unscored > 0 })
				c.unscored--
			},
			"produce": func(t *rapid.T) {
				c := q.next()
				if c == nil {
					t.Skip()
				}
				if c.unscored > 0 {
					t.Fatalf("chunk [%d, %d) is produced although %d batches are not answered", c.first, c.end, c.unscored)
				}
				q.send()
				sent = append(sent, c)
			},
			"acknowledge": func(t *rapid.T) {
				q.settle(pick(t, sent, func(c *chunk) bool { return !c.settled }))
			},
			"": func(t *rapid.T) {
				for i, c := range sent {
					if c != pushed[i] {
						t.Fatalf("chunk %d was not sent in the order of the partition", i)
					}
				}
				want := int64(-1)
				for _, c := range pushed {
					if !c.settled {
						break
					}
					want = c.end
				}
				if q.position != want {
					t.Fatalf("position %d, want %d: the end of what is settled without a gap", q.position, want)
				}
				if q.idle() != (want == end && end != start || len(pushed) == 0) {
					t.Fatalf("idle = %v with position %d of %d", q.idle(), q.position, end)
				}
			},
		})
	})
}

// pick draws a chunk that qualifies, or gives the action up.
func pick(t *rapid.T, from []*chunk, ok func(*chunk) bool) *chunk {
	var fit []*chunk
	for _, c := range from {
		if ok(c) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		t.Skip()
	}
	return rapid.SampledFrom(fit).Draw(t, "chunk")
}

// TestQueueAfterTruncation: the log lost its end and goes on at lower offsets;
// so does the position, once what was under way is settled.
func TestQueueAfterTruncation(t *testing.T) {
	q := newQueue()
	before, after := &chunk{span: span{first: 90, end: 100}}, &chunk{span: span{first: 50, end: 60}}
	for _, c := range []*chunk{before, after} {
		q.push(c)
		q.send()
	}
	q.settle(after)
	if q.position != -1 {
		t.Fatalf("position %d before the first chunk is settled", q.position)
	}
	q.settle(before)
	if q.position != 60 || !q.idle() {
		t.Fatalf("position %d, want 60", q.position)
	}
}
