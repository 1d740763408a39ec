package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/record"
)

func (a *app) publishCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "publish",
		GroupID: "client",
		Short:   "Publish models, and records from CSV files",
		Long: `Writes what the server reads: models to the models topic, records to a records
topic. Topics and connection come from the same configuration as the server's.`,
		Example: `  modelserver publish model forest.pmml --data-type wine
  modelserver publish data wine.csv --rate 100 --loop`,
	}
	return group(c, a.publishModelCommand(), a.publishDataCommand())
}

// modelPublication are the flags of publish model.
type modelPublication struct {
	model                      modelFlags
	name, description, version string
	dataType, location, sha256 string
	effectiveFrom              string
}

func (a *app) publishModelCommand() *cobra.Command {
	p := &modelPublication{}
	c := &cobra.Command{
		Use:   "model [FILE]",
		Short: "Publish a model, by value or by location",
		Long: `Publishes a model for a data type. The server loads it beside the one that serves
and swaps when it is ready; "modelserver results" and GET /state show when.

By value, FILE is sent itself; the directory of a SavedModel is sent as a zip. By
location, only the descriptor is sent, and the server fetches the model from there:
a file:, http(s): or bucket URL that its configuration allows. With FILE as well, the
type is guessed from it and its digest goes along, so that the server accepts
exactly this file.

The switch is at arrival, unless --effective-from names a moment: then every server
scores records whose timestamp is not before it with this model, and older ones with
the one before. Publish it some seconds ahead (kafka.models.lead).`,
		Example: `  modelserver publish model forest.pmml --data-type wine --version 7
  modelserver publish model graph.pb --data-type wine -o result=argmax -o outputs=dense/Softmax
  modelserver publish model forest.pmml --data-type wine --effective-from +1m
  modelserver publish model --location s3://models/forest.pmml --type pmml --data-type wine`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.publishModel(cmd.Context(), strings.Join(args, ""), p)
		},
	}
	f := c.Flags()
	p.model.add(f)
	f.StringVar(&p.dataType, "data-type", "", "data type that the model scores (required)")
	f.StringVar(&p.name, "name", "", "name of the model, for people (default: the file's)")
	f.StringVar(&p.version, "version", "", "label of this version, for people")
	f.StringVar(&p.description, "description", "", "a sentence about the model")
	f.StringVar(&p.location, "location", "", "URL that the server fetches the model from")
	f.StringVar(&p.sha256, "sha256", "", "digest that the model must have (default: the file's)")
	f.StringVar(&p.effectiveFrom, "effective-from", "", "record timestamp of the switch: 2026-11-24T15:00:00Z, or +90s from now")
	_ = c.MarkFlagRequired("data-type") // it exists
	a.configFlags(f)
	return c
}

func (a *app) publishModel(ctx context.Context, path string, p *modelPublication) error {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	d, err := p.descriptor(a, loaded.Config, path)
	if err != nil {
		return err
	}
	publisher, err := a.publisher(loaded)
	if err != nil {
		return err
	}
	defer publisher.Close()
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	at, err := publisher.PublishModel(ctx, d)
	if err != nil {
		return a.explain(err, loaded.Config)
	}
	what := fmt.Sprintf("%d bytes", len(d.GetData()))
	if d.GetLocation() != "" {
		what = "at " + d.GetLocation()
	}
	fmt.Fprintf(a.out, "published %s (%s, %s) for %s: topic %s, partition %d, offset %d\n",
		d.GetName(), d.GetType(), what, d.GetDataType(), at.GetTopic(), at.GetPartition(), at.GetOffset())
	return nil
}

// descriptor makes what is published.
func (p *modelPublication) descriptor(a *app, c *config.Config, path string) (*messages.ModelDescriptor, error) {
	options, err := p.model.parseOptions()
	switch {
	case err != nil:
		return nil, err
	case path == "" && p.location == "":
		return nil, usagef("give the model's FILE, or its --location")
	case path == "" && p.model.typeName == "":
		return nil, usagef("with --location alone, name the model's --type")
	}
	d := &messages.ModelDescriptor{
		Name: p.name, Description: p.description, Version: p.version, DataType: p.dataType,
		Type: p.model.typeName, Options: options, Sha256: strings.ToLower(p.sha256),
	}
	if d.EffectiveFromMs, err = parseMoment(p.effectiveFrom, time.Now()); err != nil {
		return nil, usagef("--effective-from: %v", err)
	}
	if path != "" {
		if err := p.file(a, d, c, path); err != nil {
			return nil, err
		}
	}
	if p.location != "" {
		d.Content = &messages.ModelDescriptor_Location{Location: p.location}
	}
	if d.Name == "" {
		base := filepath.Base(filepath.Clean(path + p.location))
		d.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return d, nil
}

// parseMoment reads a time, or one from now ("+90s"), as milliseconds since the
// Unix epoch; nothing is 0.
func parseMoment(s string, now time.Time) (int64, error) {
	if s == "" {
		return 0, nil
	}
	if after, relative := strings.CutPrefix(s, "+"); relative {
		d, err := time.ParseDuration(after)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%q is not a duration from now, as in +90s or +5m", s)
		}
		return now.Add(d).UnixMilli(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMilli() <= 0 {
		return 0, fmt.Errorf("%q is neither a time, as in 2026-11-24T15:00:00Z, nor a duration from now, as in +90s", s)
	}
	return t.UnixMilli(), nil
}

// file adds to a descriptor what is known from the model's file.
func (p *modelPublication) file(a *app, d *messages.ModelDescriptor, c *config.Config, path string) error {
	artifact, err := readModel(path)
	if err != nil {
		return err
	}
	if d.Sha256 != "" && d.Sha256 != artifact.SHA256 {
		return fmt.Errorf("%s has the digest %s, not %s", path, artifact.SHA256, d.Sha256)
	}
	types, err := a.modelTypes(c)
	if err != nil {
		return err
	}
	if d.Type == "" { // a type that is named may be one of the server's alone
		t, err := p.model.resolve(types, path, artifact.Bytes)
		if err != nil {
			return err
		}
		d.Type = t.Name
	}
	d.Sha256 = artifact.SHA256
	d.Content = &messages.ModelDescriptor_Data{Data: artifact.Bytes}
	return nil
}

// dataPublication are the flags of publish data.
type dataPublication struct {
	topic, delimiter, dataType string
	key                        string
	rate                       float64
	loop                       bool
	limit                      int
}

func (a *app) publishDataCommand() *cobra.Command {
	p := &dataPublication{}
	c := &cobra.Command{
		Use:   "data CSV",
		Short: "Publish the rows of a CSV file as records",
		Long: `Publishes each row of a CSV file (- is standard input) as a record, written in the
format of the records topic. The header names the fields; a field's name matches
if it differs only in case, spaces, underscores, dashes and dots.

With --data-type, the records say so in the way that the topic is configured for:
in a field, a header or the key.`,
		Example: `  modelserver publish data wine.csv --data-type wine
  modelserver publish data wine.csv --data-type wine --rate 1000 --loop
  head -100 wine.csv | modelserver publish data - --topic wine-records`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.loop && args[0] == "-" {
				return usagef("--loop needs a file: standard input can be read once")
			}
			return a.publishData(cmd.Context(), args[0], p)
		},
	}
	f := c.Flags()
	f.StringVar(&p.topic, "topic", "", "records topic (default: the first one that is configured)")
	f.StringVar(&p.dataType, "data-type", "", "data type of the records")
	f.StringVar(&p.key, "key-column", "", "column whose value becomes the key, too")
	f.Float64Var(&p.rate, "rate", 0, "records a second (default: as fast as the broker takes them)")
	f.BoolVar(&p.loop, "loop", false, "begin again at the end, until Ctrl-C")
	f.IntVar(&p.limit, "limit", 0, "publish at most so many rows of the file")
	f.StringVar(&p.delimiter, "delimiter", "", "delimiter (default: , ; or tab, by the header)")
	a.configFlags(f)
	return c
}

func (a *app) publishData(ctx context.Context, path string, p *dataPublication) error {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	topic, format, err := p.target(loaded)
	if err != nil {
		return err
	}
	publisher, err := a.publisher(loaded)
	if err != nil {
		return err
	}
	defer publisher.Close()
	rows := &rowStream{publication: p, topic: topic, format: format, path: path}
	stream := kafka.Stream{Topic: topic.Topic, Rate: p.rate, Loop: p.loop, Sent: a.progress(ctx)}
	n, err := publisher.PublishRecords(ctx, stream, rows.all())
	if err == nil {
		err = rows.err
	}
	fmt.Fprintf(a.out, "published %d records to %s\n", n, topic.Topic)
	return a.explain(err, loaded.Config)
}

// target finds the topic to publish to.
func (p *dataPublication) target(loaded *config.Loaded) (kafka.TopicConfig, *record.Format, error) {
	formats, err := loaded.RecordFormats()
	if err != nil {
		return kafka.TopicConfig{}, nil, configError{err}
	}
	var names []string
	for _, t := range loaded.Kafka.Records.Topics {
		if t.Topic == p.topic || p.topic == "" {
			return t, formats[t.Format], nil
		}
		names = append(names, t.Topic)
	}
	return kafka.TopicConfig{}, nil, usagef("topic %q is none of the configured records topics (%s)", p.topic, strings.Join(names, ", "))
}

// rowStream turns the rows of a CSV file into records.
type rowStream struct {
	publication *dataPublication
	topic       kafka.TopicConfig
	format      *record.Format
	path        string
	err         error // why it ended before the file did
}

func (r *rowStream) all() iter.Seq[kafka.Outgoing] {
	return func(yield func(kafka.Outgoing) bool) {
		if err := r.read(yield); err != nil {
			r.err = fmt.Errorf("%s: %w", r.path, err)
		}
	}
}

func (r *rowStream) read(yield func(kafka.Outgoing) bool) error {
	in := io.Reader(os.Stdin)
	if r.path != "-" {
		f, err := os.Open(r.path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	t, err := openTable(in, r.publication.delimiter)
	if err != nil {
		return err
	}
	row, err := r.rowEncoder(t.columns)
	if err != nil {
		return err
	}
	for n := 0; r.publication.limit == 0 || n < r.publication.limit; n++ {
		cells, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out, err := row(t.line, cells)
		if err != nil {
			return err
		}
		if !yield(out) {
			return nil
		}
	}
	return nil
}

// rowEncoder returns what turns a row into a record that says its data type as
// its topic wants it.
func (r *rowStream) rowEncoder(columns []string) (func(line int, cells []string) (kafka.Outgoing, error), error) {
	p, rule := r.publication, r.topic.DataType
	extra := []string(nil)
	out := kafka.Outgoing{}
	if p.dataType != "" {
		switch rule.From {
		case kafka.FromField:
			columns, extra = append(columns[:len(columns):len(columns)], rule.Name), []string{p.dataType}
		case kafka.FromHeader:
			out.Headers = map[string]string{rule.Name: p.dataType}
		case kafka.FromKey:
			out.Key = []byte(p.dataType)
		}
	}
	keyed := -1
	for i, c := range columns {
		if c == p.key {
			keyed = i
		}
	}
	if p.key != "" && keyed < 0 {
		return nil, usagef("there is no column %q for the key", p.key)
	}
	encoder, err := r.format.Encoder(columns)
	if err != nil {
		return nil, err
	}
	return func(line int, cells []string) (kafka.Outgoing, error) {
		o := out
		if keyed >= 0 && keyed < len(cells) {
			o.Key = []byte(cells[keyed])
		}
		var err error
		o.Value, err = encoder.Append(nil, line, append(cells[:len(cells):len(cells)], extra...))
		return o, err
	}, nil
}

// clientTimeout is how long a command waits for Kafka.
const clientTimeout = 30 * time.Second

// publisher makes the publisher of a command; only what goes wrong is logged.
func (a *app) publisher(loaded *config.Loaded) (*kafka.Publisher, error) {
	log, err := node.NewLogger(clientLog(loaded.Log), a.errOut)
	if err != nil {
		return nil, configError{err}
	}
	return kafka.NewPublisher(&loaded.Kafka, log)
}

// clientLog makes a command quieter than a server.
func clientLog(c config.Log) config.Log {
	if c.Level == "info" {
		c.Level = "warn"
	}
	return c
}

// explain says what probably helps when Kafka did not answer.
func (a *app) explain(err error, c *config.Config) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer from Kafka at %s within %v: is it there? name another with --brokers (%w)",
			strings.Join(c.Kafka.Brokers, ", "), clientTimeout, err)
	}
	return err
}

// progress reports now and again on standard error how many records were taken.
func (a *app) progress(ctx context.Context) func(int64) {
	next := time.Now().Add(progressEvery)
	return func(n int64) {
		if now := time.Now(); now.After(next) && ctx.Err() == nil {
			next = now.Add(progressEvery)
			fmt.Fprintf(a.errOut, "%d records so far\n", n)
		}
	}
}

const progressEvery = 5 * time.Second
