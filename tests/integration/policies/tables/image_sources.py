"""Images by digest, of registries that are named."""

from typing import Any

from tests.integration.policies.cases import JOB_CONTROLLER, MISSING, Case, Table
from tests.integration.policies.objects import DIGEST, IMAGE, container, named, pod, strategy
from tests.integration.policies.server import Json

OTHER = f"registry.example:5000/second/work@{DIGEST}"
FOREIGN = f"elsewhere.example/team/work@{DIGEST}"
TAGGED = "registry.example/team/work:1.2"
_BY_DIGEST, _BY_REGISTRY = "is not named by its digest", "is of no registry that the AdmissionParameters"
_PARAMETERS: dict[str, Json] = {
    "given": {"imageSources": {"registries": ["registry.example/team/", "registry.example:5000/second/"]}},
    "none": {"imageSources": {"registries": []}},
    "nothing": {},
}


def _pod(image: str, **more: Any) -> Json:
    return pod(container(image=image), **more)


def _looking(image: str) -> Json:
    """Return what adds a container to look into a pod."""
    ephemeral = {"name": "looking", "image": image, "terminationMessagePolicy": "File"}
    return named("Pod", "standing", {"ephemeralContainers": [ephemeral]}, "v1")


PODS = Table(
    "image-sources",
    "tradeplane-pod-image-sources",
    parameters=_PARAMETERS,
    standing=(pod(name="standing"), _pod(TAGGED, name="old")),
    cases=(
        Case("by digest of a registry that is named", pod()),
        Case("of the other registry, and with a tag beside the digest", _pod(OTHER.replace("@", ":1.2@"))),
        Case("by tag", _pod(TAGGED), _BY_DIGEST),
        Case("by nothing", _pod("registry.example/team/work"), _BY_DIGEST),
        Case("digest too short", _pod(IMAGE[:-1]), _BY_DIGEST),
        Case("digest too long", _pod(IMAGE + "a"), _BY_DIGEST),
        Case("digest in capitals", _pod(IMAGE.replace("a" * 64, "A" * 64)), _BY_DIGEST),
        Case("two digests", _pod(f"registry.example/team/work@{DIGEST}@{DIGEST}"), _BY_DIGEST),
        Case("nothing before the digest", _pod(f"@{DIGEST}"), _BY_DIGEST),
        Case("another digest in front", _pod(IMAGE.replace("sha256:", "xsha256:")), _BY_DIGEST),
        Case("of another registry", _pod(FOREIGN), _BY_REGISTRY),
        Case("of no registry", _pod(f"busybox@{DIGEST}"), _BY_REGISTRY),
        Case("of a repository beside", _pod(f"registry.example/team-b/work@{DIGEST}"), _BY_REGISTRY),
        Case("of a registry whose name ends the same", _pod("evil." + IMAGE), _BY_REGISTRY),
        Case("out of the prefix by two points", _pod(f"registry.example/team/../b/work@{DIGEST}"), _BY_REGISTRY),
        Case("the second container by tag", pod(container(), container("b", image=TAGGED)), _BY_DIGEST),
        Case("the second container elsewhere", pod(container(), container("b", image=FOREIGN)), _BY_REGISTRY),
        Case("an init container by tag", pod(initContainers=[container("i", image=TAGGED)]), _BY_DIGEST),
        Case("an init container elsewhere", pod(initContainers=[container("i", image=FOREIGN)]), _BY_REGISTRY),
        Case("an init container that will do", pod(initContainers=[container("i", image=OTHER)])),
        Case("looked into by tag", _looking(TAGGED), _BY_DIGEST, of="standing", subresource="ephemeralcontainers"),
        Case("looked into", _looking(OTHER), of="standing", subresource="ephemeralcontainers"),
        Case("as the controller of Jobs", _pod(TAGGED), _BY_DIGEST, user=JOB_CONTROLLER),
        Case("in a namespace of nobody", _pod(TAGGED), outside=True),
        Case("no parameters", pod(), "no params found", given=MISSING),
        Case("no registry", pod(), _BY_REGISTRY, given="none"),
        Case("nothing said of registries", pod(), _BY_REGISTRY, given="nothing"),
        Case("one that ran takes a label", named("Pod", "old", {}, "v1", labels={"a": "b"}), of="old"),
        Case(
            "and loses it without parameters",
            named("Pod", "old", {}, "v1", finalizers=["example.com/kept"]),
            of="old",
            given=MISSING,
            user=JOB_CONTROLLER,
        ),
    ),
)


def _replay(image: str | None = None) -> Json:
    spec: Json = {"strategyRef": {"name": "macd"}}
    return named("Replay", "again", spec if image is None else {**spec, "image": image})


def _another(image: str) -> Json:
    return named("Strategy", "standing", {"image": image})


KINDS = Table(
    "image-sources",
    "tradeplane-kind-image-sources",
    parameters=_PARAMETERS,
    standing=(strategy("standing"), strategy("old", image=TAGGED)),
    cases=(
        Case("a Strategy without an image", strategy()),
        Case("a Strategy by digest", strategy(image=IMAGE)),
        Case("a Strategy by tag", strategy(image=TAGGED), _BY_DIGEST),
        Case("a Strategy of another registry", strategy(image=FOREIGN), _BY_REGISTRY),
        Case("a digest too long, whatever the schema says", strategy(image=IMAGE + "a"), _BY_DIGEST, lax=True),
        Case("a Replay without an image", _replay()),
        Case("a Replay by digest", _replay(OTHER)),
        Case("a Replay by tag", _replay(TAGGED), _BY_DIGEST),
        Case("a Replay of another registry", _replay(FOREIGN), _BY_REGISTRY),
        Case("changed to a tag", _another(TAGGED), _BY_DIGEST, of="standing"),
        Case("changed to another registry", _another(FOREIGN), _BY_REGISTRY, of="standing"),
        Case("changed to one that will do", _another(IMAGE), of="standing"),
        Case("one that was there is suspended", named("Strategy", "old", {"suspend": True}), of="old"),
        Case("as the operator", strategy(image=TAGGED), _BY_DIGEST, user="system:serviceaccount:a:b"),
        Case("in a namespace of nobody", strategy(image=TAGGED), outside=True),
        Case("no registry", strategy(image=IMAGE), _BY_REGISTRY, given="none"),
        Case("nothing said of registries", strategy(image=IMAGE), _BY_REGISTRY, given="nothing"),
        Case("no registry and no image", strategy(), given="none"),
        Case("no parameters, and pods are refused", strategy(image=TAGGED), given=MISSING),
    ),
)


def _images(first: str, init: str) -> Json:
    spec = {"containers": [{**container(), "image": first}], "initContainers": [{**container("i"), "image": init}]}
    return named("Pod", "standing", spec, "v1")


UNCHANGED = Table(
    "image-sources",
    "tradeplane-unchanged-images",
    standing=(pod(name="standing", initContainers=[container("i")]), pod(name="plain")),
    cases=(
        Case("another image", _images(OTHER, IMAGE), "images of a pod are not changed", of="standing"),
        Case("another image of the init container", _images(IMAGE, OTHER), "are not changed", of="standing"),
        Case("the same images", _images(IMAGE, IMAGE), of="standing"),
        Case(
            "another image of one without init containers",
            named("Pod", "plain", {"containers": [{**container(), "image": OTHER}]}, "v1"),
            "are not changed",
            of="plain",
        ),
        Case("a label", named("Pod", "plain", {}, "v1", labels={"a": "b"}), of="plain", user=JOB_CONTROLLER),
        Case("a deadline", named("Pod", "plain", {"activeDeadlineSeconds": 60}, "v1"), of="plain"),
        Case("in a namespace of nobody", _images(OTHER, IMAGE), of="standing", outside=True),
    ),
)
