package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/node"
)

// resultOptions are the flags of results.
type resultOptions struct {
	asJSON, fromStart, errorsOnly bool
	dataType                      string
	limit                         int
}

func (a *app) resultsCommand() *cobra.Command {
	o := &resultOptions{}
	c := &cobra.Command{
		Use:     "results",
		GroupID: "client",
		Short:   "Follow the results as a table or as JSON",
		Long: `Follows the results topic and prints each result: when its record was scored, the
data type, the target's value, the model that made it, where the record came from,
and the other outputs. It needs no consumer group and leaves no trace.`,
		Example: `  modelserver results
  modelserver results --from-start --limit 10
  modelserver results --json | jq .target`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.results(cmd.Context(), o) },
	}
	f := c.Flags()
	f.BoolVar(&o.asJSON, "json", false, "one JSON object a line (modelserver.v1.ServingResult)")
	f.BoolVar(&o.fromStart, "from-start", false, "begin at the start of the topic, not at its end")
	f.BoolVar(&o.errorsOnly, "errors", false, "only results of records that could not be scored")
	f.StringVar(&o.dataType, "data-type", "", "only results of this data type")
	f.IntVar(&o.limit, "limit", 0, "end after so many results (default: at Ctrl-C)")
	a.configFlags(f)
	return c
}

func (a *app) results(ctx context.Context, o *resultOptions) error {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	log, err := node.NewLogger(clientLog(loaded.Log), a.errOut)
	if err != nil {
		return configError{err}
	}
	if !o.asJSON {
		fmt.Fprintf(a.out, "%-12s  %-10s  %-12s  %-24s  %-24s  %s\n", "SCORED", "DATA TYPE", "TARGET", "MODEL", "RECORD", "OUTPUTS")
	}
	shown := 0
	return kafka.TailResults(ctx, &loaded.Kafka, log, kafka.Tail{FromStart: o.fromStart}, func(r *kafka.TailedResult) bool {
		switch {
		case r.Err != nil:
			log.Warn("a record of the results topic is no result", "partition", r.Partition, "offset", r.Offset, "err", r.Err)
			return true
		case o.dataType != "" && r.Result.GetDataType() != o.dataType, o.errorsOnly && r.Result.GetError() == nil:
			return true
		}
		if err := a.printResult(r.Result, o.asJSON); err != nil {
			return false // nobody reads any more
		}
		shown++
		return o.limit == 0 || shown < o.limit
	})
}

func (a *app) printResult(r *messages.ServingResult, asJSON bool) error {
	if asJSON {
		line, err := protojson.Marshal(r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, string(line))
		return err
	}
	g, s := r.GetGeneration(), r.GetSource()
	target := valueText(r.GetTarget())
	if r.GetError() != nil {
		target = "-"
	}
	_, err := fmt.Fprintf(a.out, "%-12s  %-10s  %-12s  %-24s  %-24s  %s\n",
		time.UnixMicro(r.GetScoredTimeUs()).Format("15:04:05.000"), printable(r.GetDataType()), printable(target),
		printable(fmt.Sprintf("%s %s g%d", g.GetName(), g.GetVersion(), g.GetNumber())),
		printable(fmt.Sprintf("%s/%d@%d", s.GetTopic(), s.GetPartition(), s.GetOffset())), printable(outputsText(r)))
	return err
}

// outputsText lists the outputs by name, or says why there are none.
func outputsText(r *messages.ServingResult) string {
	if e := r.GetError(); e != nil {
		return "ERROR " + e.GetMessage()
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.GetOutputs())) {
		parts = append(parts, name+"="+valueText(r.GetOutputs()[name]))
	}
	return strings.Join(parts, " ")
}

func valueText(v *messages.Value) string {
	short := func(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }
	switch k := v.GetKind().(type) {
	case *messages.Value_Number:
		return short(k.Number)
	case *messages.Value_Label:
		return k.Label
	case *messages.Value_Integer:
		return strconv.FormatInt(k.Integer, 10)
	case *messages.Value_Flag:
		return strconv.FormatBool(k.Flag)
	case *messages.Value_Numbers:
		var parts []string
		for _, f := range k.Numbers.GetValues() {
			parts = append(parts, short(f))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *messages.Value_Labels:
		return "[" + strings.Join(k.Labels.GetValues(), " ") + "]"
	}
	return "-"
}

// printable keeps what strangers wrote from driving the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}
