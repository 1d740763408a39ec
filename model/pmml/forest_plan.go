package pmml

// plant makes forests of the trees of a compiled model and all below. It comes
// last: only now is known which results are asked for.
func (c *compiler) plant(p *modelPlan) {
	switch m := p.eval.(type) {
	case *treeModel:
		c.plantTree(m)
	case *miningModel:
		if m.ensemble = c.fuse(m); m.ensemble != nil {
			return
		}
		for _, s := range m.segments {
			c.plant(s.model)
		}
	}
}

// plantTree makes a forest of a single tree. How many levels were missing
// matters to confidences only, and only the general walk counts them.
func (c *compiler) plantTree(t *treeModel) {
	if t.target.confident && t.penalty != 1 && (t.surr || t.missing == missingDefault) {
		return
	}
	t.forest = c.forest([]*treeModel{t})
}

// forest makes a forest of trees, or returns nil if it cannot.
func (c *compiler) forest(trees []*treeModel) *forest {
	fo, ok := buildForest(c.plan, trees)
	if !ok {
		return nil
	}
	c.plan.keys = max(c.plan.keys, len(fo.columns))
	return fo
}

// evalForest walks the tree for the rows and returns those that need the
// general walk, in a list to give back.
func (t *treeModel) evalForest(f *frame, rows []int32) []int32 {
	r := &f.results[t.target.id]
	odd, groups := t.forest.load(f, rows)
	skip := odd
	width := len(t.forest.columns) * lanes
	var leaves [1]lane8
	for g := range groups {
		walk(t.forest.nodes, t.forest.trees, f.keys[g*width:][:width], leaves[:])
		for lane, row := range rows[g*lanes : min((g+1)*lanes, len(rows))] {
			if len(skip) > 0 && skip[0] == row {
				skip = skip[1:]
				continue
			}
			switch node := t.forest.leaves[leaves[0][lane]]; node {
			case noPrediction:
				r.state[row] = absent
			case irregular:
				if odd == nil {
					odd = f.rows()
				}
				odd = append(odd, row)
			default:
				t.emit(f, r, row, node, 0)
			}
		}
	}
	return odd
}
