//go:build tools

// Package h2spec holds the version of h2spec, HTTP/2's conformance suite, that the tests run.
package h2spec

import _ "github.com/summerwind/h2spec/cmd/h2spec"
