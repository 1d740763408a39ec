package pmml

import (
	"math"
	"slices"
)

// treeEnsemble is a mining model whose segments are all trees that apply to
// every row: instead of segment by segment, they are evaluated as a forest.
// What each leaf contributes is worked out when the model is loaded, with the
// same arithmetic and in the same order as the general way: the results are
// equal bit by bit.
type treeEnsemble struct {
	*forest
	model   *miningModel
	before  []step    // what the segments need on entry
	weight  float64   // of all segments
	width   int       // numbers that a leaf contributes
	give    []float64 // by leaf: its contribution
	singles []float32 // give in single precision, where the model computes so
	votes   []int32   // by leaf: its class; of an irregular one the number of classes
	weigh   []float64 // by tree: the weight of its vote
	sums    int       // scratch: row × width
}

// maxEntrySteps bounds the steps of segments that every batch would run.
const maxEntrySteps = 256

// fuse makes the ensemble of a mining model, or returns nil where the model is
// of another kind.
func (c *compiler) fuse(m *miningModel) *treeEnsemble {
	if m.method != methodSum && m.method != methodAverage && m.method != methodVote {
		return nil
	}
	e := &treeEnsemble{model: m, width: 1}
	trees := make([]*treeModel, len(m.segments))
	for i, s := range m.segments {
		t, ok := s.model.eval.(*treeModel)
		if !ok || !s.always || s.asked || s.varies >= 0 || len(s.before)+len(s.model.after) > 0 {
			return nil
		}
		if e.before = append(e.before, s.model.steps...); len(e.before) > maxEntrySteps {
			return nil
		}
		if s.weight == 0 && m.method == methodVote {
			return nil // an irregular leaf would go unnoticed
		}
		trees[i] = t
		e.weight += s.weight
	}
	if e.weight == 0 || !m.targets[0].numeric && len(m.targets[0].classes) == 0 {
		return nil
	}
	if e.forest = c.forest(trees); e.forest == nil {
		return nil
	}
	e.contributions(trees)
	e.sums = c.scratch(blockRows * e.width)
	for _, s := range m.segments {
		s.of[0].lent = true
		c.plan.lentClasses = max(c.plan.lentClasses, len(s.of[0].classes))
	}
	return e
}

// contributions works out what each leaf adds.
func (e *treeEnsemble) contributions(trees []*treeModel) {
	t := e.model.targets[0]
	switch {
	case e.model.method == methodVote:
		e.width = len(t.classes) + 1
		e.votes = make([]int32, len(e.nodes))
	case t.numeric:
		e.give = make([]float64, len(e.nodes))
	default:
		e.width = len(t.classes)
	}
	for i, tree := range trees {
		s := e.model.segments[i]
		e.weigh = append(e.weigh, s.weight)
		end := len(e.nodes)
		if i+1 < len(e.trees) {
			end = int(e.trees[i+1].root)
		}
		rows := map[int32]int32{} // of distributions, by leaf
		for at := int(e.trees[i].root); at < end; at++ {
			if e.nodes[at].key != highest {
				continue
			}
			leaf := e.leaves[at]
			switch {
			case e.votes != nil:
				e.votes[at] = e.vote(s, tree, leaf)
			case t.numeric:
				e.give[at] = e.number(s, tree, leaf)
			default:
				row, ok := rows[leaf]
				if !ok {
					row = int32(len(e.give))
					rows[leaf] = row
					e.give = append(e.give, e.distribution(s, tree, leaf)...)
				}
				e.leaves[at] = row
			}
		}
	}
	if e.votes != nil || t.numeric {
		e.leaves = nil
	}
	if t.numeric && e.model.math.single {
		for _, x := range e.give {
			e.singles = append(e.singles, float32(x))
		}
		e.give = nil
	}
}

// number is a leaf's share of a sum; NaN marks an irregular one.
func (e *treeEnsemble) number(s *segment, t *treeModel, leaf int32) float64 {
	var v value
	switch {
	case leaf >= 0:
		v = t.target.settle(t.nodes[leaf].score)
	case leaf == noPrediction && t.target.hasDef:
		v = t.target.settle(t.target.ifMissing)
	}
	if v.none() {
		return math.NaN()
	}
	return e.model.weighted(v.n, s.weight)
}

func (e *treeEnsemble) vote(s *segment, t *treeModel, leaf int32) int32 {
	switch {
	case leaf >= 0:
		return s.classes[0][int(t.nodes[leaf].score)]
	case leaf == noPrediction && t.target.priors != nil:
		return s.classes[0][t.target.prior]
	}
	return int32(e.width - 1)
}

func (e *treeEnsemble) distribution(s *segment, t *treeModel, leaf int32) []float64 {
	give := make([]float64, e.width)
	var p []float64
	switch {
	case leaf >= 0 && t.nodes[leaf].probs >= 0:
		p = t.probs[t.nodes[leaf].probs:][:len(s.classes[0])]
	case leaf == noPrediction && t.target.priors != nil:
		p = t.target.priors
	default:
		give[0] = math.NaN()
	}
	for i, x := range p {
		give[s.classes[0][i]] = e.model.weighted(x, s.weight)
	}
	return give
}

// combine evaluates the rows and returns those that need the general way, in a
// list to give back.
func (e *treeEnsemble) combine(f *frame, rows []int32) []int32 {
	for _, s := range e.before {
		s.run(f, rows)
	}
	odd, groups := e.load(f, rows)
	sums := f.scratch[e.sums][:groups*lanes*e.width]
	clear(sums)
	first := 0
	var leaves [maxBlock]lane8
	width := len(e.columns) * lanes
	for _, end := range e.blocks {
		for g := range groups {
			to := sums[g*lanes*e.width:][:lanes*e.width]
			walk(e.nodes, e.trees[first:end], f.keys[g*width:][:width], leaves[:])
			e.add(to, first, leaves[:end-first])
		}
		first = end
	}
	return e.conclude(f, rows, sums, odd)
}

// add adds the contributions of some trees to the sums of eight rows.
func (e *treeEnsemble) add(sums []float64, first int, leaves []lane8) {
	switch single := e.model.math.single; {
	case e.votes != nil:
		for k := range leaves {
			weight := e.weigh[first+k]
			for lane, at := range leaves[k] {
				i := lane*e.width + int(e.votes[at])
				sums[i] = e.model.math.add(sums[i], weight)
			}
		}
	case e.width > 1:
		e.addDistributions(sums, leaves, single)
	case e.leaves != nil: // the probability of an only class
		for k := range leaves {
			for lane, at := range leaves[k] {
				sums[lane] = e.model.math.add(sums[lane], e.give[e.leaves[at]])
			}
		}
	case single:
		addSingles((*[lanes]float64)(sums), leaves, e.singles)
	default:
		addNumbers((*[lanes]float64)(sums), leaves, e.give)
	}
}

func addNumbers(sums *[lanes]float64, leaves []lane8, give []float64) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]
	for k := range leaves {
		l := &leaves[k]
		s0 += give[l[0]]
		s1 += give[l[1]]
		s2 += give[l[2]]
		s3 += give[l[3]]
		s4 += give[l[4]]
		s5 += give[l[5]]
		s6 += give[l[6]]
		s7 += give[l[7]]
	}
	*sums = [lanes]float64{s0, s1, s2, s3, s4, s5, s6, s7}
}

// addSingles is addNumbers in single precision.
func addSingles(sums *[lanes]float64, leaves []lane8, give []float32) {
	s0, s1, s2, s3 := float32(sums[0]), float32(sums[1]), float32(sums[2]), float32(sums[3])
	s4, s5, s6, s7 := float32(sums[4]), float32(sums[5]), float32(sums[6]), float32(sums[7])
	for k := range leaves {
		l := &leaves[k]
		s0 += give[l[0]]
		s1 += give[l[1]]
		s2 += give[l[2]]
		s3 += give[l[3]]
		s4 += give[l[4]]
		s5 += give[l[5]]
		s6 += give[l[6]]
		s7 += give[l[7]]
	}
	*sums = [lanes]float64{
		float64(s0), float64(s1), float64(s2), float64(s3), float64(s4), float64(s5), float64(s6), float64(s7),
	}
}

func (e *treeEnsemble) addDistributions(sums []float64, leaves []lane8, single bool) {
	for k := range leaves {
		for lane, at := range leaves[k] {
			p := sums[lane*e.width:][:e.width]
			for i, x := range e.give[e.leaves[at]:][:len(p)] {
				p[i] += x
			}
			if single {
				for i := range p {
					p[i] = float64(float32(p[i]))
				}
			}
		}
	}
}

// conclude writes the results and adds the rows that met an irregular leaf to
// odd.
func (e *treeEnsemble) conclude(f *frame, rows []int32, sums []float64, odd []int32) []int32 {
	m, t := e.model, e.model.targets[0]
	r := &f.results[t.id]
	weight := m.math.sub(e.weight, 0)
	skip := odd // ascending, as the rows are
	k := len(t.classes)
	for i, row := range rows {
		if len(skip) > 0 && skip[0] == row {
			skip = skip[1:]
			continue
		}
		sum := sums[i*e.width:][:e.width]
		irregular := sum[0] != sum[0]
		if e.votes != nil {
			irregular = sum[k] != 0
		}
		if irregular {
			if odd == nil {
				odd = f.rows()
			}
			odd = append(odd, row)
			continue
		}
		r.state[row] = valid
		switch {
		case t.numeric && m.method == methodAverage:
			r.num[row] = m.math.div(sum[0], weight)
		case t.numeric:
			r.num[row] = sum[0]
		case e.votes != nil:
			e.elect(f, i, row, sum[:k], r)
		default:
			p := t.row(r.prob, row)
			for c := range p {
				p[c] = m.math.div(sum[c], weight)
			}
			r.num[row], r.hasP[row] = float64(t.likeliest(p)), true
		}
	}
	slices.Sort(odd)
	return odd
}

// elect counts the votes for a row, the i-th of the rows; of equals the class
// wins that was voted for first.
func (e *treeEnsemble) elect(f *frame, i int, row int32, votes []float64, r *results) {
	best, ties := argmax(votes), 0
	for _, v := range votes {
		if v == votes[best] {
			ties++
		}
	}
	if !(votes[best] > 0) {
		r.state[row] = absent
		return
	}
	if ties > 1 {
		best = e.firstVote(f, i, votes, votes[best])
	}
	p := e.model.targets[0].row(r.prob, row)
	copy(p, votes)
	r.num[row], r.hasP[row] = float64(best), true
	e.model.math.simplemax(p)
}

// firstVote finds the first tree that votes for a class with that many votes.
func (e *treeEnsemble) firstVote(f *frame, i int, votes []float64, most float64) int {
	width := len(e.columns) * lanes
	keys := f.keys[i/lanes*width:][:width]
	for k := range e.trees {
		at := e.trees[k].root
		for e.nodes[at].key != highest {
			at = e.nodes[at].follow(keys, uint32(i%lanes))
		}
		if class := int(e.votes[at]); votes[class] == most {
			return class
		}
	}
	return argmax(votes)
}
