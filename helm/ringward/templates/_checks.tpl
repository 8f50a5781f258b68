{{/* Rules over several values, told all at once: what the schema of single values cannot say. */}}
{{- define "ringward.check" -}}
{{- $problems := list -}}
{{- $database := .Values.database -}}
{{- $isPostgres := eq $database.engine "postgres" -}}
{{- $hasOne := or $database.uri $database.uriSecret.name -}}
{{- $hasWriter := or $database.writer.uri $database.writer.uriSecret.name -}}
{{- $hasReader := or $database.reader.uri $database.reader.uriSecret.name -}}
{{- if $isPostgres -}}
  {{- if not (or $hasOne $hasWriter) -}}
    {{- $problems = append $problems "database: say where PostgreSQL is: name the Secret with its URI in database.uriSecret.name, or give database.writer, or choose database.engine sqlite with replicas 1" -}}
  {{- end -}}
  {{- if and $hasOne (or $hasWriter $hasReader) -}}
    {{- $problems = append $problems "database: give either uri (or uriSecret), or writer and reader; with both, writer and reader would be ignored" -}}
  {{- end -}}
  {{- if and $hasReader (not $hasWriter) -}}
    {{- $problems = append $problems "database.reader: a replica takes no writes; give database.writer beside it" -}}
  {{- end -}}
{{- else -}}
  {{- if or $hasOne $hasWriter $hasReader -}}
    {{- $problems = append $problems (printf "database: addresses are given, but the engine is %s, which uses none" $database.engine) -}}
  {{- end -}}
  {{- if .Values.cluster.enabled -}}
    {{- $problems = append $problems (printf "cluster.enabled: nodes of a cluster share a database, and each has %s to itself; set cluster.enabled to false, or database.engine to postgres" $database.engine) -}}
  {{- end -}}
  {{- if eq .Values.migrations.by "job" -}}
    {{- $problems = append $problems (printf "migrations.by: only postgres has tables to migrate, and the engine is %s" $database.engine) -}}
  {{- end -}}
{{- end -}}
{{- range $place, $part := dict "database" $database "database.writer" $database.writer "database.reader" $database.reader -}}
  {{- if and $part.uri $part.uriSecret.name -}}
    {{- $problems = append $problems (printf "%s: give uri or uriSecret, not both" $place) -}}
  {{- end -}}
  {{- if regexMatch "://[^/@]*:[^/@]*@|password=" $part.uri -}}
    {{- $problems = append $problems (printf "%s.uri: holds a password, which would be readable in a ConfigMap; put the whole URI into a Secret (uriSecret), or the password (database.passwordSecret)" $place) -}}
  {{- end -}}
{{- end -}}
{{- if and (not .Values.cluster.enabled) (not .Values.sidecar.enabled) (or (gt (.Values.replicas | int) 1) .Values.autoscaling.enabled) -}}
  {{- $problems = append $problems "cluster.enabled: several nodes that do not know each other cache everything each for itself; set it to true, or replicas to 1 without autoscaling" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (.Values.autoscaling.minReplicas | int) (.Values.autoscaling.maxReplicas | int)) -}}
  {{- $problems = append $problems (printf "autoscaling: minReplicas (%d) is more than maxReplicas (%d)" (.Values.autoscaling.minReplicas | int) (.Values.autoscaling.maxReplicas | int)) -}}
{{- end -}}
{{- if and .Values.spread.minZones (ne .Values.spread.zones "DoNotSchedule") -}}
  {{- $problems = append $problems "spread.minZones: has an effect only with spread.zones DoNotSchedule" -}}
{{- end -}}
{{- if and (eq .Values.zone.from "value") (not .Values.zone.value) -}}
  {{- $problems = append $problems "zone.value: must be given, since zone.from is value" -}}
{{- end -}}
{{- if and (eq .Values.cluster.scope "zone") (eq .Values.zone.from "none") -}}
  {{- $problems = append $problems "zone.from: nodes must learn their zone, since cluster.scope is zone" -}}
{{- end -}}
{{- $membership := .Values.cluster.membership -}}
{{- $isOutside := has $membership.engine (list "consul" "redis" "dns") -}}
{{- if and .Values.cluster.enabled $isOutside -}}
  {{- if not (or $membership.address $membership.addressSecret.name) -}}
    {{- $problems = append $problems (printf "cluster.membership.address: must be given (or addressSecret), since the engine is %s" $membership.engine) -}}
  {{- end -}}
  {{- if and $membership.address (not (hasPrefix $membership.engine $membership.address)) -}}
    {{- $problems = append $problems (printf "cluster.membership.address: expected %s://…, since the engine is %s" $membership.engine $membership.engine) -}}
  {{- end -}}
  {{- if regexMatch "@|[?&](token|auth|key)=" $membership.address -}}
    {{- $problems = append $problems "cluster.membership.address: holds a secret; put the whole URL into a Secret (addressSecret)" -}}
  {{- end -}}
{{- else if or $membership.address $membership.addressSecret.name -}}
  {{- $problems = append $problems (printf "cluster.membership.address: is given, but the engine is %s, whose address the chart makes" $membership.engine) -}}
{{- end -}}
{{- if and (eq .Values.authn.method "preshared") (not .Values.authn.presharedSecret.name) -}}
  {{- $problems = append $problems "authn.presharedSecret.name: must be given, since authn.method is preshared" -}}
{{- end -}}
{{- if eq .Values.authn.method "oidc" -}}
  {{- if not (and .Values.authn.oidc.issuer .Values.authn.oidc.audience) -}}
    {{- $problems = append $problems "authn.oidc: issuer and audience must be given, since authn.method is oidc" -}}
  {{- end -}}
  {{- if and .Values.cluster.enabled (not .Values.cluster.keySecret.name) (not .Values.tls.peers.enabled) -}}
    {{- $problems = append $problems "cluster.keySecret.name: must be given, or tls.peers.enabled be true, since callers must show tokens: whoever reaches the peer port could ask anything" -}}
  {{- end -}}
{{- end -}}
{{- with .Values.tls.public -}}
  {{- if and .enabled (not (or .secretName .issuer.name)) -}}
    {{- $problems = append $problems "tls.public: give secretName, or issuer.name for cert-manager, since it is enabled" -}}
  {{- end -}}
  {{- if and (not .enabled) (or .secretName .issuer.name .clientCertificates) -}}
    {{- $problems = append $problems "tls.public: is set up, but tls.public.enabled is false: nothing would be encrypted" -}}
  {{- end -}}
{{- end -}}
{{- with .Values.tls.peers -}}
  {{- if and .enabled (not (or .secretName .certManager)) -}}
    {{- $problems = append $problems "tls.peers: give secretName, or certManager true, since it is enabled" -}}
  {{- end -}}
  {{- if and (not .enabled) (or .secretName .certManager) -}}
    {{- $problems = append $problems "tls.peers: is set up, but tls.peers.enabled is false: nothing would be encrypted" -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.ingress.http.host (eq .Values.ingress.http.host .Values.ingress.grpc.host) -}}
  {{- $problems = append $problems "ingress: REST and gRPC need a host each: controllers speak one protocol to the nodes of a host" -}}
{{- end -}}
{{- range .Values.gateway.grpcHostnames -}}
  {{- if has . $.Values.gateway.httpHostnames -}}
    {{- $problems = append $problems (printf "gateway: %s is named for REST and for gRPC; the Gateway API allows a name in one kind of route only" .) -}}
  {{- end -}}
{{- end -}}
{{- if and (or .Values.gateway.httpHostnames .Values.gateway.grpcHostnames) (not .Values.gateway.parentRefs) -}}
  {{- $problems = append $problems "gateway.parentRefs: must be given, since there are hostnames" -}}
{{- end -}}
{{- if and .Values.externalSecrets.secrets (not .Values.externalSecrets.store.name) -}}
  {{- $problems = append $problems "externalSecrets.store.name: must be given, since there are secrets to fetch" -}}
{{- end -}}
{{- if and .Values.sidecar.enabled (eq .Values.zone.from "node") -}}
  {{- $problems = append $problems "zone.from: a sidecar reads no machine's label, as its application's account may not; use podLabel, value or none" -}}
{{- end -}}
{{- if and .Values.sidecar.enabled .Values.cluster.enabled (eq $membership.engine "serf") -}}
  {{- $problems = append $problems "cluster.membership.engine: beside an application use kubernetes, consul, redis or dns: a pod would hold an agent more" -}}
{{- end -}}
{{- if and .Values.sidecar.enabled (not $isPostgres) -}}
  {{- $problems = append $problems (printf "database.engine: nodes beside applications share postgres; %s would be as many databases as pods" $database.engine) -}}
{{- end -}}
{{- if and .Values.sidecar.enabled (eq .Values.migrations.by "job") -}}
  {{- $problems = append $problems "migrations.by: beside an application nodes migrate at their start; the job belongs to a release of its own" -}}
{{- end -}}
{{- with $problems -}}
{{- printf "\n\nThese values do not go together:\n  - %s\n" (join "\n  - " .) | fail -}}
{{- end -}}
{{- end }}
