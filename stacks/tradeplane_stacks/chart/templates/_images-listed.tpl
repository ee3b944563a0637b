{{/* Whether a namespace takes images alone that the operator has verified, so that it lists these. */}}
{{- define "tradeplane.images-listed" -}}
{{- $listed := false -}}
{{- range $.Values.namespaces }}{{- if .verified_images }}{{- $listed = true }}{{- end }}{{- end -}}
{{- $listed -}}
{{- end }}
