{{/* The container of a node: in the pods of the Deployment, and beside an application. */}}
{{- define "ringward.container" -}}
name: ringward
image: {{ include "ringward.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/ringward/config.yaml]
{{- with include "ringward.environment" . }}
env: {{- . | trim | nindent 2 }}
{{- end }}
ports:
  - {name: grpc, containerPort: {{ .Values.ports.grpc }}}
  - {name: http, containerPort: {{ .Values.ports.http }}}
  {{- if .Values.cluster.enabled }}
  - {name: peers, containerPort: {{ .Values.ports.peers }}}
  {{- end }}
  - {name: operations, containerPort: {{ .Values.ports.operations }}}
startupProbe:
  httpGet: {path: /livez, port: operations}
  periodSeconds: 2
  failureThreshold: {{ div (add .Values.startup.seconds 1) 2 }}
livenessProbe:
  httpGet: {path: /livez, port: operations}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: operations}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
lifecycle:
  preStop:
    sleep: {seconds: {{ include "ringward.pre-stop-seconds" . }}}
resources: {{- .Values.resources | default (include "ringward.size" . | fromYaml).resources | toYaml | nindent 2 }}
securityContext: {{- include "ringward.container-security" . | nindent 2 }}
volumeMounts:
  - {name: {{ (eq .Values.zone.from "node") | ternary "config-with-zone" "ringward-config" }}, mountPath: /etc/ringward, readOnly: true}
  - {name: ringward-tmp, mountPath: /tmp}
  {{- if eq .Values.database.engine "sqlite" }}
  - {name: data, mountPath: /data}
  {{- end }}
  {{- if .Values.tls.public.enabled }}
  - {name: ringward-public-tls, mountPath: /tls/public, readOnly: true}
  {{- end }}
  {{- if and .Values.cluster.enabled .Values.tls.peers.enabled }}
  - {name: ringward-peers-tls, mountPath: /tls/peers, readOnly: true}
  {{- end }}
{{- end }}

{{/* Volumes the container mounts, wherever it is. */}}
{{- define "ringward.volumes" -}}
- name: ringward-config
  configMap: {name: {{ include "ringward.name" . }}}
- name: ringward-tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if .Values.tls.public.enabled }}
- name: ringward-public-tls
  secret: {secretName: {{ include "ringward.public-tls-secret" . }}, defaultMode: 0440}
{{- end }}
{{- if and .Values.cluster.enabled .Values.tls.peers.enabled }}
- name: ringward-peers-tls
  secret: {secretName: {{ include "ringward.peers-tls-secret" . }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "ringward.pod-security" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ . | int }}
runAsGroup: {{ . | int }}
fsGroup: {{ . | int }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "ringward.container-security" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end }}

{{/* What pods of ours have in common, whatever they do. */}}
{{- define "ringward.pod-basics" -}}
serviceAccountName: {{ include "ringward.account-name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- include "ringward.pod-security" . | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
