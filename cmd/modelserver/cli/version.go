package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelstream/modelserver/node/config"
)

// version is what was built; the linker sets it (-X …/cli.version=1.2.3).
var version = ""

// versionInfo says what this program is.
type versionInfo struct {
	Version    string   `json:"version"`
	Revision   string   `json:"revision,omitempty"`
	Modified   bool     `json:"modified,omitempty"` // the source had changes
	Go         string   `json:"go"`
	Platform   string   `json:"platform"`
	ModelTypes []string `json:"modelTypes"`
}

func thisVersion() versionInfo {
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Say what this program is and which model types it has",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			types, err := a.modelTypes(config.Default())
			if err != nil {
				return err
			}
			v.ModelTypes = types.Names()
			if asJSON {
				return json.NewEncoder(a.out).Encode(v)
			}
			fmt.Fprintf(a.out, "modelserver %s\n", v.Version)
			if v.Revision != "" {
				fmt.Fprintf(a.out, "revision    %s%s\n", v.Revision, map[bool]string{true: " (modified)"}[v.Modified])
			}
			fmt.Fprintf(a.out, "go          %s %s\nmodel types %s\n", v.Go, v.Platform, strings.Join(v.ModelTypes, ", "))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
