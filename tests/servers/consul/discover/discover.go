// Package discover stands in for the library that finds servers by asking a dozen clouds. Here it finds none: the agents
// of tests join nobody, and building what speaks to the clouds takes a third of the whole time.
package discover

import (
	"errors"
	"log"
)

type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

var Providers = map[string]Provider{}

type Option func(*Discover) error

type Discover struct{}

func New(...Option) (*Discover, error) { return &Discover{}, nil }

func WithUserAgent(string) Option { return nil }

func WithProviders(map[string]Provider) Option { return nil }

func (*Discover) Addrs(string, *log.Logger) ([]string, error) {
	return nil, errors.New("this agent can ask no cloud")
}

func (*Discover) Help() string { return "" }

func (*Discover) Names() []string { return nil }
