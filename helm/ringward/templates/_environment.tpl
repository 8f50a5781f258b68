{{/* What differs from pod to pod, and secrets; all else is in the configuration file. */}}
{{- define "ringward.environment" -}}
{{- if .Values.cluster.enabled -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: RINGWARD_DISTRIBUTED_ADVERTISE
  value: {{ printf "%s:%d" (include "ringward.pod-address" .) (.Values.ports.peers | int) | quote }}
{{ if eq .Values.zone.from "podLabel" -}}
- name: RINGWARD_DISTRIBUTED_ZONE
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/zone']"}}
{{ end -}}
{{- with .Values.cluster.membership -}}
{{- if .address -}}
- name: HOST_IP
  valueFrom: {fieldRef: {fieldPath: status.hostIP}}
- name: RINGWARD_DISTRIBUTED_ADDRESS
  value: {{ .address | quote }}
{{ end -}}
{{- include "ringward.secret" (list "RINGWARD_DISTRIBUTED_ADDRESS" .addressSecret) -}}
{{- end -}}
{{- include "ringward.secret" (list "RINGWARD_DISTRIBUTED_CLUSTER_KEY" .Values.cluster.keySecret) -}}
{{- end -}}
{{- include "ringward.database-environment" . -}}
{{- if eq .Values.authn.method "preshared" -}}
{{- include "ringward.secret" (list "RINGWARD_AUTHN_PRESHARED_KEYS" .Values.authn.presharedSecret) -}}
{{- end -}}
{{- include "ringward.secret" (list "RINGWARD_RATE_LIMIT_REDIS" .Values.rateLimit.redisSecret) -}}
{{- range $name, $secret := .Values.secretEnv -}}
{{- include "ringward.secret" (list $name $secret) -}}
{{- end -}}
{{- end }}

{{/* The pod's address as it stands before a port. */}}
{{- define "ringward.pod-address" -}}
{{ (eq .Values.cluster.ipFamily "IPv6") | ternary "[$(POD_IP)]" "$(POD_IP)" }}
{{- end }}

{{- define "ringward.database-environment" -}}
{{- with .Values.database -}}
{{- include "ringward.secret" (list "RINGWARD_DATABASE_URI" .uriSecret) -}}
{{- include "ringward.secret" (list "RINGWARD_DATABASE_WRITER_URI" .writer.uriSecret) -}}
{{- include "ringward.secret" (list "RINGWARD_DATABASE_READER_URI" .reader.uriSecret) -}}
{{- include "ringward.secret" (list "PGPASSWORD" .passwordSecret) -}}
{{- end -}}
{{- end }}

{{/* A variable from a Secret, if one is named. Given: its name, and {name, key}. */}}
{{- define "ringward.secret" -}}
{{- $secret := index . 1 -}}
{{- if $secret.name -}}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}
{{ end -}}
{{- end }}
