{{/* The port of the registry that attestations go to: the one that it names, else that of TLS. */}}
{{- define "tradeplane.registry-port" -}}
{{- $host := splitList "/" $.Values.evidence.registry | first -}}
{{- regexFind ":[0-9]+$" $host | trimPrefix ":" | default "443" | atoi -}}
{{- end }}
