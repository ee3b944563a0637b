"""Inputs of Pulumi's types of AWS in the form of AWS's own requests, by the shapes that botocore has of these.

The provider's properties are AWS's members in camel case, with lists of one flattened, so that a translation needs to
be told only what is named otherwise. botocore says what a member takes, and what it does not know is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.frame import Refused, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape


def request(value: Any, shape: Shape, where: str, names: Mapping[str, str]) -> Any:
    """Translate a value; ``names`` are those of properties that a member is called otherwise than.

    Raises Refused with the path of the property where AWS has no such member, or does not take the value.
    """
    if shape.type_name == "list":
        return _list(value, shape, where, names)
    if shape.type_name == "structure":
        value = _unfolded(value, shape)
        if not isinstance(value, dict):
            raise Refused(f"{where}: {value!r} is not an object of {shape.name}")
        return dict(_member(key, item, shape, f"{where}.{key}".lstrip("."), names) for key, item in value.items())
    if shape.type_name == "boolean" and value in ("true", "false"):
        return value == "true"  # the provider has some as text, to tell false from not said
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        raise Refused(f"{where}: {value!r} is none of {', '.join(allowed)}")
    return value


def read_back(found: Any, like: Any, names: Mapping[str, str]) -> Any:
    """Return what AWS answered in the form of the input that asked for it: what was not asked for is left out.

    What an input does not say is AWS's own choice and no drift; what it says and is gone is missing in the result.
    """
    if isinstance(like, dict) and isinstance(found, list) and _is_tags(found):
        return _tags(found)
    if isinstance(like, dict) and isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(like, list) and isinstance(found, dict):
        found = [found]
    if isinstance(found, bool) and like == str(found).lower():
        return like
    if isinstance(like, dict) and isinstance(found, dict):
        members = {key: _find(names.get(key, key), found) for key in like}
        return {key: read_back(found[name], like[key], names) for key, name in members.items() if name is not None}
    if isinstance(like, list) and isinstance(found, list):
        return [read_back(item, like[place] if place < len(like) else item, names) for place, item in enumerate(found)]
    return like if same(like, found) else found


def _unfolded(value: Any, shape: Any) -> Any:
    """Return the object that a list is for: that of a list of one, or one that has nothing but a list."""
    if not isinstance(value, list):
        return value
    only = list(shape.members.values())
    if len(only) == 1 and only[0].type_name == "list":
        return dict.fromkeys(shape.members, value)
    return value[0] if len(value) == 1 else value


def kept(read: Any, asked: Any, path: str) -> None:
    """Put into what was read what was asked for at a path, of which nothing tells; of a list in each of its items."""
    if isinstance(asked, list) and isinstance(read, list):
        for item, like in zip(read, asked, strict=False):
            kept(item, like, path)
        return
    head, _, rest = path.partition(".")
    if isinstance(asked, dict) and head in asked and isinstance(read, dict):
        if rest:
            kept(read.get(head), asked[head], rest)
        else:
            read[head] = asked[head]


def _member(key: str, value: Any, shape: Any, where: str, names: Mapping[str, str]) -> tuple[str, Any]:
    member = _find(names.get(key, key), shape.members)
    if member is None:
        raise Refused(f"{where} is not implemented by this stand-in: {shape.name} has no such member")
    return member, request(value, shape.members[member], where, names)


def _list(value: Any, shape: Any, where: str, names: Mapping[str, str]) -> list[Any]:
    members = getattr(shape.member, "members", {})
    if isinstance(value, dict) and (tag := _tag_members(members)):
        return [{tag[0]: key, tag[1]: item} for key, item in sorted(value.items())]
    items = value if isinstance(value, list) else [value]
    return [request(item, shape.member, f"{where}[{place}]", names) for place, item in enumerate(items)]


def _find(name: str, members: Any) -> str | None:
    """Find the member of a name, in whichever case, or in the plural where the provider flattened a list of one."""
    wanted = (name.lower(), f"{name.lower()}s")
    return next((member for member in members if member.lower() in wanted), None)


def _tag_members(members: Any) -> tuple[str, str] | None:
    for pair in (("TagKey", "TagValue"), ("Key", "Value"), ("Name", "Value")):
        if set(members) == set(pair):
            return pair
    return None


def _is_tags(found: list[Any]) -> bool:
    return bool(found) and all(isinstance(one, dict) and _tag_members(one) is not None for one in found)


def _tags(found: list[dict[str, str]]) -> dict[str, str]:
    return {one[key]: one[value] for one in found for key, value in [_tag_members(one) or ("", "")]}
