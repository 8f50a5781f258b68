package main

import (
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// externalSecret is what a chart may say of one: the operator's own type takes two hundred packages to build, of which
// none is needed to read it. Source: external-secrets.io/v1, as of v0.19.2.
type externalSecret struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata,omitempty"`
	Spec            externalSecretSpec `json:"spec"`
}

type externalSecretSpec struct {
	RefreshInterval meta.Duration `json:"refreshInterval"`
	SecretStoreRef  struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	} `json:"secretStoreRef"`
	Target struct {
		Name           string `json:"name"`
		CreationPolicy string `json:"creationPolicy"`
	} `json:"target"`
	Data []struct {
		SecretKey string `json:"secretKey"`
		RemoteRef struct {
			Key      string `json:"key"`
			Property string `json:"property"`
			Version  string `json:"version"`
		} `json:"remoteRef"`
	} `json:"data"`
}

// DeepCopyObject is what a scheme wants of its types; nothing here copies.
func (it *externalSecret) DeepCopyObject() runtime.Object {
	same := *it
	return &same
}

func addExternalSecrets(known *runtime.Scheme) error {
	version := schema.GroupVersion{Group: "external-secrets.io", Version: "v1"}
	known.AddKnownTypeWithName(version.WithKind("ExternalSecret"), &externalSecret{})
	return nil
}
