package pmml

import (
	"math"
	"math/bits"
)

// forest is one or more trees that are walked together: nodes in one array,
// eight rows in step, no branches that depend on the data. It covers what
// lower can turn into decisions; rows that end in an irregular leaf, or miss a
// value where that is an outcome of its own, are left to the general walk.
type forest struct {
	columns []forestColumn
	nodes   []forestNode
	leaves  []int32 // by node: the tree's node that predicts, noPrediction or irregular
	trees   []forestTree
	blocks  []int // the trees of a block stay in the first-level cache: where each ends
}

// forestColumn is a field as the nodes see it. A missing value is less than
// all others, or more, as the default direction wants.
type forestColumn struct {
	slot slot
	high bool // missing values go up
	gap  bool // missing values are irregular
}

// forestNode goes on to the node left for values up to the key, to left+1 for
// those above. A leaf goes to itself.
type forestNode struct {
	key    uint64
	column uint32 // times lanes
	left   uint32
}

type forestTree struct {
	root  uint32
	first int // questions before the first look whether all rows have arrived
	depth int // questions at most
}

// lanes is how many rows walk a tree in step: enough to hide the latency of
// the loads, few enough for the registers.
const lanes = 8

const (
	lowest    = 0              // of missing values that go down
	highest   = math.MaxUint64 // of missing values that go up; the key of leaves
	blockSize = 20 << 10       // bytes of nodes in a block
	maxBlock  = 64             // trees in a block
)

// sortKey maps numbers to integers of the same order; −0 and 0 are equal.
func sortKey(x float64) uint64 {
	b := math.Float64bits(x + 0)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// forestBuilder lays the decisions of trees out.
type forestBuilder struct {
	*forest
	index map[forestColumn]uint32
}

// buildForest makes a forest of trees; ok is false when some tree cannot be
// lowered.
func buildForest(p *plan, trees []*treeModel) (fo *forest, ok bool) {
	b := &forestBuilder{forest: &forest{}, index: map[forestColumn]uint32{}}
	for _, t := range trees {
		root, ok := lower(p, t)
		if !ok {
			return nil, false
		}
		at := b.grow(1)
		b.place(at, root)
		// Eight rows have hardly all arrived at the mean depth of the leaves.
		t := forestTree{root: at, depth: root.paths.longest, first: int(root.paths.total/root.paths.leaves) + 1}
		if t.depth-t.first < stride {
			t.first = t.depth
		}
		b.trees = append(b.trees, t)
	}
	b.cut()
	return b.forest, true
}

func (b *forestBuilder) grow(n int) uint32 {
	at := len(b.nodes)
	for range n {
		b.nodes = append(b.nodes, forestNode{})
		b.leaves = append(b.leaves, irregular)
	}
	return uint32(at)
}

// place puts a decision into a node, and what follows into new ones. A decision
// that is there already is copied: its successors are shared.
func (b *forestBuilder) place(at uint32, d *decision) {
	if d.next[atMost] == nil {
		b.nodes[at] = forestNode{key: highest, left: at}
		b.leaves[at] = d.leaf
		return
	}
	if d.placed >= 0 {
		b.nodes[at] = b.nodes[d.placed]
		return
	}
	d.placed = int32(at)
	left := b.grow(2)
	b.nodes[at] = forestNode{key: sortKey(d.cut), column: b.column(d) * lanes, left: left}
	low, high := d.next[atMost], d.next[above]
	b.place(left, low)
	b.place(left+1, high)
	a, z := &low.paths, &high.paths
	d.paths = pathLengths{
		longest: 1 + max(a.longest, z.longest), leaves: a.leaves + z.leaves,
		total: a.total + a.leaves + z.total + z.leaves,
	}
}

// column finds the view of the field whose missing values go where the
// decision wants them.
func (b *forestBuilder) column(d *decision) uint32 {
	c := forestColumn{slot: d.slot, high: d.next[unfilled] == d.next[above]}
	c.gap = !c.high && d.next[unfilled] != d.next[atMost]
	i, ok := b.index[c]
	if !ok {
		i = uint32(len(b.columns))
		b.index[c] = i
		b.columns = append(b.columns, c)
	}
	return i
}

// cut divides the trees into blocks.
func (b *forestBuilder) cut() {
	first := 0
	for i := range b.trees {
		end := len(b.nodes)
		if i+1 < len(b.trees) {
			end = int(b.trees[i+1].root)
		}
		if i > first && (i-first >= maxBlock || (end-int(b.trees[first].root))*16 > blockSize) {
			b.blocks = append(b.blocks, i)
			first = i
		}
	}
	b.blocks = append(b.blocks, len(b.trees))
}

// load fills the keys of the rows, eight rows after another, column by column,
// and returns the rows that need the general walk. Lanes that are left over
// repeat the last row.
func (fo *forest) load(f *frame, rows []int32) (odd []int32, groups int) {
	groups = (len(rows) + lanes - 1) / lanes
	width := len(fo.columns) * lanes
	var strange [blockRows]bool
	found := false
	for i, col := range fo.columns {
		c := &f.cols[col.slot]
		keys := f.keys[i*lanes:]
		for g := range groups {
			to := keys[g*width:][:lanes]
			for lane := range to {
				k := min(g*lanes+lane, len(rows)-1)
				row := rows[k]
				x := c.num[row]
				to[lane] = sortKey(x)
				if (c.clean || c.state[row] == valid) && x == x {
					continue
				}
				to[lane] = lowest
				if col.high {
					to[lane] = highest
				}
				if col.gap || c.state[row] != absent || c.clean {
					strange[k], found = true, true
				}
			}
		}
	}
	if !found {
		return nil, groups
	}
	odd = f.rows()
	for k, row := range rows {
		if strange[k] {
			odd = append(odd, row)
		}
	}
	return odd, groups
}

// lane8 is a number for each of eight rows: their nodes.
type lane8 [lanes]uint32

// walk finds the leaves of eight rows in some trees.
func walk(nodes []forestNode, trees []forestTree, keys []uint64, leaves []lane8) {
	leaves = leaves[:len(trees)]
	for k := range leaves {
		t, at := &trees[k], &leaves[k]
		for lane := range at {
			at[lane] = t.root
		}
		advance(nodes, keys, at, t.first)
		for left := t.depth - t.first; left > 0 && !arrived(nodes, at); left -= stride {
			advance(nodes, keys, at, min(left, stride))
		}
	}
}

// stride is how many questions are asked between two looks.
const stride = 3

// advance asks n questions of eight rows. The body of the loop is written out so
// that the positions stay in registers and the rows do not wait for each other.
func advance(nodes []forestNode, keys []uint64, at *lane8, n int) {
	i0, i1, i2, i3, i4, i5, i6, i7 := at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7]
	for ; n > 0; n-- {
		i0 = nodes[i0].follow(keys, 0)
		i1 = nodes[i1].follow(keys, 1)
		i2 = nodes[i2].follow(keys, 2)
		i3 = nodes[i3].follow(keys, 3)
		i4 = nodes[i4].follow(keys, 4)
		i5 = nodes[i5].follow(keys, 5)
		i6 = nodes[i6].follow(keys, 6)
		i7 = nodes[i7].follow(keys, 7)
	}
	*at = lane8{i0, i1, i2, i3, i4, i5, i6, i7}
}

// arrived says that all rows are at leaves.
func arrived(nodes []forestNode, at *lane8) bool {
	all := uint64(highest)
	for _, i := range at {
		all &= nodes[i].key
	}
	return all == highest
}

// follow goes to the next node: to the right one by a borrow, not a branch.
func (n *forestNode) follow(keys []uint64, lane uint32) uint32 {
	_, greater := bits.Sub64(n.key, keys[n.column+lane], 0)
	return n.left + uint32(greater)
}
