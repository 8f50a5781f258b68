{{/*
Pods of one revision are spread by themselves: while one replaces another, counting both would crowd the new ones where
the old ones are not.
*/}}
{{- define "ringward.spread" -}}
topologySpreadConstraints:
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    whenUnsatisfiable: {{ .Values.spread.zones }}
    {{- with .Values.spread.minZones }}
    minDomains: {{ . }}
    {{- end }}
    nodeTaintsPolicy: Honor
    labelSelector:
      matchLabels: {{- include "ringward.node-labels" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- if ne .Values.spread.hosts "ignored" }}
affinity:
  podAntiAffinity:
    {{- if eq .Values.spread.hosts "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - {{ include "ringward.same-host" . | nindent 8 | trim }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm: {{- include "ringward.same-host" . | nindent 10 }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "ringward.same-host" -}}
topologyKey: kubernetes.io/hostname
labelSelector:
  matchLabels: {{- include "ringward.node-labels" . | nindent 4 }}
matchLabelKeys: [pod-template-hash]
{{- end }}
