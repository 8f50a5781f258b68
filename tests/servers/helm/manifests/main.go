// Command manifests reads manifests from its input, documents of YAML, and says what is wrong with them, one line each:
// keys that no type has, what the API server of Kubernetes would refuse, by its own code, and pods that do not keep the
// Pod Security Standard "restricted". It exits with 1 if something is wrong.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	complaints, err := complaintsAbout(os.Stdin)
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	for _, complaint := range complaints {
		fmt.Println(complaint)
	}
	if len(complaints) > 0 {
		os.Exit(1)
	}
}

// complaintsAbout reads all documents; it ends early only where the input is no YAML.
func complaintsAbout(input io.Reader) ([]string, error) {
	documents := yaml.NewYAMLReader(bufio.NewReader(input))
	var complaints []string
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return complaints, nil
		}
		if err != nil {
			return complaints, err
		}
		if len(bytes.TrimSpace(document)) > 0 {
			complaints = append(complaints, complaintsOf(document)...)
		}
	}
}

func complaintsOf(document []byte) []string {
	object, kind, err := strictDecoder.Decode(document, nil, nil)
	if err != nil && kind == nil {
		return []string{err.Error()}
	}
	name := kind.Kind
	if about, err := meta.Accessor(object); err == nil {
		name += " " + about.GetName()
	}
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", name, err)}
	}
	found := looseness(object)
	refused, err := refusals(object)
	if err != nil {
		refused = append(refused, err.Error())
	}
	var complaints []string
	for _, problem := range append(found, refused...) {
		complaints = append(complaints, name+": "+problem)
	}
	return complaints
}
