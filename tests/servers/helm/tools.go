//go:build tools

// Package helm holds the version of Helm that the tests render the chart with.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
