{{/*
A node beside an application: for the templates of a chart that depends on this one, with `.Subcharts.ringward` as the
context. README.md shows it. The container starts before the application's, which waits until the node is ready, and
stops after them.
*/}}
{{- define "ringward.sidecar.container" -}}
{{- $container := include "ringward.container" . | fromYaml -}}
{{- $ready := dict "httpGet" (dict "path" "/readyz" "port" "operations") "periodSeconds" 1 "failureThreshold" (.Values.startup.seconds | int) -}}
{{- list (mergeOverwrite (omit $container "startupProbe") (dict "restartPolicy" "Always" "startupProbe" $ready)) | toYaml -}}
{{- end }}

{{- define "ringward.sidecar.volumes" -}}
{{ include "ringward.volumes" . }}
{{- end }}

{{/* For the labels of the pod: by them nodes find each other. */}}
{{- define "ringward.sidecar.labels" -}}
{{ include "ringward.node-labels" . }}
{{- end }}

{{/* For the annotations of the pod: a changed configuration starts it anew. */}}
{{- define "ringward.sidecar.annotations" -}}
checksum/ringward: {{ include "ringward.config" . | sha256sum }}
{{- end }}

{{/* For terminationGracePeriodSeconds of the pod, added to what the application needs. */}}
{{- define "ringward.sidecar.grace-seconds" -}}
{{ include "ringward.grace-seconds" . }}
{{- end }}
