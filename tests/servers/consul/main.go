// Consul's agent alone, for the tests: none of its other commands, and no joining by the interfaces of clouds.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/consul/command/agent"
	"github.com/hashicorp/consul/command/cli"
	mcli "github.com/mitchellh/cli"
)

func main() {
	ui := &cli.BasicUI{BasicUi: mcli.BasicUi{Writer: os.Stdout, ErrorWriter: os.Stderr}}
	consul := mcli.CLI{
		Name:     "consul",
		Args:     os.Args[1:],
		Commands: map[string]mcli.CommandFactory{"agent": func() (mcli.Command, error) { return agent.New(ui), nil }},
	}
	code, err := consul.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
