package kafka

import (
	"math/bits"
	"sync"
)

// outputPool recycles the memory of chunks' outputs: the client keeps nothing
// of a record once its promise was called. What was fetched is not recycled: an
// actor that was given up may still read it.
type outputPool struct{ pool sync.Pool }

// get returns room for n outputs.
func (p *outputPool) get(n int) []output {
	if s, ok := p.pool.Get().(*[]output); ok && cap(*s) >= n {
		return (*s)[:0]
	}
	return make([]output, 0, max(256, 1<<bits.Len(uint(n)))) // alike, so that it fits the next time
}

// put takes memory back that nobody refers to any more.
func (p *outputPool) put(s []output) {
	if cap(s) == 0 {
		return
	}
	clear(s)
	s = s[:0]
	p.pool.Put(&s)
}
