package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/replay"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	from, to, resultsFrom string
	topics, dataTypes     []string
	partitions            []int32
	limit                 int64
	asOf, model           string
	modelFlags            modelFlags
	toTopic, toFile       string
	diff                  bool
	tolerance             float64
	show, maxLoaded       int
	indexed               bool
	indexMiB              int64
}

func (a *app) replayCommand() *cobra.Command {
	o := &replayOptions{}
	c := &cobra.Command{
		Use:     "replay",
		GroupID: "client",
		Short:   "Score a range of records again, and compare with the results that were given",
		Long: `Scores the records of a range once more, each with the generation that was right
for it then, and compares the results with those that were given (--diff), or
writes them to another topic (--to-topic) or a file (--to-file). It reads committed
records, needs no server and no consumer group, and leaves no trace.

The range: --from and --to (without its end) are earliest, latest, offset:123,
now-1h (90s, 15m, 7d), or a time such as 2026-11-24T12:00:00Z, which means the
first record of each partition that is not older. The end is where the topic ends
when the command starts, at the latest.

Which generation is right (--as-of):
  results   the one that the record's result names, which is what was really used;
            a record without a result goes by the timeline, and is counted
  timeline  the newest model of the models topic whose effective_from, or else its
            publication, is not after the record's timestamp; models that do not
            load or verify are skipped, as they were then
With --model all records are scored with one model instead: what would it have
said? It is offset:12 (or offset:PARTITION@12), version:2.1 or sha256:3f9c… of the
models topic, or a file that was not published yet, with --data-type.

--diff prints the first differences and a table by data type and generation. The
exit code is 1 when a record's result differs, is missing, or cannot be made any
more; with exactly-once delivery also when there are two. Generations are compared
by what they answer, not by name.

Earlier results are looked for from five minutes before a partition's first record
on (--results-from), in the order of the records. Results by key, or of a topic
whose partitions were added to, have no such order: --index holds those of the
range in memory instead (it is the default with kafka.results.partition: key).`,
		Example: `  modelserver replay --from now-1h --diff
  modelserver replay --from offset:1000 --to offset:2000 --partition 3 --diff --show 50
  modelserver replay --from 2026-11-24T12:00:00Z --to 2026-11-24T13:00:00Z --to-file again.jsonl
  modelserver replay --from now-1d --model candidate.pmml --data-type wine --diff --tolerance 1e-9
  modelserver replay --from earliest --as-of timeline --to-topic wine-results-again`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.replay(cmd.Context(), o) },
	}
	o.flags(c)
	a.configFlags(c.Flags())
	return c
}

func (o *replayOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "where to begin (required)")
	f.StringVar(&o.to, "to", "latest", "where to end; the record there is not replayed")
	f.StringArrayVar(&o.topics, "topic", nil, "topic of records; may be repeated (default: all of kafka.records.topics)")
	f.Int32SliceVar(&o.partitions, "partition", nil, "partition of the topics; may be repeated (default: all)")
	f.StringArrayVar(&o.dataTypes, "data-type", nil, "only records of this data type; may be repeated")
	f.Int64Var(&o.limit, "limit", 0, "end after so many records, partition by partition (default: all)")
	f.StringVar(&o.asOf, "as-of", "results", "how to find each record's generation: results or timeline")
	f.StringVar(&o.model, "model", "", "score with this one model: offset:12, version:2.1, sha256:3f9c… or a file")
	o.modelFlags.add(f)
	f.StringVar(&o.toTopic, "to-topic", "", "topic to write the results to; none of the server's own")
	f.StringVar(&o.toFile, "to-file", "", "file to write the results to, one JSON object a line; - is standard output")
	f.BoolVar(&o.diff, "diff", false, "compare with the results that were given")
	f.Float64Var(&o.tolerance, "tolerance", 0, "relative difference of two numbers that are still equal (default: exact)")
	f.IntVar(&o.show, "show", 10, "differences to print")
	f.StringVar(&o.resultsFrom, "results-from", "", "where to look for earlier results from, like --from")
	f.BoolVar(&o.indexed, "index", false, "hold the earlier results of the range in memory")
	f.Int64Var(&o.indexMiB, "index-mib", 1024, "most memory for --index, in MiB")
	f.IntVar(&o.maxLoaded, "max-loaded", 8, "models that are loaded at a time")
}

// check refuses what makes no sense together.
func (o *replayOptions) check() error {
	switch {
	case o.from == "":
		return usagef("--from says where to begin: earliest, offset:123, now-1h, or a time such as 2026-11-24T12:00:00Z")
	case o.toTopic != "" && o.toFile != "":
		return usagef("--to-topic and --to-file exclude each other")
	case o.toTopic == "" && o.toFile == "" && !o.diff:
		return usagef("say what becomes of the results: --diff, --to-topic or --to-file")
	case o.asOf != string(replay.AsOfResults) && o.asOf != string(replay.AsOfTimeline):
		return usagef("--as-of %q is not one of results, timeline", o.asOf)
	case !(o.tolerance >= 0 && o.tolerance < 1):
		return usagef("--tolerance must be from 0 to less than 1")
	case o.limit < 0 || o.show < 0:
		return usagef("--limit and --show must not be negative")
	case o.maxLoaded < 1:
		return usagef("--max-loaded must be at least 1")
	case o.indexMiB < 1 || o.indexMiB > 1<<20:
		return usagef("--index-mib must be between 1 and %d", 1<<20)
	}
	return nil
}

func (a *app) replay(ctx context.Context, o *replayOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	loaded, err := a.load()
	if err != nil {
		return err
	}
	log, err := node.NewLogger(clientLog(loaded.Log), a.errOut)
	if err != nil {
		return configError{err}
	}
	types, err := a.modelTypes(loaded.Config)
	if err != nil {
		return err
	}
	r := node.ReplayOptions{
		Types: types, Log: log, Topics: o.topics, Partitions: o.partitions, DataTypes: o.dataTypes, Limit: o.limit,
		AsOf: replay.AsOf(o.asOf), Diff: o.diff, Tolerance: o.tolerance, Indexed: o.indexed, IndexBytes: o.indexMiB << 20,
		MaxLoaded: o.maxLoaded, ToTopic: o.toTopic,
	}
	if err := o.positions(&r, time.Now()); err != nil {
		return err
	}
	if r.Model, err = o.choice(types); err != nil {
		return err
	}
	report := &replayReport{out: a.out, errOut: a.errOut, show: o.show}
	if o.toFile == "-" {
		report.out = a.errOut // standard output is for the results
	}
	closeFile, err := o.open(&r, a.out)
	if err != nil {
		return err
	}
	r.Finding, r.Progress = report.finding, report.progress
	summary, err := node.Replay(ctx, loaded.Config, r)
	err = errors.Join(err, closeFile())
	if summary != nil {
		report.summary(summary, o.diff)
	}
	if err != nil {
		return err
	}
	return verdict(summary, o.diff, loaded.Kafka.Delivery == kafka.ExactlyOnce)
}

func (o *replayOptions) positions(r *node.ReplayOptions, now time.Time) (err error) {
	if r.From, err = kafka.ParsePosition(o.from, now); err != nil {
		return usagef("--from %w", err)
	}
	if r.To, err = kafka.ParsePosition(o.to, now); err != nil {
		return usagef("--to %w", err)
	}
	if o.resultsFrom == "" {
		return nil
	}
	p, err := kafka.ParsePosition(o.resultsFrom, now)
	if err != nil {
		return usagef("--results-from %w", err)
	}
	r.ResultsFrom = &p
	return nil
}

// open opens the file of the results, if there is to be one.
func (o *replayOptions) open(r *node.ReplayOptions, stdout io.Writer) (closeFile func() error, err error) {
	switch o.toFile {
	case "":
		return func() error { return nil }, nil
	case "-":
		w := bufio.NewWriter(stdout)
		r.ToFile = w
		return w.Flush, nil
	}
	f, err := os.Create(o.toFile)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	r.ToFile = w
	return func() error { return errors.Join(w.Flush(), f.Close()) }, nil
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]{6,64}$`)

// choice reads --model.
func (o *replayOptions) choice(types *model.Registry) (*node.ModelChoice, error) {
	kind, value, found := strings.Cut(o.model, ":")
	switch {
	case o.model == "":
		return nil, nil
	case found && kind == "offset":
		partition, offset, given := strings.Cut(value, "@")
		if !given {
			partition, offset = "0", value
		}
		p, err1 := strconv.ParseInt(partition, 10, 32)
		n, err2 := strconv.ParseInt(offset, 10, 64)
		if err1 != nil || err2 != nil || p < 0 || n < 0 {
			return nil, usagef("--model %q has no offset: it is offset:12 or offset:PARTITION@12", o.model)
		}
		return &node.ModelChoice{Place: &replay.Place{Partition: int32(p), Offset: n}}, nil
	case found && kind == "version" && value != "":
		return &node.ModelChoice{Version: value}, nil
	case found && kind == "sha256":
		if value = strings.ToLower(value); !hexDigits.MatchString(value) {
			return nil, usagef("--model %q is not the beginning of a SHA-256: 6 to 64 hexadecimal digits", o.model)
		}
		return &node.ModelChoice{SHA256: value}, nil
	}
	return o.candidate(types)
}

// candidate reads a model that is not published.
func (o *replayOptions) candidate(types *model.Registry) (*node.ModelChoice, error) {
	path := strings.TrimPrefix(o.model, "file:")
	artifact, err := readModel(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usagef("--model %q is no file; a model of the models topic is named offset:12, version:2.1 or sha256:3f9c…", o.model)
	}
	if err != nil {
		return nil, err
	}
	if len(o.dataTypes) != 1 {
		return nil, usagef("--data-type says which data type the model %s is for; give it once", path)
	}
	t, err := o.modelFlags.resolve(types, path, artifact.Bytes)
	if err != nil {
		return nil, err
	}
	options, err := o.modelFlags.parseOptions()
	if err != nil {
		return nil, err
	}
	return &node.ModelChoice{Descriptor: &replay.Descriptor{
		Place: replay.Place{Partition: -1, Offset: -1}, DataType: o.dataTypes[0], Name: filepath.Base(path), Type: t.Name,
		SHA256: artifact.SHA256, Options: options, Artifact: artifact.Bytes,
	}}, nil
}

// verdict turns findings into the exit code.
func verdict(s *replay.Summary, diff, exactlyOnce bool) error {
	bad, doubled := s.Findings(), s.Doubled
	switch {
	case !diff && bad > 0:
		return fmt.Errorf("%d of %d records could not be scored again", bad, s.Records)
	case bad > 0 || s.Orphans > 0:
		return fmt.Errorf("%d of %d records have another result than was given", bad+s.Orphans, s.Records)
	case exactlyOnce && doubled+s.Late > 0:
		return fmt.Errorf("%d of %d records have more than one result, although delivery is exactly-once", doubled+s.Late, s.Records)
	}
	return nil
}
