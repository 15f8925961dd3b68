{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "grapnel.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "grapnel.fullname" -}}
{{- $name := include "grapnel.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "grapnel.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* Names of what is cluster-wide: two releases of one name in two namespaces must not collide. */}}
{{- define "grapnel.clusterName" -}}
{{- printf "%s-%s" (include "grapnel.fullname" .) (include "grapnel.namespace" .) }}
{{- end }}

{{- define "grapnel.selectorLabels" -}}
app.kubernetes.io/name: {{ include "grapnel.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "grapnel.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "grapnel.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: grapnel
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "grapnel.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "grapnel.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "grapnel.leaseName" -}}
{{- default (include "grapnel.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{- define "grapnel.gatewayNamespace" -}}
{{- default (include "grapnel.namespace" .) .Values.gateway.service.namespace }}
{{- end }}

{{- define "grapnel.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry }}
{{- $name := .Values.image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" $registry $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* A namespace as the operator's argument. The release's own is named by the pod, so that kustomize may move it. */}}
{{- define "grapnel.namespaceArgument" -}}
{{- if eq .name (include "grapnel.namespace" .root) }}$(POD_NAMESPACE){{ else }}{{ .name }}{{ end }}
{{- end }}

{{/* The command line. */}}
{{- define "grapnel.args" -}}
{{- $root := . }}
{{- with .Values.gateway }}
{{- if .service.name }}
- --gateway-service={{ include "grapnel.gatewayNamespace" $root }}/{{ .service.name }}:{{ .service.port }}
{{- end }}
{{- range .urls }}
- --gateway-url={{ . }}
{{- end }}
{{- if .existingSecret }}
- --gateway-secret-file=/etc/grapnel/gateway/secret
{{- end }}
{{- if .caSecret }}
- --gateway-ca-file=/etc/grapnel/ca/ca.crt
{{- end }}
{{- if .insecureSkipVerify }}
- --gateway-insecure
{{- end }}
{{- if .jsvm }}
- --gateway-jsvm
{{- end }}
{{- if .kvReferences }}
- --gateway-kv-references
{{- end }}
{{- with .version }}
- --gateway-version={{ . }}
{{- end }}
{{- if .allowAdoption }}
- --gateway-allow-adoption
{{- end }}
{{- end }}
{{- range .Values.watchNamespaces }}
- --namespace={{ include "grapnel.namespaceArgument" (dict "name" . "root" $root) }}
{{- end }}
{{- range .Values.idNamespaces }}
- --id-namespaces={{ include "grapnel.namespaceArgument" (dict "name" . "root" $root) }}
{{- end }}
- --owner={{ .Values.owner }}
- --default-cooldown={{ .Values.defaultCooldown }}
- --conversion-grace={{ .Values.conversionGrace }}
- --reference-grace={{ .Values.referenceGrace }}
- --rewrite-delay={{ .Values.rewriteDelay }}
- --finalizer-timeout={{ .Values.finalizerTimeout }}
- --drift-interval={{ .Values.driftInterval }}
- --secret-poll={{ .Values.secretPoll }}
{{- if .Values.confirmPrune }}
- --confirm-prune
{{- end }}
- --leader-elect={{ .Values.leaderElection.enabled }}
{{- if .Values.leaderElection.enabled }}
- --lease-name={{ include "grapnel.leaseName" . }}
{{- end }}
- --listen=:{{ .Values.metrics.containerPort }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- if kindIs "map" .Values.extraArgs }}
{{- range $flag, $value := .Values.extraArgs }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- else }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a Secret made for Tyk Operator may say beside the gateways' secret, and no value here does. */}}
{{- define "grapnel.fromSecret" -}}
{{- with .Values.gateway }}
{{- if .existingSecret }}
- TYK_ORG
{{- if not (or .service.name .urls) }}
- TYK_URL
{{- end }}
{{- if not .caSecret }}
- TYK_TLS_INSECURE_SKIP_VERIFY
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the namespace of the pods is an argument. */}}
{{- define "grapnel.needsPodNamespace" -}}
{{- if or (has (include "grapnel.namespace" .) .Values.watchNamespaces) (has (include "grapnel.namespace" .) .Values.idNamespaces) }}true{{ end }}
{{- end }}

{{- define "grapnel.secretAccessCounts" -}}
{{- $counts := dict }}
{{- range .Values.rbac.secretAccess }}
{{- $_ := set $counts .namespace (add1 (default 0 (get $counts .namespace))) }}
{{- end }}
{{- toYaml $counts }}
{{- end }}

{{/* What the values say that cannot be; the schema has said what is wrong with each alone. */}}
{{- define "grapnel.problems" -}}
{{- with .Values.gateway }}
{{- if and .service.name .urls }}
gateway: give service or urls, not both
{{- end }}
{{- if and .service.name (not (toString .service.port)) }}
gateway.service.port: which port of the Service serves the control API?
{{- end }}
{{- if and .insecureSkipVerify .caSecret }}
gateway: caSecret has no effect beside insecureSkipVerify
{{- end }}
{{- end }}
{{- if .Values.watchNamespaces }}
{{- range .Values.idNamespaces }}
{{- if not (has . $.Values.watchNamespaces) }}
idNamespaces: {{ . }} is not among watchNamespaces
{{- end }}
{{- end }}
{{- else if .Values.rbac.scoped }}
rbac.scoped: needs watchNamespaces
{{- end }}
{{- if .Values.rbac.scoped }}
{{- range .Values.rbac.secretAccess }}
{{- if eq .namespace "*" }}
rbac.secretAccess: every namespace ("*") cannot be granted when rbac.scoped is set
{{- end }}
{{- end }}
{{- end }}
{{- range $namespace, $count := include "grapnel.secretAccessCounts" . | fromYaml }}
{{- if gt (int $count) 1 }}
rbac.secretAccess: {{ $namespace }} has {{ $count }} entries, make it one
{{- end }}
{{- end }}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicaCount) 1) }}
replicaCount: more than one needs leaderElection.enabled
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (ne (toString .Values.podDisruptionBudget.minAvailable) "") (ne (toString .Values.podDisruptionBudget.maxUnavailable) "") }}
podDisruptionBudget: give minAvailable or maxUnavailable, not both
{{- end }}
{{- end }}

{{/* Whether a kind of Prometheus Operator is rendered: arguments root, kind, mode. */}}
{{- define "grapnel.renders" -}}
{{- $known := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if or $known (eq .mode "alwaysRender") }}true
{{- else if eq .mode "failIfMissing" }}
{{- fail (printf "the cluster has no monitoring.coreos.com/v1 %s: install Prometheus Operator, or choose another renderMode" .kind) }}
{{- end }}
{{- end }}

{{/* What ServiceMonitor and PodMonitor have in common: the endpoint. */}}
{{- define "grapnel.scrape" -}}
port: http
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- if .honorLabels }}
honorLabels: true
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
