// Registering what manifests say without a Go type for each kind of Kubernetes.
//
// The provider asks its own SDK for that, whose types are 27 MB of generated sources: more than half of the time that a
// build takes. Nothing in the provider reads what such a type would hold, so that the state every resource has is enough.
// The build adds this file to the provider's own package (`go build -modfile`).
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// untyped is an object of any kind.
type untyped struct {
	pulumi.CustomResourceState
}

// registerUntyped registers an object as the resource that Pulumi has for its kind, by the names of Pulumi's schema: the
// group without a name is "core" there.
func registerUntyped(ctx *pulumi.Context, apiVersion, kind, name string, properties pulumi.Input,
	options ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	var object untyped
	if err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, properties, &object, options...); err != nil {
		return nil, err
	}
	return &object, nil
}
