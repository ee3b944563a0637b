{{/* Rules of approval in JSON, with what a rule leaves out. */}}
{{- define "tradeplane.approval-rules" -}}
{{- $rules := list -}}
{{- range $.Values.approvals.rules }}{{- $rules = append $rules (merge (dict) . (dict "namespaces" list "approvers" 1)) }}{{- end -}}
{{- toJson $rules -}}
{{- end }}
