{{/* What runs in a pod before the node does: a look at the machine's zone, a wait for migrations, the serf agent. */}}
{{- define "ringward.containers-before" -}}
{{- if eq .Values.migrations.by "job" -}}
- name: migrated
  image: {{ include "ringward.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [migrate, wait, --config, /etc/ringward/database.yaml, --timeout, "{{ .Values.migrations.timeoutSeconds }}"]
  env: {{- include "ringward.database-environment" . | trim | nindent 4 }}
  {{- include "ringward.small-container" . | nindent 2 }}
  volumeMounts:
    - {name: ringward-config, mountPath: /etc/ringward, readOnly: true}
    - {name: ringward-tmp, mountPath: /tmp}
{{ end -}}
{{- if eq .Values.zone.from "node" -}}
- name: zone
  image: {{ include "ringward.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python, /given/zone.py, /given/config.yaml, /etc/ringward/config.yaml]
  env:
    - name: NODE_NAME
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  {{- include "ringward.small-container" . | nindent 2 }}
  volumeMounts:
    - {name: ringward-config, mountPath: /given, readOnly: true}
    - {name: config-with-zone, mountPath: /etc/ringward}
    - {name: ringward-tmp, mountPath: /tmp}
    - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{ end -}}
{{- if and .Values.cluster.enabled (eq .Values.cluster.membership.engine "serf") -}}
{{- include "ringward.serf" . -}}
{{- end -}}
{{- end }}

{{- define "ringward.small-container" -}}
resources:
  requests: {cpu: 50m, memory: 96Mi}
  limits: {memory: 192Mi}
securityContext: {{- include "ringward.container-security" . | nindent 2 }}
{{- end }}

{{/* The token that reads machines is in the one container that needs it, and in no other. */}}
{{- define "ringward.volumes-before" -}}
{{- if eq .Values.zone.from "node" -}}
- name: config-with-zone
  emptyDir: {sizeLimit: 1Mi}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 600}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
{{ end -}}
{{- if and .Values.cluster.enabled (eq .Values.cluster.membership.engine "serf") .Values.cluster.membership.serf.keyringSecret.name -}}
- name: keyring
  secret:
    secretName: {{ .Values.cluster.membership.serf.keyringSecret.name }}
    items: [{key: {{ .Values.cluster.membership.serf.keyringSecret.key }}, path: keyring.json}]
    defaultMode: 0440
{{ end -}}
{{- end }}

{{/*
An agent that is there before the node and until after it (restartPolicy makes it a sidecar to Kubernetes): the node
takes its tags back before the agent leaves. An agent joins once, and of pods that start at once each may have found
nobody but itself in DNS: so the probe joins again and again, which brings together what is apart.
*/}}
{{- define "ringward.serf" -}}
{{- $serf := .Values.cluster.membership.serf -}}
{{- $all := printf "%s.%s.svc:%d" (include "ringward.peers-name" .) .Release.Namespace (.Values.ports.gossip | int) -}}
- name: serf
  image: {{ $serf.image | default (include "ringward.image" .) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  command: [serf, agent]
  args:
    - -node=$(POD_NAME)
    - -bind={{ include "ringward.pod-address" . }}:{{ .Values.ports.gossip }}
    - -rpc-addr=127.0.0.1:7373
    - -profile={{ $serf.profile }}
    - -retry-join={{ $all }}
    - -retry-interval=2s
    {{- if $serf.keyringSecret.name }}
    - -keyring-file=/keyring/keyring.json
    {{- end }}
  env:
    - name: POD_IP
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
    - name: POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
  ports:
    - {name: gossip, containerPort: {{ .Values.ports.gossip }}}
    - {name: gossip-udp, containerPort: {{ .Values.ports.gossip }}, protocol: UDP}
  startupProbe:
    tcpSocket: {port: gossip}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    exec: {command: [serf, join, -rpc-addr=127.0.0.1:7373, {{ $all }}]}
    periodSeconds: 15
    timeoutSeconds: 10
    failureThreshold: 240
  resources: {{- $serf.resources | toYaml | nindent 4 }}
  securityContext: {{- include "ringward.container-security" . | nindent 4 }}
  {{- if $serf.keyringSecret.name }}
  volumeMounts:
    - {name: keyring, mountPath: /keyring, readOnly: true}
  {{- end }}
{{ end }}
