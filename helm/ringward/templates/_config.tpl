{{/* The configuration file of the nodes: what the values decide, and `config`. No secret is ever in it. */}}
{{- define "ringward.config" -}}
{{- $decided := include "ringward.decided-config" . | fromYaml -}}
{{- mergeOverwrite $decided (deepCopy .Values.config) | toYaml -}}
{{- end }}

{{/* What migrations need of it, so that they need nothing else: no zone, no keys, no certificates. */}}
{{- define "ringward.database-config" -}}
{{- dict "database" (include "ringward.config" . | fromYaml).database | toYaml -}}
{{- end }}

{{- define "ringward.decided-config" -}}
{{- $size := include "ringward.size" . | fromYaml -}}
server:
  drain_delay: {{ include "ringward.drain-delay-seconds" . }}s
  rate_limit: {{ .Values.rateLimit.perSecond | int }}
  grpc:
    port: {{ .Values.ports.grpc }}
    {{- if .Values.tls.public.enabled }}
    tls: {{- include "ringward.public-tls" . | nindent 6 }}
    {{- end }}
  http:
    port: {{ .Values.ports.http }}
    {{- if .Values.tls.public.enabled }}
    tls: {{- include "ringward.public-tls" . | nindent 6 }}
    {{- end }}
  {{- if .Values.tls.peers.enabled }}
  name_override: {{ include "ringward.peers-tls-name" . }}
  {{- end }}
metrics:
  enabled: true
  port: {{ .Values.ports.operations }}
logger:
  level: {{ .Values.log.level }}
  output: {{ .Values.log.output }}
{{- if ne .Values.authn.method "none" }}
authn:
  enabled: true
  method: {{ .Values.authn.method }}
  {{- if eq .Values.authn.method "oidc" }}
  oidc:
    issuer: {{ .Values.authn.oidc.issuer | quote }}
    audience: {{ .Values.authn.oidc.audience | quote }}
  {{- end }}
{{- end }}
service:
  permission:
    cache: {{- $size.cache | toYaml | nindent 6 }}
database:
  engine: {{ .Values.database.engine }}
  {{- if eq .Values.database.engine "sqlite" }}
  uri: /data/ringward.db
  {{- end }}
  {{- if eq .Values.database.engine "postgres" }}
  auto_migrate: {{ eq .Values.migrations.by "node" }}
  max_connections: {{ $size.connections }}
  {{- with .Values.database }}
  {{- if .uri }}
  uri: {{ .uri | quote }}
  {{- end }}
  {{- if .writer.uri }}
  writer:
    uri: {{ .writer.uri | quote }}
  {{- end }}
  {{- if .reader.uri }}
  reader:
    uri: {{ .reader.uri | quote }}
  {{- end }}
  {{- end }}
  {{- end }}
{{- if .Values.cluster.enabled }}
distributed:
  enabled: true
  {{- with include "ringward.membership-address" . }}
  address: {{ . }}
  {{- end }}
  port: {{ .Values.ports.peers }}
  scope: {{ .Values.cluster.scope }}
  {{- if eq .Values.zone.from "value" }}
  zone: {{ .Values.zone.value | quote }}
  {{- else if eq .Values.zone.from "node" }}
  zone: ZONE_OF_THE_MACHINE # which files/zone.py replaces
  {{- end }}
  {{- if .Values.tls.peers.enabled }}
  tls:
    enabled: true
    cert: /tls/peers/tls.crt
    key: /tls/peers/tls.key
    client_ca: /tls/peers/ca.crt
  {{- end }}
{{- end }}
{{- end }}

{{- define "ringward.public-tls" -}}
enabled: true
cert: /tls/public/tls.crt
key: /tls/public/tls.key
{{- if .Values.tls.public.clientCertificates }}
client_ca: /tls/public/ca.crt
{{- end }}
{{- end }}

{{/* Where the engine is asked, if that is the same for all nodes and no secret; else a variable tells it. */}}
{{- define "ringward.membership-address" -}}
{{- if eq .Values.cluster.membership.engine "kubernetes" -}}
kubernetes:///{{ include "ringward.peers-name" . }}.{{ .Release.Namespace }}:{{ .Values.ports.peers }}
{{- else if eq .Values.cluster.membership.engine "serf" -}}
serf://127.0.0.1:7373?cluster={{ include "ringward.name" . }}
{{- end -}}
{{- end }}
