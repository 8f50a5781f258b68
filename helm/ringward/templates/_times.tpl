{{/*
How a pod goes, all of it from shutdown.drainSeconds: for the first third it answers as if nothing were, while Kubernetes
takes its address from Services and DNS (preStop); then it is told, says that it is not ready, hands its keys over and
serves on for the rest (server.drain_delay). Then calls in progress get 10 s and peers 5 s, which the program has fixed,
and 10 s remain to close what is open.
*/}}
{{- define "ringward.pre-stop-seconds" -}}
{{ div .Values.shutdown.drainSeconds 3 }}
{{- end }}

{{- define "ringward.drain-delay-seconds" -}}
{{ sub .Values.shutdown.drainSeconds (include "ringward.pre-stop-seconds" . | int) }}
{{- end }}

{{- define "ringward.grace-seconds" -}}
{{ add .Values.shutdown.drainSeconds 10 5 10 }}
{{- end }}
