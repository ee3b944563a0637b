{{/* Ports as a policy opens them, in JSON: each once, in order, without those that are open anyway. */}}
{{- define "tradeplane.opened" -}}
{{- $padded := list -}}
{{- range . }}{{- $padded = append $padded (printf "%05d" (int .)) }}{{- end -}}
{{- $opened := list -}}
{{- range $padded | uniq | sortAlpha -}}
{{- $port := atoi . -}}
{{- if not (has $port (list 443 6443)) }}{{- $opened = append $opened (dict "protocol" "TCP" "port" $port) }}{{- end -}}
{{- end -}}
{{- toJson $opened -}}
{{- end }}
