package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/node/config"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitAborted = 130
)

// usageError is a mistake on the command line, configError one in the
// configuration.
type (
	usageError  struct{ error }
	configError struct{ error }
)

func (e usageError) Unwrap() error  { return e.error }
func (e configError) Unwrap() error { return e.error }

// usagef makes a usage error.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// app is what all commands have in common.
type app struct {
	environ []string
	out     io.Writer
	errOut  io.Writer
	more    []model.Type // besides those of package model/all

	file     string   // --config
	set      []string // --set
	brokers  string
	logLevel string
	logForm  string
}

// Main runs a command line and returns the exit code. The first signal ends the
// command's context, the second one ends it at once. A program with model types
// of its own gives them as more.
func Main(args, environ []string, stdout, stderr io.Writer, more ...model.Type) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	done := make(chan int, 1)
	a := &app{environ: environ, out: stdout, errOut: stderr, more: more}
	go func() { done <- a.run(ctx, args) }()
	for {
		select {
		case code := <-done:
			return code
		case <-signals:
			if ctx.Err() != nil {
				fmt.Fprintln(stderr, "modelserver: broken off by a second signal")
				return exitAborted
			}
			cancel()
		}
	}
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(a.errOut, "modelserver: "+strings.TrimRight(err.Error(), "\n"))
	switch {
	case errors.As(err, new(configError)):
		return exitUsage
	case errors.As(err, new(usageError)), isCobraUsage(err):
		fmt.Fprintf(a.errOut, "Try '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// isCobraUsage recognizes cobra's own complaints about the command line, which
// have no type.
func isCobraUsage(err error) bool {
	for _, start := range []string{"unknown command", "accepts ", "requires at least", "required flag"} {
		if strings.HasPrefix(err.Error(), start) {
			return true
		}
	}
	return false
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "modelserver",
		Short: "Serve models over Kafka, and swap them while they serve",
		Long: `A streaming model server.

Records come from Kafka topics and are scored by the current model of their data
type; the results go to another topic. Models come from a topic, too: they are
loaded, verified and warmed beside the one that serves, and take over between two
batches. Nothing is restarted to change a model.`,
		Example: `  modelserver demo                                   everything in one process, no broker needed
  modelserver serve --brokers kafka:9092             the server
  modelserver publish model forest.pmml --data-type wine
  modelserver publish data wine.csv --rate 100       records for it to score
  modelserver results                                what comes out`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{suggestFlag(cmd, err)} })
	root.AddGroup(
		&cobra.Group{ID: "server", Title: "The server:"},
		&cobra.Group{ID: "client", Title: "Around it:"},
		&cobra.Group{ID: "offline", Title: "Without Kafka:"},
	)
	for _, c := range a.commands() {
		root.AddCommand(c)
	}
	return root
}

func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(), a.serveCommand(), a.configCommand(), a.publishCommand(), a.resultsCommand(), a.replayCommand(), a.inspectCommand(), a.scoreCommand(), a.versionCommand(),
	}
}

// group makes a command of commands: by itself it only helps.
func group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.AddCommand(subs...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, s := range subs {
			names = append(names, s.Name())
		}
		if near := config.Closest(args[0], names); near != "" {
			return usagef("unknown command %q for %q; did you mean %s?", args[0], cmd.CommandPath(), near)
		}
		return usagef("unknown command %q for %q; there are %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
	return c
}

// configFlags adds the flags that change the configuration.
func (a *app) configFlags(f *pflag.FlagSet) {
	f.StringVarP(&a.file, "config", "c", "", "configuration file, YAML (default $"+config.FileVariable+")")
	f.StringArrayVar(&a.set, "set", nil, "override of a setting, such as http.listen=:9000; may be repeated")
	f.StringVar(&a.brokers, "brokers", "", "addresses to find Kafka by, host:port,… (kafka.brokers)")
	f.StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error (log.level)")
	f.StringVar(&a.logForm, "log-format", "", "text or json (log.format)")
}

// load reads the configuration; overrides come after those of the flags.
func (a *app) load(overrides ...string) (*config.Loaded, error) {
	set := append([]string{}, a.set...)
	for _, o := range []struct{ key, value string }{
		{"kafka.brokers", a.brokers}, {"log.level", a.logLevel}, {"log.format", a.logForm},
	} {
		if o.value != "" {
			set = append(set, o.key+"="+o.value)
		}
	}
	loaded, err := config.Load(config.Sources{
		File:    cmp.Or(a.file, a.variable(config.FileVariable)),
		Environ: a.environ,
		Set:     append(set, overrides...),
	})
	if err != nil {
		return nil, configError{err}
	}
	return loaded, nil
}

func (a *app) variable(name string) string {
	for _, v := range a.environ {
		if value, found := strings.CutPrefix(v, name+"="); found {
			return value
		}
	}
	return ""
}

// suggestFlag adds to the complaint about an unknown flag the one that was
// probably meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	name, found := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !found {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Closest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}
