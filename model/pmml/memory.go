package pmml

import "math"

// What a frame may cost. A document with thousands of fields is evaluated in
// smaller blocks; one whose single row breaks maxFrame is refused.
const (
	frameBudget = 16 << 20 // bytes that the rows of a block share
	maxFrame    = 1 << 30  // bytes of a frame in all
)

// fit sets how many rows a block of the plan has, and returns what a frame
// costs then: rows times what each needs, and what evaluators asked for.
func (p *plan) fit() (bytes float64) {
	row := p.rowBytes()
	p.rows = int(min(blockRows, max(1, math.Floor(frameBudget/row))))
	bytes = float64(p.rows) * row
	for _, n := range p.scratch {
		bytes += 8 * float64(n)
	}
	return bytes
}

// rowBytes is what newFrame allocates for each row of a block.
func (p *plan) rowBytes() float64 {
	bytes := 12 + 8*float64(p.keys) // errs, all, keys
	for i := range p.slots {
		bytes += 8 + 1
		if p.slots[i].hasText() {
			bytes += 16
		}
	}
	bytes += 8 + 1 + 4 + 1 + 16*float64(p.lentClasses)
	for _, t := range p.targets {
		if t.lent {
			continue
		}
		bytes += 8 + 1 + 4
		if n := float64(len(t.classes)); !t.numeric {
			bytes += 1 + 8*n
			if t.confident {
				bytes += 8 * n
			}
			if t.affine {
				bytes += 8 * n
			}
		}
	}
	return bytes + 48*float64(p.texts)
}
