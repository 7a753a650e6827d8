{{/* The name of all objects: that of the release, unless it is given. */}}
{{- define "pullscope.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "pullscope.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pullscope.labels" -}}
{{ include "pullscope.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "pullscope.serviceAccountName" -}}
{{- $own := ternary (include "pullscope.name" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- define "pullscope.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The config file. JSON's strings are TOML's: each escape of the one is one of the other (the schema lets no DEL through, which
TOML wants escaped and JSON does not). Numbers go through int64, since YAML's may come as floats.
*/}}
{{- define "pullscope.config" -}}
{{- with .Values.config -}}
bpf_stats = {{ .bpf_stats }}
max_registries = {{ int64 .max_registries }}
default_targets = {{ .default_targets }}
use_recipes = {{ toJson .use_recipes }}

[kernel]
strategy = {{ toJson .kernel.strategy }}
ring_buffer_bytes = {{ int64 .kernel.ring_buffer_bytes }}
max_connections = {{ int64 .kernel.max_connections }}

[tls]
go = {{ toJson .tls.go }}
openssl = {{ toJson .tls.openssl }}

[pulls]
remember = {{ int64 .pulls.remember }}

[log]
level = {{ toJson .log.level }}
format = {{ toJson .log.format }}
{{- range .targets }}

[[targets]]
{{- range $key, $value := . }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{- end }}
{{- with .recipes }}

{{ . | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the schema cannot say: values that exclude each other. */}}
{{- define "pullscope.refuse" -}}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled -}}
{{- fail "podMonitor.enabled and serviceMonitor.enabled: only one of them, or every pod is scraped twice" -}}
{{- end -}}
{{- if and .Values.config.bpf_stats (not .Values.privileged) (not (has "SYS_ADMIN" .Values.capabilities)) -}}
{{- fail "config.bpf_stats: needs privileged, or SYS_ADMIN in capabilities" -}}
{{- end -}}
{{- end -}}
