package main

import (
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

var restricted = func() policy.Evaluator {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		panic(err)
	}
	return evaluator
}()

// looseness is what a namespace that enforces the Pod Security Standard "restricted" would say to the pods of an object.
func looseness(object runtime.Object) []string {
	var about *meta.ObjectMeta
	var spec *core.PodSpec
	switch it := object.(type) {
	case *apps.Deployment:
		about, spec = &it.Spec.Template.ObjectMeta, &it.Spec.Template.Spec
	case *batch.Job:
		about, spec = &it.Spec.Template.ObjectMeta, &it.Spec.Template.Spec
	case *core.Pod:
		about, spec = &it.ObjectMeta, &it.Spec
	default:
		return nil
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	var found []string
	for _, result := range restricted.EvaluatePod(level, about, spec) {
		if !result.Allowed {
			found = append(found, "Pod Security Standard restricted: "+result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return found
}
