// Package platforms, as built into the containerd of the emulated node.
//
// That containerd runs on the machine's own processor and must choose arm64 out of every image index. Its CRI plugin has no
// setting for it: it asks this package for the platform of the process. The build puts this file in the place of the
// package's own (`go build -overlay`).
package platforms

import (
	"runtime"

	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

// DefaultSpec is the platform of the images that the emulated node runs.
func DefaultSpec() specs.Platform {
	return specs.Platform{OS: runtime.GOOS, Architecture: "arm64"}
}

// Default matches images of DefaultSpec.
func Default() MatchComparer {
	return Only(DefaultSpec())
}
