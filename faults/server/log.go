package server

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
)

const (
	tailLines     = 60
	maxLine       = 64 << 10
	maxComplaints = 20
)

// output takes what the processes of a server write: to a file, and its last
// lines and those that matter into memory.
type output struct {
	mu         sync.Mutex
	file       *os.File
	partial    []byte
	tail       []string
	complaints []string
	unclean    int
	address    string
	changed    chan struct{} // closed, and made anew, when an address has come
}

func newOutput(path string) (*output, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &output{file: f, changed: make(chan struct{})}, nil
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; ; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(o.partial)+len(line) <= maxLine {
			o.partial = append(o.partial, line...)
		}
		if !whole {
			break
		}
		o.line(string(o.partial))
		o.partial = o.partial[:0]
		rest = after
	}
	return o.file.Write(p)
}

// line is called with mu held.
func (o *output) line(text string) {
	if len(o.tail) == tailLines {
		o.tail = append(o.tail[:0], o.tail[1:]...)
	}
	o.tail = append(o.tail, text)
	for _, sign := range []string{"panic:", "fatal error:", "WARNING: DATA RACE", "panicked"} {
		if strings.Contains(text, sign) {
			o.complain(text)
		}
	}
	var entry struct{ Msg, Address string }
	if strings.Contains(text, `"serving HTTP"`) && json.Unmarshal([]byte(text), &entry) == nil && entry.Msg == "serving HTTP" {
		o.address = entry.Address
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// complain is called with mu held.
func (o *output) complain(text string) {
	if len(o.complaints) < maxComplaints {
		o.complaints = append(o.complaints, text)
	}
}

// forget makes the address unknown, for the next process.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.address = ""
	o.partial = o.partial[:0]
}

// current returns the address, and what to wait for while there is none.
func (o *output) current() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.address, o.changed
}
