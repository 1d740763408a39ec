package cli

import (
	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/node"
)

func (a *app) serveCommand() *cobra.Command {
	var listen, dataDir, name string
	var createTopics bool
	c := &cobra.Command{
		Use:     "serve",
		GroupID: "server",
		Short:   "Run the server",
		Long: `Runs the server until SIGTERM or Ctrl-C: then it drains (takes no more records,
finishes those that it has, commits, writes snapshots) and ends. A second signal
ends it at once; nothing is lost by that either, but some records are scored
again after the next start.`,
		Example: `  modelserver serve                                  defaults: a broker on 127.0.0.1:9092
  modelserver serve -c modelserver.yaml
  modelserver serve --brokers kafka:9092 --set kafka.results.format=json
  MODELSERVER_KAFKA_BROKERS=kafka:9092 modelserver serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var set []string
			for key, value := range map[string]string{"http.listen": listen, "store.dir": dataDir, "node.name": name} {
				if value != "" {
					set = append(set, key+"="+value)
				}
			}
			if createTopics {
				set = append(set, "kafka.create_topics.enabled=true")
			}
			return a.serve(cmd, set)
		},
	}
	a.configFlags(c.Flags())
	c.Flags().StringVar(&listen, "listen", "", "address of the HTTP server (http.listen)")
	c.Flags().StringVar(&dataDir, "data-dir", "", "directory of what survives a restart (store.dir)")
	c.Flags().StringVar(&name, "name", "", "the node's name (node.name)")
	c.Flags().BoolVar(&createTopics, "create-topics", false, "make missing topics (kafka.create_topics.enabled)")
	return c
}

func (a *app) serve(cmd *cobra.Command, set []string) error {
	loaded, err := a.load(set...)
	if err != nil {
		return err
	}
	log, err := node.NewLogger(loaded.Log, a.errOut)
	if err != nil {
		return configError{err}
	}
	for _, w := range loaded.Warnings {
		log.Warn(w)
	}
	types, err := a.modelTypes(loaded.Config)
	if err != nil {
		return err
	}
	v := thisVersion()
	n, err := node.New(loaded.Config, node.Options{
		Types: types, Log: log, Version: v.Version, Revision: v.Revision,
	})
	if err != nil {
		return err
	}
	log.Info("modelserver starts", "version", v.Version, "node", n.Name(), "brokers", loaded.Kafka.Brokers, "model_types", types.Names())
	return n.Run(cmd.Context())
}
