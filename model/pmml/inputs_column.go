package pmml

import "github.com/modelstream/modelserver/model"

// load fills the slot from rows lo… of the caller's column.
func (b *boundInput) load(f *frame, in *model.Column, lo int) {
	if f.plan.general || len(in.State) > 0 {
		b.loadRows(f, in, lo)
		return
	}
	switch {
	case b.known != nil && in.Type == model.String:
		b.loadStrings(f, in, lo)
	case b.plain && b.loadNumbers(f, in, lo):
	default:
		b.loadRows(f, in, lo)
	}
}

// loadRows prepares value by value.
func (b *boundInput) loadRows(f *frame, in *model.Column, lo int) {
	for i := range f.n {
		b.row(f, in, lo+i, int32(i))
	}
}

// loadNumbers copies numbers, or says that some value needs a closer look.
func (b *boundInput) loadNumbers(f *frame, in *model.Column, lo int) bool {
	to := f.cols[b.to].num[:f.n]
	clean := b.typ == tDouble || b.typ == tFloat
	switch {
	case in.Type == model.Float64 && b.typ == tDouble:
		for i, x := range in.Float64[lo:][:len(to)] {
			to[i] = x
			clean = clean && x == x
		}
	case in.Type == model.Float64 && b.typ == tFloat:
		for i, x := range in.Float64[lo:][:len(to)] {
			to[i] = single(x)
			clean = clean && x == x
		}
	case in.Type == model.Float32 && clean:
		for i, x := range in.Float32[lo:][:len(to)] {
			to[i] = float64(x)
			clean = clean && x == x
		}
	case in.Type == model.Int64 && b.typ == tInteger:
		for i, x := range in.Int64[lo:][:len(to)] {
			to[i] = float64(x)
		}
		clean = true
	default:
		return false
	}
	return clean && (len(b.intervals) == 0 || b.within(to))
}

// within says that all numbers are valid.
func (b *boundInput) within(x []float64) bool {
next:
	for _, v := range x {
		for i := range b.intervals {
			if b.intervals[i].Contains(v) {
				continue next
			}
		}
		return false
	}
	return true
}

// loadStrings looks each string up once; those that the plan does not know
// need a closer look.
func (b *boundInput) loadStrings(f *frame, in *model.Column, lo int) {
	c := &f.cols[b.to]
	for i, s := range in.String[lo:][:f.n] {
		code, ok := b.known[s]
		if !ok {
			b.row(f, in, lo+i, int32(i))
			continue
		}
		c.mark(int32(i), valid)
		c.num[i], c.str[i] = code, s
	}
}

// learn lists the strings that are valid, with their codes. It comes when the
// dictionary is complete.
func (b *boundInput) learn(words *dictionary) {
	if b.typ != tString || b.outliers != keepOutliers {
		return
	}
	b.known = make(map[string]float64, len(b.values)+len(words.codes))
	if !b.closed {
		for s, code := range words.codes {
			b.known[s] = float64(code)
		}
	}
	for v, property := range b.values {
		if delete(b.known, v.s); property == "valid" {
			b.known[v.s] = words.code(v.s)
		}
	}
	for s := range b.texts {
		delete(b.known, s)
	}
}
