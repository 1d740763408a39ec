package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// peer is the Java process; Peer.java tells its commands.
type peer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Scanner
	dir     string // for tables
}

func startPeer(ctx context.Context, jars string) (*peer, error) {
	if jars == "" {
		return nil, errors.New("-jars is missing; bench/pmml/run.sh knows where they are")
	}
	dir, err := os.MkdirTemp("", "bench-pmml")
	if err != nil {
		return nil, err
	}
	p := &peer{dir: dir}
	p.cmd = exec.CommandContext(ctx, "java", "-Xmx2g", "-Xss64m", "-cp", filepath.Join(jars, "*"), "bench/pmml/Peer.java")
	p.cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

func (p *peer) close() {
	p.in.Close()
	_ = p.cmd.Wait() // it has told its errors
	os.RemoveAll(p.dir)
}

// ask sends a command and returns the answer.
func (p *peer) ask(words ...string) (string, error) {
	if _, err := fmt.Fprintln(p.in, strings.Join(words, "\t")); err != nil {
		return "", err
	}
	if !p.answers.Scan() {
		return "", errors.New("the Java process has ended")
	}
	answer := p.answers.Text()
	if reason, failed := strings.CutPrefix(answer, "error "); failed {
		return "", fmt.Errorf("JPMML: %s", reason)
	}
	return answer, nil
}

func (p *peer) number(words ...string) (float64, error) {
	answer, err := p.ask(words...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(answer, 64)
}

// rows gives the records to score.
func (p *peer) rows(t *table) error {
	path := filepath.Join(p.dir, "rows.tsv")
	if err := t.write(path); err != nil {
		return err
	}
	_, err := p.ask("rows", path)
	return err
}

// load returns how many seconds it took and how many bytes of the heap the
// evaluator keeps.
func (p *peer) load(mode, document string) (seconds, memory float64, err error) {
	answer, err := p.ask("load", mode, document, mode)
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(answer, &seconds, &memory)
	return seconds, memory, err
}

// results scores all rows.
func (p *peer) results(mode string) (*table, error) {
	path := filepath.Join(p.dir, "results.tsv")
	if _, err := p.ask("check", mode, path); err != nil {
		return nil, err
	}
	return readTable(path, '\t')
}

// time returns nanoseconds per record.
func (p *peer) time(mode string, slice time.Duration) (float64, error) {
	return p.number("time", mode, strconv.FormatInt(slice.Milliseconds(), 10))
}

func (p *peer) drop() error {
	_, err := p.ask("drop")
	return err
}
