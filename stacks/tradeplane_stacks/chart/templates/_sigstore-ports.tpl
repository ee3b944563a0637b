{{/* Ports of an instance of Sigstore that are not open anyway, as a policy opens them, in JSON. */}}
{{- define "tradeplane.sigstore-ports" -}}
{{- $ports := list -}}
{{- with $.Values.evidence }}{{- if hasPrefix "keyless:" .signer }}{{- $ports = default list .sigstore_ports }}{{- end }}{{- end -}}
{{- include "tradeplane.opened" $ports -}}
{{- end }}
