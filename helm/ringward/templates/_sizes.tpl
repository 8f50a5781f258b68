{{/* What a size sets. Memory is requested in full; caches take less than half of it. */}}
{{- define "ringward.sizes" -}}
small:
  resources:
    requests: {cpu: 250m, memory: 256Mi}
    limits: {memory: 256Mi}
  cache: {max_cost: 32MiB, number_of_counters: 25000}
  connections: 10
medium:
  resources:
    requests: {cpu: "1", memory: 1Gi}
    limits: {memory: 1Gi}
  cache: {max_cost: 256MiB, number_of_counters: 200000}
  connections: 20
large:
  resources:
    requests: {cpu: "2", memory: 4Gi}
    limits: {memory: 4Gi}
  cache: {max_cost: 1536MiB, number_of_counters: 1200000}
  connections: 40
{{- end }}

{{- define "ringward.size" -}}
{{ index (include "ringward.sizes" . | fromYaml) .Values.size | toYaml }}
{{- end }}
