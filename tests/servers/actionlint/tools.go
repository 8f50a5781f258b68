//go:build tools

// Package actionlint holds the version of actionlint, which reads workflows of GitHub, that the tests run.
package actionlint

import _ "github.com/rhysd/actionlint/cmd/actionlint"
