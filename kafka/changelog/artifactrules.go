package changelog

// artifactRules are the rules of the uploads of one artifact. Several servers
// may upload it at once, and one may put what another is about to drop: the log
// decides which came first.
type artifactRules struct {
	current   *entry            // the newest put or touch of the newest upload
	announced map[upload]*entry // uploads under way, or given up
	condemned map[upload]*entry
}

func newArtifactRules() *artifactRules {
	r := &artifactRules{}
	r.reset()
	return r
}

func (r *artifactRules) reset() {
	*r = artifactRules{announced: map[upload]*entry{}, condemned: map[upload]*entry{}}
}

func (r *artifactRules) apply(e *entry, bury func(*entry)) verdict {
	u := e.key.upload
	v := accepted
	switch {
	case r.condemned[u] != nil:
		v = fenced
	case e.key.kind == uploadKind && r.current != nil && r.current.key.upload == u:
		v = late
	case e.key.kind == uploadKind:
		r.announced[u] = e
	case e.key.kind == touchKind && r.current != nil && r.current.key.upload != u:
		v = fenced // the upload was replaced
	case e.key.kind == putKind, e.key.kind == touchKind:
		r.end(r.current, bury)
		r.end(r.announced[u], bury)
		r.current = e
	case e.key.kind == condemnKind:
		if r.current != nil && r.current.key.upload == u {
			r.end(r.current, bury)
		}
		r.end(r.announced[u], bury)
		r.condemned[u] = e
	}
	if v != accepted {
		bury(e)
	}
	return v
}

// end buries an entry, if there is one.
func (r *artifactRules) end(e *entry, bury func(*entry)) {
	if e == nil {
		return
	}
	bury(e)
	if e == r.current {
		r.current = nil
	} else {
		delete(r.announced, e.key.upload)
	}
}

// spent returns the condemnations, older than a time, that stand against nothing
// any more.
func (r *artifactRules) spent(entries []*entry, before int64) (spent []*entry) {
	others := map[upload]bool{}
	for _, e := range entries {
		if e.key.kind != condemnKind {
			others[e.key.upload] = true
		}
	}
	for u, e := range r.condemned {
		if !others[u] && e.time < before {
			spent = append(spent, e)
		}
	}
	return spent
}
