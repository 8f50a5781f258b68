package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsrules "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	autoscalingrules "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	batchrules "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corerules "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkingrules "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyrules "k8s.io/kubernetes/pkg/apis/policy/validation"
	"k8s.io/kubernetes/pkg/apis/rbac"
	rbacrules "k8s.io/kubernetes/pkg/apis/rbac/validation"
)

// refusals are what the API server would say to an object that is created, with the defaults it would fill in.
func refusals(object runtime.Object) ([]string, error) {
	kind := object.GetObjectKind().GroupVersionKind()
	internal := kind.GroupKind().WithVersion(runtime.APIVersionInternal)
	if !kinds.Recognizes(internal) {
		return nil, nil // an operator's: its types are all that is known of it here
	}
	kinds.Default(object)
	converted, err := kinds.ConvertToVersion(object, internal.GroupVersion())
	if err != nil {
		return nil, err
	}
	problems, err := problemsOf(converted)
	said := make([]string, 0, len(problems))
	for _, problem := range problems {
		said = append(said, problem.Error())
	}
	return said, err
}

func problemsOf(object runtime.Object) (field.ErrorList, error) {
	switch it := object.(type) {
	case *apps.Deployment:
		return appsrules.ValidateDeployment(it, pod.GetValidationOptionsFromPodTemplate(&it.Spec.Template, nil)), nil
	case *autoscaling.HorizontalPodAutoscaler:
		options := autoscalingrules.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}
		return autoscalingrules.ValidateHorizontalPodAutoscaler(it, options), nil
	case *batch.Job:
		it.Spec.Selector = &v1.LabelSelector{MatchLabels: it.Spec.Template.Labels} // as the server would choose one
		options := pod.GetValidationOptionsFromPodTemplate(&it.Spec.Template, nil)
		return batchrules.ValidateJobSpec(&it.Spec, field.NewPath("spec"), options), nil
	case *core.ConfigMap:
		return corerules.ValidateConfigMap(it), nil
	case *core.PersistentVolumeClaim:
		options := corerules.ValidationOptionsForPersistentVolumeClaimCreate()
		return corerules.ValidatePersistentVolumeClaim(it, options), nil
	case *core.Pod:
		options := pod.GetValidationOptionsFromPodSpecAndMeta(&it.Spec, nil, &it.ObjectMeta, nil)
		return corerules.ValidatePodCreate(it, options), nil
	case *core.Service:
		return servedRefusals(it), nil
	case *core.ServiceAccount:
		return corerules.ValidateServiceAccount(it), nil
	case *networking.Ingress:
		return networkingrules.ValidateIngressCreate(it), nil
	case *networking.NetworkPolicy:
		return networkingrules.ValidateNetworkPolicy(it, networkingrules.NetworkPolicyValidationOptions{}), nil
	case *policy.PodDisruptionBudget:
		return policyrules.ValidatePodDisruptionBudget(it, policyrules.PodDisruptionBudgetValidationOptions{}), nil
	case *rbac.ClusterRole:
		return rbacrules.ValidateClusterRole(it, rbacrules.ClusterRoleValidationOptions{}), nil
	case *rbac.ClusterRoleBinding:
		return rbacrules.ValidateClusterRoleBinding(it), nil
	}
	return nil, fmt.Errorf("nothing is known here of the rules for %T", object)
}

// servedRefusals fills in what the server would allocate: addresses, and their families.
func servedRefusals(service *core.Service) field.ErrorList {
	single := core.IPFamilyPolicySingleStack
	service.Spec.IPFamilies, service.Spec.IPFamilyPolicy = []core.IPFamily{core.IPv4Protocol}, &single
	if service.Spec.ClusterIP != "" {
		service.Spec.ClusterIPs = []string{service.Spec.ClusterIP}
	}
	return corerules.ValidateServiceCreate(service)
}
