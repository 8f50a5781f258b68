package main

import (
	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	apps "k8s.io/kubernetes/pkg/apis/apps/install"
	autoscaling "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	batch "k8s.io/kubernetes/pkg/apis/batch/install"
	core "k8s.io/kubernetes/pkg/apis/core/install"
	networking "k8s.io/kubernetes/pkg/apis/networking/install"
	policy "k8s.io/kubernetes/pkg/apis/policy/install"
	rbac "k8s.io/kubernetes/pkg/apis/rbac/install"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
)

// kinds are those of Kubernetes a chart may have, as the API server knows them, and those of the operators it speaks to.
var kinds = func() *runtime.Scheme {
	known := runtime.NewScheme()
	for _, install := range []func(*runtime.Scheme){
		apps.Install, autoscaling.Install, batch.Install, core.Install, networking.Install, policy.Install, rbac.Install,
	} {
		install(known)
	}
	for _, add := range []func(*runtime.Scheme) error{
		certmanager.AddToScheme, addExternalSecrets, gateway.Install, monitoring.AddToScheme,
	} {
		utilruntime.Must(add(known))
	}
	return known
}()

// strictDecoder knows these kinds, and no key beside theirs.
var strictDecoder = serializer.NewCodecFactory(kinds, serializer.EnableStrict).UniversalDeserializer()
