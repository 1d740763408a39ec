package cli

import (
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/modelstream/modelserver/cmd/modelserver/demo"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/node/config"
)

func (a *app) demoCommand() *cobra.Command {
	o := demo.Options{}
	var logFile string
	c := &cobra.Command{
		Use:     "demo",
		GroupID: "server",
		Short:   "See models being swapped under a stream of wine records",
		Long: `Runs everything in this process: an embedded broker, the server, a publisher of
wine records, and one that publishes another model now and again: PMML forests and
networks, TensorFlow graphs where its library is there, and broken ones that the
server rejects. A table shows what happens. Nothing is left behind.

The embedded broker is kfake. It is for trials like this one and not for data.`,
		Example: `  modelserver demo
  modelserver demo --rate 5000 --every 2s
  modelserver demo --for 20s | cat                   lines instead of a table`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Rate < 1 || o.Rate > 100_000 {
				return usagef("--rate must be between 1 and 100000")
			}
			if o.Every < 100*time.Millisecond {
				return usagef("--every must be at least 100ms")
			}
			return a.demo(cmd, o, logFile)
		},
	}
	c.Flags().IntVar(&o.Rate, "rate", 1000, "records a second")
	c.Flags().DurationVar(&o.Every, "every", 5*time.Second, "time between two models")
	c.Flags().DurationVar(&o.For, "for", 0, "time after which it ends (default: until Ctrl-C)")
	c.Flags().BoolVar(&o.Once, "once", false, "end when every model was shown once")
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "address of the HTTP server")
	c.Flags().StringVar(&logFile, "log", "", "file for the server's log (default: none)")
	return c
}

func (a *app) demo(cmd *cobra.Command, o demo.Options, logFile string) (err error) {
	if o.Types, err = a.modelTypes(config.Default()); err != nil {
		return err
	}
	o.Version, o.Out, o.Log = thisVersion().Version, a.out, slog.New(slog.DiscardHandler)
	if logFile != "" {
		f, err := os.Create(logFile)
		if err != nil {
			return err
		}
		defer f.Close()
		if o.Log, err = node.NewLogger(config.Default().Log, f); err != nil {
			return err
		}
	}
	o.Terminal = a.terminal
	_, _, isTerminal := a.terminal()
	o.Coloured = isTerminal && a.variable("NO_COLOR") == "" && a.variable("TERM") != "dumb"
	return demo.Run(cmd.Context(), o)
}

// terminal returns the size of the terminal that standard output is, if any.
func (a *app) terminal() (width, height int, ok bool) {
	f, isFile := a.out.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) || a.variable("TERM") == "dumb" {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil && width > 0 && height > 0
}
