package pmml

import "github.com/modelstream/modelserver/model"

func (n *bayesianNetwork) eval(f *frame, rows []int32) {
	r := &f.results[n.target.id]
	values, needed := f.scratch[n.values], f.scratch[n.needed]
	for _, row := range rows {
		r.state[row] = absent
		if !n.observe(f, row, values) || !n.weigh(f, row) {
			continue
		}
		if cost := n.relevant(f, row, values, needed); cost > maxEnumeration {
			f.fail(row, model.NoResult, n.target.name, "", "too many values are missing: more than 100,000 combinations would have to be summed up")
			continue
		}
		p := n.target.row(r.prob, row)
		clear(p)
		n.sum(f, values, needed, 0, 1, p)
		n.conclude(r, row, p)
	}
}

// observe reads what a record knows. A value that a node does not have is
// invalid.
func (n *bayesianNetwork) observe(f *frame, row int32, values []float64) bool {
	for i := range n.nodes {
		k := &n.nodes[i]
		values[i] = -1
		if k.slot < 0 || !f.usable(k.slot, row) {
			if f.errs[row] != nil {
				return false
			}
			continue
		}
		x := f.cols[k.slot].num[row]
		for v, code := range k.codes {
			if code == x {
				values[i] = float64(v)
			}
		}
		if values[i] < 0 {
			f.fail(row, model.InvalidInput, k.name, f.get(k.slot, row).format(), "is no value of the network's node")
			return false
		}
	}
	return true
}

// relevant marks the nodes that matter: the target, those that are observed,
// and their ancestors. It returns how many combinations of the others there are
// to sum up.
func (n *bayesianNetwork) relevant(f *frame, row int32, values, needed []float64) float64 {
	clear(needed)
	for i := range n.continuous {
		k := &n.continuous[i]
		if !k.observed(f, row) {
			continue
		}
		for _, p := range k.parents {
			needed[p] = 1
		}
	}
	cost := 1.0
	for i := len(n.nodes) - 1; i >= 0; i-- {
		if i == n.node || values[i] >= 0 {
			needed[i] = 1
		}
		if needed[i] == 0 {
			continue
		}
		if values[i] < 0 {
			cost *= float64(len(n.nodes[i].values))
		}
		for _, p := range n.nodes[i].parents {
			needed[p] = 1
		}
	}
	return cost
}

// sum goes through the values of unknown nodes from node i on and adds the
// probability of each combination to that of the target's class.
func (n *bayesianNetwork) sum(f *frame, values, needed []float64, i int, p float64, out []float64) {
	for i < len(n.nodes) && (needed[i] == 0 || values[i] >= 0) {
		if needed[i] != 0 {
			p *= n.nodes[i].table[n.at(values, i)+int(values[i])]
		}
		i++
	}
	if p == 0 {
		return
	}
	if i == len(n.nodes) {
		for c := range n.continuous {
			p *= n.continuous[c].density(f, n, values)
		}
		out[n.nodes[n.node].classes[int(values[n.node])]] += p
		return
	}
	k := &n.nodes[i]
	row := n.at(values, i)
	for v := range k.values {
		values[i] = float64(v)
		n.sum(f, values, needed, i+1, p*k.table[row+v], out)
	}
	values[i] = -1
}

// at is where the probabilities of a node begin, given its parents' values.
func (n *bayesianNetwork) at(values []float64, i int) int {
	return n.combination(n.nodes[i].parents, values) * len(n.nodes[i].values)
}

// combination is the number of the combination of some nodes' values.
func (n *bayesianNetwork) combination(nodes []int, values []float64) int {
	at := 0
	for _, p := range nodes {
		at = at*len(n.nodes[p].values) + int(values[p])
	}
	return at
}

// conclude makes shares of the probabilities. What the record says may be
// impossible: then there is no prediction.
func (n *bayesianNetwork) conclude(r *results, row int32, p []float64) {
	total := 0.0
	for _, x := range p {
		total += x
	}
	if total == 0 {
		return
	}
	for i := range p {
		p[i] = n.target.math.div(p[i], total)
	}
	r.state[row], r.num[row], r.hasP[row] = valid, float64(argmax(p)), true
}
