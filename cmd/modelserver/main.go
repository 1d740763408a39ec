// Command modelserver serves models over Kafka: records come in, results go out,
// and models are swapped while that goes on. `modelserver --help` tells the rest.
package main

import (
	"os"

	"github.com/modelstream/modelserver/cmd/modelserver/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
