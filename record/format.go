package record

// Format is how payloads of a topic are written.
type Format struct{}
