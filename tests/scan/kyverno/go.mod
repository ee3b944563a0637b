module tradeplane.dev/scanners/kyverno

go 1.24.0

require github.com/kyverno/kyverno v1.15.2
