//go:build tensorflow

// Command opfuzz looks for operations of the allow-list that end the process
// when their attributes, shapes or constants are hostile. It runs each of them
// many times in graphs that have passed the vetting, in processes of their own,
// and prints what killed them. What it finds becomes a rule of package graphdef,
// or the operation leaves the list. Run it when the list or TensorFlow's release
// changes:
//
//	eval "$(make -s tensorflow-env)"
//	go run -tags tensorflow ./model/tensorflow/internal/opfuzz -trials 300 [operation …]
//
// "killed" and "bad_alloc" are operations that took more time or memory than a
// process gets here: small inputs can ask for large outputs, which vetting cannot
// know.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

const (
	childMemory = 8 << 30
	childTime   = 20 * time.Second
	maxDeaths   = 6 // of one operation, then the next one
)

func main() {
	trials := flag.Int("trials", 300, "runs of each operation")
	from := flag.Int("from", -1, "run one operation from this trial on, in this process")
	show := flag.Bool("show", false, "with -from: print each graph")
	flag.Parse()
	if *from >= 0 {
		if err := child(flag.Arg(0), *from, *trials, *show); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	names := flag.Args()
	if len(names) == 0 {
		names = graphdef.Computing()
	}
	deadly := 0
	for _, name := range names {
		if !survey(name, *trials) {
			deadly++
		}
	}
	fmt.Printf("%d of %d operations ended a process\n", deadly, len(names))
}

// survey runs an operation in children until all trials are done.
func survey(name string, trials int) bool {
	deaths := make(map[string]int) // reason to trial
	summary := ""
	for trial, died := 0, 0; trial < trials && died < maxDeaths; died++ {
		last, done, reason := runChild(name, trial, trials)
		if done != "" {
			summary = done
			break
		}
		deaths[reason] = last
		trial = last + 1
	}
	fmt.Printf("%-32s %s\n", name, summary)
	for reason, trial := range deaths {
		fmt.Printf("    trial %d: %s\n", trial, reason)
	}
	return len(deaths) == 0
}

// runChild returns the last trial that was begun, and the summary or the reason
// of the child's death.
func runChild(name string, from, trials int) (last int, done, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-from", strconv.Itoa(from), "-trials", strconv.Itoa(trials), name) //nolint:gosec // itself, with our operations
	cmd.Env = append(os.Environ(), "GOTRACEBACK=none")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return from, "", err.Error()
	}
	if err := cmd.Start(); err != nil {
		return from, "", err.Error()
	}
	last = from
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			last = n
		} else {
			done = lines.Text()
		}
	}
	err = cmd.Wait()
	if done != "" {
		return last, done, ""
	}
	if cmd.ProcessState.ExitCode() == 1 {
		panic("the child could not begin: " + stderr.String())
	}
	reason = fmt.Sprint(err)
	if found := telling.FindString(stderr.String()); found != "" {
		reason = found
	}
	return last, "", reason
}

// telling is the part of a death's message that tells its reason.
var telling = regexp.MustCompile(`Check failed: .{0,100}|SIG[A-Z]+: [a-z -]+|terminate called after throwing .{0,60}`)

// child runs the trials of an operation and prints the number of each before it
// begins.
func child(name string, from, trials int, show bool) error {
	limit := syscall.Rlimit{Cur: childMemory, Max: childMemory}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return err
	}
	if err := libtf.Open(os.Getenv("MODELSERVER_TENSORFLOW_DIR")); err != nil {
		return err
	}
	var all opdefpb.OpList
	if err := proto.Unmarshal(libtf.Operations(), &all); err != nil {
		return err
	}
	i := slices.IndexFunc(all.GetOp(), func(o *opdefpb.OpDef) bool { return o.GetName() == name })
	if i < 0 {
		fmt.Println("is not an operation of this release")
		return nil
	}
	counts := make(map[string]int)
	for trial := from; trial < trials; trial++ {
		fmt.Println(trial)
		g := &generator{random: rand.New(rand.NewPCG(uint64(trial), 7)), op: all.GetOp()[i]}
		g.build()
		if show {
			fmt.Fprintln(os.Stderr, prototext.Format(g.graph))
		}
		counts[g.run()]++
	}
	var parts []string
	for _, outcome := range []string{"vetting", "import", "session", "run", "ok"} {
		parts = append(parts, fmt.Sprintf("%s %d", outcome, counts[outcome]))
	}
	fmt.Println("ended at: " + strings.Join(parts, ", "))
	return nil
}
