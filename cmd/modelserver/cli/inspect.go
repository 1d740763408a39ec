package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/model"
)

func (a *app) inspectCommand() *cobra.Command {
	flags := &modelFlags{}
	var dataType string
	c := &cobra.Command{
		Use:     "inspect FILE",
		GroupID: "offline",
		Short:   "Show what a model is, what it takes and what it gives",
		Long: `Loads and verifies a model as the server would, and shows its type (guessed from
the content unless --type names it), its inputs and outputs, the options of its
type, and whether the records of the configured topics have what it needs.

FILE is a PMML document, a frozen TensorFlow graph, or a SavedModel: its directory
or a zip or tar of that.`,
		Example: `  modelserver inspect forest.pmml
  modelserver inspect graph.pb --option outputs=dense/Softmax --option result=argmax
  modelserver inspect saved_model_directory/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inspect(cmd, args[0], flags, dataType)
		},
	}
	flags.add(c.Flags())
	c.Flags().StringVar(&dataType, "data-type", "", "data type whose field map holds (data_types)")
	a.configFlags(c.Flags())
	return c
}

func (a *app) inspect(cmd *cobra.Command, path string, flags *modelFlags, dataType string) (err error) {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	types, err := a.modelTypes(loaded.Config)
	if err != nil {
		return err
	}
	m, err := loadModel(cmd.Context(), types, path, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()

	fmt.Fprintf(a.out, "type     %s: %s\nsize     %d bytes\nsha256   %s\n", m.Type.Name, m.Type.Doc, len(m.Artifact.Bytes), m.Artifact.SHA256)
	sig := m.Signature()
	a.printFields("inputs", sig.Inputs, func(f *model.Field, _ int) string {
		if f.Optional {
			return "may be missing"
		}
		return ""
	})
	a.printFields("outputs", sig.Outputs, func(_ *model.Field, i int) string {
		if i == sig.Target {
			return "the target"
		}
		return ""
	})
	a.printOptions(m.Type)

	formats, err := loaded.RecordFormats()
	if err != nil {
		return configError{err}
	}
	fmt.Fprintln(a.out, "\nrecords")
	for _, t := range loaded.Kafka.Records.Topics {
		if _, err := formats[t.Format].Bind(sig, loaded.DataTypes[dataType].Fields); err != nil {
			fmt.Fprintf(a.out, "  %s (%s): do not fit: %v\n", t.Topic, formats[t.Format], err)
			continue
		}
		fmt.Fprintf(a.out, "  %s (%s): have every input\n", t.Topic, formats[t.Format])
	}
	return nil
}

func (a *app) printFields(title string, fields []model.Field, note func(*model.Field, int) string) {
	fmt.Fprintf(a.out, "\n%s\n", title)
	width := 0
	for i := range fields {
		width = max(width, len(fields[i].Name))
	}
	for i := range fields {
		f := &fields[i]
		kind := f.Type.String()
		if len(f.Shape) > 0 {
			kind += fmt.Sprint(f.Shape)
		}
		var notes []string
		for _, n := range []string{note(f, i), f.Doc} {
			if n != "" {
				notes = append(notes, n)
			}
		}
		line := fmt.Sprintf("  %-*s  %-10s %s", width, f.Name, kind, strings.Join(notes, "; "))
		fmt.Fprintln(a.out, strings.TrimRight(line, " "))
	}
}

func (a *app) printOptions(t model.Type) {
	if len(t.Options) == 0 {
		return
	}
	names := make([]string, 0, len(t.Options))
	for name := range t.Options {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(a.out, "\noptions of %s (--option name=value)\n", t.Name)
	for _, name := range names {
		fmt.Fprintf(a.out, "  %-10s %s\n", name, wrap(t.Options[name], 13, 100))
	}
}

// wrap breaks a text into lines that begin after an indent and end before a
// width.
func wrap(text string, indent, width int) string {
	var b strings.Builder
	at := indent
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case at > indent && at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		case at > indent:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
