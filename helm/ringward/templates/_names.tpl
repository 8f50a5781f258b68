{{/* What things are called. */}}

{{- define "ringward.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "ringward.namespaced" -}}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "ringward.labels" . | nindent 2 }}
{{- end }}

{{- define "ringward.labels" -}}
{{ include "ringward.release-labels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ringward.release-labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/name: {{ .Chart.Name }}
{{- end }}

{{/* Which pods are nodes. As sidecars they carry the application's labels, and one of ours. */}}
{{- define "ringward.node-labels" -}}
{{- if .Values.sidecar.enabled -}}
ringward/nodes-of: {{ include "ringward.name" . }}
{{- else -}}
app.kubernetes.io/component: node
{{ include "ringward.release-labels" . }}
{{- end }}
{{- end }}

{{- define "ringward.peers-name" -}}
{{ include "ringward.name" . }}-peers
{{- end }}

{{- define "ringward.account-name" -}}
{{- if .Values.serviceAccount.name -}}
{{ .Values.serviceAccount.name }}
{{- else -}}
{{ .Values.serviceAccount.create | ternary (include "ringward.name" .) "default" }}
{{- end -}}
{{- end }}

{{- define "ringward.zone-reader-name" -}}
{{ .Release.Namespace }}-{{ include "ringward.name" . }}-zone
{{- end }}

{{- define "ringward.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "ringward.public-tls-secret" -}}
{{ .Values.tls.public.secretName | default (printf "%s-public-tls" (include "ringward.name" .)) }}
{{- end }}

{{- define "ringward.peers-tls-secret" -}}
{{ .Values.tls.peers.secretName | default (printf "%s-peers-tls" (include "ringward.name" .)) }}
{{- end }}

{{/* The name in the certificate that all nodes show each other. */}}
{{- define "ringward.peers-tls-name" -}}
{{ include "ringward.peers-name" . }}.{{ .Release.Namespace }}.svc
{{- end }}
