"""Images that the operator has verified."""

from tests.integration.policies.cases import JOB_CONTROLLER, MISSING, Case, Table
from tests.integration.policies.objects import IMAGE, container, named, pod
from tests.integration.policies.server import Json

OTHER = IMAGE.replace("a" * 64, "b" * 64)
_REFUSED = "is not one that the operator has verified"


def _looking(image: str) -> Json:
    ephemeral = {"name": "looking", "image": image, "terminationMessagePolicy": "File"}
    return named("Pod", "standing", {"ephemeralContainers": [ephemeral]}, "v1")


def _image(image: str) -> Json:
    return named("Pod", "standing", {"containers": [{**container(), "image": image}]}, "v1")


PODS = Table(
    "verified-images",
    "tradeplane-verified-images",
    labels={"tradeplane.dev/images": "verified"},
    parameters={"given": {"sha256-" + "a" * 64: "{}"}, "none": {}, "odd": {"sha256-" + "a" * 65: "{}"}},
    standing=(pod(name="standing"), pod(container(image=OTHER), name="old")),
    cases=(
        Case("verified", pod()),
        Case("verified, of another registry", pod(container(image=IMAGE.replace("registry", "other")))),
        Case("not verified", pod(container(image=OTHER)), _REFUSED),
        Case("by tag", pod(container(image="registry.example/team/work:1.2")), _REFUSED),
        Case("digest too long", pod(container(image=IMAGE + "a")), _REFUSED),
        Case("digest too long, though it is listed", pod(container(image=IMAGE + "a")), _REFUSED, given="odd"),
        Case("the second container", pod(container(), container("b", image=OTHER)), _REFUSED),
        Case("an init container", pod(initContainers=[container("i", image=OTHER)]), _REFUSED),
        Case("an init container that is verified", pod(initContainers=[container("i")])),
        Case("looked into by another", _looking(OTHER), _REFUSED, of="standing", subresource="ephemeralcontainers"),
        Case("looked into", _looking(IMAGE), of="standing", subresource="ephemeralcontainers"),
        Case("changed to another", _image(OTHER), _REFUSED, of="standing"),
        Case(
            "changed to a verified one",
            named("Pod", "old", {"containers": [{**container(), "image": IMAGE}]}, "v1"),
            of="old",
        ),
        Case(
            "one whose image is listed no longer is let go",
            named("Pod", "old", {}, "v1", labels={"a": "b"}),
            of="old",
            user=JOB_CONTROLLER,
        ),
        Case("in a namespace that does not ask for it", pod(container(image=OTHER)), outside=True),
        Case("no list", pod(), "no params found", given=MISSING),
        Case("an empty list", pod(), _REFUSED, given="none"),
    ),
)
