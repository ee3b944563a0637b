{{/* Registries whose images tenants may run, as JSON: those that are named, else where the runner's image is from. */}}
{{- define "tradeplane.registries" -}}
{{- if $.Values.registries }}{{ toJson $.Values.registries }}{{ else -}}
{{ splitList "@" $.Values.images.workloads | first | regexFind "^.*/" | list | toJson }}
{{- end }}
{{- end }}
