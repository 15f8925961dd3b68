{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Every right of the operator, and why. rbac.yaml only says where each holds. */}}

{{/* In every namespace that is watched. */}}
{{- define "grapnel.rules.watched" -}}
# patch: the finalizer, the annotation with converted copies, and the rewrite of a spec.
- apiGroups: [tyk.tyk.io]
  resources: [apidefinitions]
  verbs: [list, watch, patch]
- apiGroups: [tyk.tyk.io]
  resources: [webhooks, operatorcontexts]
  verbs: [list, watch]
- apiGroups: [tyk.tyk.io]
  resources: [apidefinitions/status, webhooks/status, operatorcontexts/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{ include "grapnel.rules.gateways" . }}
{{- end }}

{{/* Where Services of gateways are. */}}
{{- define "grapnel.rules.gateways" -}}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- end }}

{{/* Cluster-wide: labels for allowedNamespaces, and the uid of kube-system, which tells clusters apart on shared gateways. */}}
{{- define "grapnel.rules.namespaces" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
# The objects of a CRD go one by one when it is deleted: that must not be taken for deletions.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [webhooks.tyk.tyk.io]
  verbs: [list, watch]
{{- end }}

{{/* In the operator's own namespace. A create cannot be bound to a name. */}}
{{- define "grapnel.rules.own" -}}
{{- if .Values.leaderElection.enabled }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "grapnel.leaseName" . }}]
  verbs: [get, update]
# Who leads is told on the Lease, by a new Event each time.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
{{- if .Values.rbac.scoped }}
# A Role grants just the namespace it is in: its uid tells clusters apart where that of kube-system may not be read.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}
# The key that seals Secret values in copies.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [grapnel-seal]
  verbs: [get]
{{- end }}

{{/* One entry of rbac.secretAccess. */}}
{{- define "grapnel.rules.secretAccess" -}}
{{- range $resource, $names := dict "secrets" .secrets "configmaps" .configMaps }}
{{- if $names }}
- apiGroups: [""]
  resources: [{{ $resource }}]
  {{- if not (has "*" $names) }}
  resourceNames: {{ toJson $names }}
  {{- end }}
  verbs: [get]
{{- end }}
{{- end }}
{{- end }}

{{/* For people: the roles view, edit and admin. Never a status: it holds the read-only copies. */}}
{{- define "grapnel.rules.view" -}}
- apiGroups: [tyk.tyk.io]
  resources: [apidefinitions, webhooks, operatorcontexts]
  verbs: [get, list, watch]
{{- end }}

{{- define "grapnel.rules.edit" -}}
- apiGroups: [tyk.tyk.io]
  resources: [apidefinitions, webhooks, operatorcontexts]
  verbs: [create, update, patch, delete, deletecollection]
{{- end }}

{{/* Two releases of one name, in two namespaces, may each have a role in a third. */}}
{{- define "grapnel.roleName" -}}
{{- if eq .role.namespace (include "grapnel.namespace" .root) }}
{{- printf "%s%s" (include "grapnel.fullname" .root) .role.suffix }}
{{- else }}
{{- printf "%s%s" (include "grapnel.clusterName" .root) .role.suffix }}
{{- end }}
{{- end }}
