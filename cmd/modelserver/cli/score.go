package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// scoreOptions are the flags of score.
type scoreOptions struct {
	model     modelFlags
	out       string
	delimiter string
	keep      bool
}

// scoreBatch is how many rows are scored at once.
const scoreBatch = 1024

func (a *app) scoreCommand() *cobra.Command {
	o := &scoreOptions{}
	c := &cobra.Command{
		Use:     "score MODEL CSV",
		GroupID: "offline",
		Short:   "Score the rows of a CSV file with a model",
		Long: `Scores each row of a CSV file (- is standard input) and writes the model's outputs
as CSV. The columns are matched to the model's inputs by name, as the server does
it with record fields; columns that no input needs are passed over. A row that
cannot be scored has the reason in the column "error", and the exit code is 1.`,
		Example: `  modelserver score forest.pmml wine.csv
  modelserver score forest.pmml wine.csv --keep --out scored.csv
  cut -d, -f1-11 wine.csv | modelserver score graph.pb - --option result=argmax`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.score(cmd.Context(), args[0], args[1], o)
		},
	}
	o.model.add(c.Flags())
	c.Flags().StringVar(&o.out, "out", "", "file to write (default: standard output)")
	c.Flags().StringVar(&o.delimiter, "delimiter", "", `delimiter of the input (default: , ; or tab, by the header)`)
	c.Flags().BoolVar(&o.keep, "keep", false, "write the input's columns, too")
	a.configFlags(c.Flags())
	return c
}

func (a *app) score(ctx context.Context, modelPath, csvPath string, o *scoreOptions) (err error) {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	types, err := a.modelTypes(loaded.Config)
	if err != nil {
		return err
	}
	m, err := loadModel(ctx, types, modelPath, &o.model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()

	in := io.Reader(os.Stdin)
	if csvPath != "-" {
		f, err := os.Open(csvPath)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	out := a.out
	if o.out != "" {
		f, err := os.Create(o.out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	s, err := newScorer(m, in, out, o)
	if err != nil {
		return fmt.Errorf("%s: %w", csvPath, err)
	}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("%s: %w", csvPath, err)
	}
	if s.failed > 0 {
		return fmt.Errorf("%d of %d rows could not be scored; the column \"error\" says why", s.failed, s.rows)
	}
	return nil
}

// scorer scores a table, batch by batch, the way the server does: rows become
// JSON records, and those are decoded for the model.
type scorer struct {
	model   *loadedModel
	in      *table
	out     *csv.Writer
	keep    bool
	encoder *record.Encoder
	decoder *record.Decoder

	rows, failed int
	columns      model.Batch
	results      model.Batch
}

func newScorer(m *loadedModel, in io.Reader, out io.Writer, o *scoreOptions) (*scorer, error) {
	t, err := openTable(in, o.delimiter)
	if err != nil {
		return nil, err
	}
	s := &scorer{model: m, in: t, out: csv.NewWriter(out), keep: o.keep}
	sig := m.Signature()
	if err := checkColumns(sig, t.columns); err != nil {
		return nil, err
	}
	format := record.JSON()
	if s.encoder, err = format.Encoder(escapeDots(t.columns)); err != nil {
		return nil, err
	}
	if s.decoder, err = format.Bind(sig, nil); err != nil {
		return nil, err
	}
	return s, s.out.Write(s.header())
}

// checkColumns makes sure that every input has its column: JSON alone would call
// a whole missing column missing values.
func checkColumns(sig *model.Signature, columns []string) error {
	have := map[string]bool{}
	for _, c := range columns {
		have[looseName(c)] = true
	}
	var missing []string
	for i := range sig.Inputs {
		if f := &sig.Inputs[i]; !f.Optional && !have[looseName(f.Name)] {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("there is no column for the model's input %s; the columns are %s",
			strings.Join(missing, ", "), strings.Join(columns, ", "))
	}
	return nil
}

// looseName is a name as far as matching goes: without case, spaces,
// underscores, dashes and dots.
func looseName(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(strings.ToLower(name))
}

// escapeDots keeps the encoder from taking a dot for a path into an object.
func escapeDots(columns []string) []string {
	escaped := make([]string, len(columns))
	for i, c := range columns {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(c)
	}
	return escaped
}

func (s *scorer) header() []string {
	var header []string
	if s.keep {
		header = append(header, s.in.columns...)
	}
	for i := range s.model.Signature().Outputs {
		header = append(header, s.model.Signature().Outputs[i].Name)
	}
	return append(header, "error")
}

func (s *scorer) run(ctx context.Context) error {
	for more := true; more; {
		var rows [][]string
		var raws []record.Raw
		for len(rows) < scoreBatch {
			row, err := s.in.next()
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return err
			}
			payload, err := s.encoder.Append(nil, s.in.line, row)
			if err != nil {
				return err
			}
			rows, raws = append(rows, row), append(raws, record.Raw{Payload: payload})
		}
		if len(rows) == 0 {
			break
		}
		s.decoder.Decode(raws, &s.columns)
		if err := s.model.Score(ctx, &s.columns, &s.results); err != nil {
			return fmt.Errorf("rows up to line %d: %w", s.in.line, err)
		}
		if err := s.write(rows); err != nil {
			return err
		}
	}
	s.out.Flush()
	return s.out.Error()
}

func (s *scorer) write(rows [][]string) error {
	for i, row := range rows {
		var cells []string
		if s.keep {
			cells = append(cells, row...)
		}
		problem := s.columns.Err(i)
		if problem == nil {
			problem = s.results.Err(i)
		}
		for c := range s.results.Columns {
			text := ""
			if problem == nil {
				text = cell(s.results.Columns[c].Value(i))
			}
			cells = append(cells, text)
		}
		text := ""
		if problem != nil {
			text = problem.Error()
			s.failed++
		}
		s.rows++
		if err := s.out.Write(append(cells, text)); err != nil {
			return err
		}
	}
	return nil
}

// cell writes a value of an output; a vector's elements are separated by spaces.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case string:
		return v
	}
	return strings.Trim(fmt.Sprint(v), "[]")
}
