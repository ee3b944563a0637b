{{/* The names of the namespaces that run work, in JSON. */}}
{{- define "tradeplane.served" -}}
{{- $names := list -}}
{{- range $.Values.namespaces }}{{- $names = append $names .name }}{{- end -}}
{{- toJson $names -}}
{{- end }}
