package proxy_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/faults/proxy"
)

// broker answers each frame with its correlation id and its body, until the
// connection ends.
func broker(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					head := make([]byte, 12)
					if _, err := io.ReadFull(c, head); err != nil {
						return
					}
					body := make([]byte, binary.BigEndian.Uint32(head)-8)
					if _, err := io.ReadFull(c, body); err != nil {
						return
					}
					answer := body
					if int16(binary.BigEndian.Uint16(head[4:])) == kmsg.EndTxn.Int16() {
						answer = endTxnAnswer(int16(binary.BigEndian.Uint16(head[6:])), body)
					}
					out := binary.BigEndian.AppendUint32(nil, uint32(4+len(answer)))
					out = append(append(out, head[8:12]...), answer...)
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// endTxnAnswer is an error when the request's transactional id is "refused".
func endTxnAnswer(version int16, body []byte) []byte {
	answer := kmsg.NewEndTxnResponse()
	answer.Version = version
	req := kmsg.NewEndTxnRequest()
	req.Version = version
	after := body[min(len(body), 2+len("client")):]
	if req.IsFlexible() {
		after = after[min(len(after), 1):]
	}
	if err := req.ReadFrom(after); err != nil || req.TransactionalID == "refused" {
		answer.ErrorCode = 51 // CONCURRENT_TRANSACTIONS
	}
	var out []byte
	if answer.IsFlexible() {
		out = append(out, 0)
	}
	return answer.AppendTo(out)
}

func link(t *testing.T) *proxy.Link {
	t.Helper()
	l, err := proxy.New(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.Forward(1, broker(t))
	return l
}

// server is a connection through a link.
type server struct {
	t *testing.T
	net.Conn
	sent int32
}

func dial(t *testing.T, l *proxy.Link) *server {
	t.Helper()
	s, err := tryDial(t, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryDial(t *testing.T, l *proxy.Link) (*server, error) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", l.Addr(1))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return &server{t: t, Conn: c}, nil
}

// wantRefused: a connection does not come about, or ends at once.
func wantRefused(t *testing.T, l *proxy.Link) {
	t.Helper()
	if s, err := tryDial(t, l); err == nil {
		s.wantEnd()
	}
}

func (s *server) send(key, version int16, body []byte) {
	s.t.Helper()
	s.sent++
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(s.sent))
	if _, err := s.Write(append(b, body...)); err != nil {
		s.t.Fatal(err)
	}
}

// ask sends a request and waits for its answer; the connection may be dead.
func (s *server) ask() error {
	_, err := s.Write([]byte{0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 1})
	if err == nil {
		_, err = s.receive(long)
	}
	return err
}

// receive returns the next answer's correlation id, or how the connection ended.
func (s *server) receive(patience time.Duration) (int32, error) {
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(s, head); err != nil {
		return 0, err
	}
	_, err := io.CopyN(io.Discard, s, int64(binary.BigEndian.Uint32(head))-4)
	return int32(binary.BigEndian.Uint32(head[4:])), err
}

const long, short = 20 * time.Second, 50 * time.Millisecond

func (s *server) wantAnswer() {
	s.t.Helper()
	if id, err := s.receive(long); err != nil || id != s.sent {
		s.t.Fatalf("the answer to %d is %d, %v", s.sent, id, err)
	}
}

func (s *server) wantEnd() {
	s.t.Helper()
	if id, err := s.receive(long); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		s.t.Fatalf("the connection goes on: %d, %v", id, err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestPassesFrames(t *testing.T) {
	s := dial(t, link(t))
	for _, size := range []int{0, 1, 100, 1 << 20} {
		s.send(0, 9, make([]byte, size))
		s.wantAnswer()
	}
}

func TestSilence(t *testing.T) {
	for name, side := range map[string]proxy.Side{
		"requests": proxy.Requests, "answers": proxy.Answers, "both": proxy.Requests | proxy.Answers,
	} {
		t.Run(name, func(t *testing.T) {
			l := link(t)
			s := dial(t, l)
			s.send(0, 9, nil)
			s.wantAnswer()
			l.Silence(side)
			s.send(0, 9, nil)
			if id, err := s.receive(short); !isTimeout(err) {
				t.Fatalf("an answer to %d, %v passes a silent link", id, err)
			}
			l.Heal()
			s.wantAnswer() // what was sent meanwhile arrives
		})
	}
}

func TestReset(t *testing.T) {
	l := link(t)
	s := dial(t, l)
	s.send(0, 9, nil)
	s.wantAnswer()
	l.Reset()
	s.wantEnd()
	wantRefused(t, l)
	l.Heal()
	s = dial(t, l)
	s.send(0, 9, nil)
	s.wantAnswer()
	if got := l.Stats(); got.Connections != 2 || got.Refused != 1 {
		t.Errorf("the link has counted %+v", got)
	}
}

// A link that is silent and has to be reset, or closed, is not waited for.
func TestEndsWhileSilent(t *testing.T) {
	l := link(t)
	s := dial(t, l)
	l.Silence(proxy.Requests | proxy.Answers)
	s.send(0, 9, nil)
	l.Reset()
	s.wantEnd()
	l.Heal()
	s = dial(t, l)
	l.Silence(proxy.Requests | proxy.Answers)
	s.send(0, 9, nil)
	l.Close()
	s.wantEnd()
}

func TestBrokerIsAway(t *testing.T) {
	l, err := proxy.New(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	wantRefused(t, l)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	l.Forward(1, ln.Addr().String())
	wantRefused(t, l)
}

func TestForeignBytes(t *testing.T) {
	s := dial(t, link(t))
	if _, err := s.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	s.wantEnd()
}

// endTxnBody is an EndTxn request after its correlation id.
func endTxnBody(version int16, id string, commit bool) []byte {
	req := kmsg.NewEndTxnRequest()
	req.Version, req.TransactionalID, req.Commit, req.ProducerID = version, id, commit, 7
	b := binary.BigEndian.AppendUint16(nil, uint16(len("client")))
	b = append(b, "client"...)
	if req.IsFlexible() {
		b = append(b, 0)
	}
	return req.AppendTo(b)
}

// The answer to a commit is lost, in every version of the request; that to
// anything else, to an abort, or to a commit that the broker refuses, is not.
func TestLoseCommit(t *testing.T) {
	versions := kmsg.NewEndTxnRequest()
	for version := range versions.MaxVersion() + 1 {
		l := link(t)
		s := dial(t, l)
		s.send(endTxn, version, endTxnBody(version, "wine-1", true))
		s.wantAnswer()
		l.LoseCommit(0)
		s.send(0, 9, nil)
		s.wantAnswer()
		s.send(endTxn, version, endTxnBody(version, "wine-1", false))
		s.wantAnswer()
		s.send(endTxn, version, endTxnBody(version, "refused", true))
		s.wantAnswer()
		s.send(endTxn, version, endTxnBody(version, "wine-1", true))
		s.wantEnd()
		s = dial(t, l)
		s.send(endTxn, version, endTxnBody(version, "wine-1", true))
		s.wantAnswer() // once
		if got := l.Stats(); got.Commits != 4 || got.LostCommits != 1 {
			t.Errorf("version %d: the link has counted %+v", version, got)
		}
	}
}

const endTxn = 26

// After a lost commit the server cannot ask again for a while.
func TestLoseCommitRefuses(t *testing.T) {
	l := link(t)
	l.LoseCommit(100 * time.Millisecond)
	s := dial(t, l)
	s.send(endTxn, 3, endTxnBody(3, "wine-1", true))
	s.wantEnd()
	for began := time.Now(); ; {
		if s, err := tryDial(t, l); err == nil && s.ask() == nil {
			return
		}
		if time.Since(began) > long {
			t.Fatal("the link does not heal")
		}
	}
}

// Foreign bodies are read without a panic.
func FuzzEndTxn(f *testing.F) {
	for version := range int16(6) {
		f.Add(version, endTxnBody(version, "wine-1", true))
	}
	l, err := proxy.New(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(l.Close)
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		l.Forward(1, broker(t))
		l.LoseCommit(0)
		s := dial(t, l)
		s.send(endTxn, version, body)
		if _, err := s.receive(long); isTimeout(err) {
			t.Errorf("no answer and no end to %x", body)
		}
	})
}
