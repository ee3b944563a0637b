{{/* Ports of registries that the operator asks and that are not open anyway, as a policy opens them, in JSON. */}}
{{- define "tradeplane.registry-ports" -}}
{{- $asked := list -}}
{{- with $.Values.evidence }}{{- $asked = append $asked (list .registry .plain_http) }}{{- end -}}
{{- if not (kindIs "invalid" $.Values.images.attested) -}}
{{- $plain := $.Values.images.attested.plain_http -}}
{{- range include "tradeplane.registries" $ | fromJsonArray }}{{- $asked = append $asked (list . $plain) }}{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $asked -}}
{{- $host := splitList "/" (first .) | first -}}
{{- $named := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- $ports = append $ports (atoi (default (ternary "80" "443" (default false (last .))) $named)) -}}
{{- end -}}
{{- include "tradeplane.opened" $ports -}}
{{- end }}
