package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/node"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		GroupID: "server",
		Short:   "Print or check the configuration",
		Long: `The configuration is made of the defaults, a YAML file (--config), environment
variables (kafka.brokers is MODELSERVER_KAFKA_BROKERS) and --set, the later ones
winning.`,
		Example: `  modelserver config print > modelserver.yaml        every setting, its default and what it does
  modelserver config validate -c modelserver.yaml`,
	}
	show := &cobra.Command{
		Use:   "print",
		Short: "Print the whole configuration as YAML, with comments",
		Long: `Prints every setting as it would hold for "modelserver serve" with the same flags
and environment, with a comment on what it does. The output is a configuration
file. Secrets are not shown.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			loaded, err := a.load()
			if err != nil {
				return err
			}
			return loaded.Print(a.out)
		},
	}
	validate := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration and the files that it names",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.validate() },
	}
	for _, sub := range []*cobra.Command{show, validate} {
		a.configFlags(sub.Flags())
	}
	return group(c, show, validate)
}

func (a *app) validate() error {
	loaded, err := a.load()
	if err != nil {
		return err
	}
	if err := node.Check(loaded.Config); err != nil {
		return configError{err}
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintln(a.errOut, "warning: "+w)
	}
	fmt.Fprintln(a.out, "the configuration is valid")
	return nil
}
