"""What is listed of an image: each component once, whatever the order, and nothing that is not known."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import LockedPackage
from tradeplane_stacks.images.sboms.debian import debian_packages, license_names
from tradeplane_stacks.images.sboms.distributions import Installed, installed, wheel_digests
from tradeplane_stacks.images.sboms.embedded import MAX_BYTES, embedded, libraries, listed
from tradeplane_stacks.images.sboms.listing import Listing, merge, reference_of
from tradeplane_stacks.images.sboms.writing import ImageName, image_component, roots, written
from tradeplane_store.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = ImageName("tradeplane/workloads", "0.1.0", "linux/arm64", "scratch")
TREES = "libm", "memchr", "sha2", "libc"


def component(
    name: str, *, digest: str | None = None, license_id: str | None = None, reference: str | None = None
) -> Component:
    return Component(
        bom_ref=reference or f"any {name} {digest}",
        type=ComponentType.LIBRARY,
        name=name,
        version="1.0",
        purl=PackageURL(type="cargo", name=name, version="1.0"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest * 64)] if digest else [],
        licenses=[DisjunctiveLicense(id=license_id)] if license_id else [],
    )


def plain(listing: Listing) -> dict[str, Any]:
    return dict(json.loads(written(image_component(NAME), listing)))


def summary(listing: Listing) -> Any:
    """Return all that is said in a listing, in the order in which it is said."""
    return (
        [
            (reference_of(one), one.name, [each.content for each in one.hashes], [each.id for each in one.licenses])
            for one in listing.components
        ],
        list(listing.needs.items()),
    )


def by_name(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in document["components"] if one["name"] == name]
    return dict(found)


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    """Draw a listing of some components, of which some need others."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(TREES), st.sampled_from([None, "a", "b"]), st.sampled_from([None, "MIT", "Apache-2.0"])
            ),
            max_size=6,
            unique_by=lambda one: one[:2],
        )
    )
    components = tuple(component(name, digest=digest, license_id=known) for name, digest, known in drawn)
    references = [reference_of(one) for one in components]
    pairs = draw(st.lists(st.tuples(st.sampled_from(references), st.sampled_from(references)))) if references else []
    needs: dict[str, frozenset[str]] = {}
    for one, other in pairs:
        needs[one] = needs.get(one, frozenset()) | {other}
    return Listing(components, needs)


@given(found=st.lists(listings(), max_size=4), data=st.data())
def test_the_order_of_what_is_listed_does_not_matter(found: list[Listing], data: st.DataObject) -> None:
    turned = [
        Listing(tuple(data.draw(st.permutations(one.components))), dict(reversed(list(one.needs.items()))))
        for one in data.draw(st.permutations(found))
    ]
    assert summary(merge(turned)) == summary(merge(found))


@given(found=st.lists(listings(), max_size=4))
def test_merging_loses_nothing_and_invents_nothing(found: list[Listing]) -> None:
    merged = merge(found)
    references = [reference_of(one) for one in merged.components]
    assert len(set(references)) == len(references)
    assert set(merged.needs) == set(references)
    assert frozenset[str]().union(*merged.needs.values()) <= set(references)
    assert all(one not in needed for one, needed in merged.needs.items())
    listed_names = {one.name for listing in found for one in listing.components}
    assert {one.name for one in merged.components} == listed_names
    digests = {(one.name, each.content) for listing in found for one in listing.components for each in one.hashes}
    assert {(one.name, each.content) for one in merged.components for each in one.hashes} == digests
    assert summary(merge([merged])) == summary(merge([merged, merged])) == summary(merged)


@given(found=st.lists(listings(), max_size=4))
def test_everything_is_reached_from_the_image(found: list[Listing]) -> None:
    merged = merge(found)
    reached, ahead = set[str](), roots(merged)
    while ahead:
        here = ahead.pop()
        if here not in reached:
            reached.add(here)
            ahead += merged.needs[here]
    assert reached == {reference_of(one) for one in merged.components}


def test_a_component_of_two_wheels_is_one_with_all_that_is_known() -> None:
    bare, hashed, licensed = component("libm"), component("libm", digest="a"), component("libm", license_id="MIT")
    found = plain(merge([Listing((bare,)), Listing((hashed,)), Listing((licensed,))]))
    one = by_name(found, "libm")
    assert one["bom-ref"] == one["purl"] == "pkg:cargo/libm@1.0"
    assert [each["content"] for each in one["hashes"]] == ["a" * 64]
    assert one["licenses"] == [{"license": {"id": "MIT"}}]


def test_what_has_another_digest_is_another_component() -> None:
    found = plain(merge([Listing((component("libm", digest="a"),)), Listing((component("libm", digest="b"),))]))
    assert [one["bom-ref"] for one in found["components"]] == [
        f"pkg:cargo/libm@1.0#{'a' * 16}",
        f"pkg:cargo/libm@1.0#{'b' * 16}",
    ]


def test_a_license_that_is_not_known_is_not_made_up() -> None:
    assert "licenses" not in by_name(plain(merge([Listing((component("libm"),))])), "libm")


def test_a_bill_says_what_it_is_of_and_names_no_time() -> None:
    found = plain(merge([Listing((component("libm"),))]))
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    image = found["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "tradeplane/workloads", "0.1.0")
    assert image["properties"] == [{"name": "tradeplane:image:platform", "value": "linux/arm64"}]
    assert "timestamp" not in found["metadata"]


def test_a_bill_is_canonical_and_its_number_follows_from_it() -> None:
    data = written(image_component(NAME), merge([Listing((component("libm"),))]))
    assert canonical_json(json.loads(data)) == data
    other = written(image_component(NAME), merge([Listing((component("libm", digest="a"),))]))
    assert json.loads(data)["serialNumber"] != json.loads(other)["serialNumber"]


def test_an_image_on_the_base_of_somebody_else_says_that_it_is_not_listed() -> None:
    name = ImageName("tradeplane/workloads", "0.1.0", "linux/arm64", "registry.example/base@sha256:" + "ab" * 32)
    image = json.loads(written(image_component(name), merge([])))["metadata"]["component"]
    assert {"name": "tradeplane:image:base", "value": name.base} in image["properties"]


def test_what_is_no_bill_by_the_schema_is_not_written() -> None:
    broken = component("libm", license_id="MIT")
    broken.hashes = [HashType(alg=HashAlgorithm.SHA_256, content="not hexadecimal")]
    with pytest.raises(ImageError, match=r"none of CycloneDX 1\.6"):
        written(image_component(NAME), Listing((broken,), {reference_of(broken): frozenset()}))


def describe_wheel(tree: Path, name: str, version: str, *tags: str) -> Path:
    """Write the description of a distribution into a tree."""
    folder = tree / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n"
    )
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
    return folder


def lock_of(*files: str) -> dict[str, Any]:
    wheels = [
        {"url": f"https://files.example/{file}", "hash": "sha256:" + hashlib.sha256(file.encode()).hexdigest()}
        for file in files
    ]
    return {"package": [{"name": "numpy", "version": "2.4.6", "wheels": wheels}]}


X86, ARM = (f"numpy-2.4.6-cp311-cp311-manylinux_2_27_{one}.manylinux_2_28_{one}.whl" for one in ("x86_64", "aarch64"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((X86, ARM), X86),
        ((ARM,), None),
        ((X86, X86.replace("2.4.6-", "2.4.6-1-")), None),
        ((), None),
        (("broken.whl",), None),
    ],
)
def test_the_digest_of_a_wheel_is_that_of_the_one_it_came_from_or_none(
    tmp_path: Path, files: tuple[str, ...], expected: str | None
) -> None:
    describe_wheel(tmp_path, "numpy", "2.4.6", "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_27_x86_64")
    found = wheel_digests(lock_of(*files), installed(tmp_path, ours=False))
    named = {("numpy", "2.4.6"): hashlib.sha256(expected.encode()).hexdigest()} if expected else {}
    assert found == named


def test_a_version_that_is_not_locked_has_no_digest(tmp_path: Path) -> None:
    describe_wheel(tmp_path, "numpy", "2.4.7", "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_27_x86_64")
    assert wheel_digests(lock_of(X86), installed(tmp_path, ours=False)) == {}


def test_a_description_of_nothing_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.4\n")
    with pytest.raises(ImageError, match=r"x-1\.dist-info .* describes no distribution"):
        installed(tmp_path, ours=False)


CARRIED: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "metadata": {
        "timestamp": "2026-10-07T13:59:38Z",
        "tools": [{"vendor": "CycloneDX", "name": "cargo-cyclonedx", "version": "0.5.9"}],
        "component": {
            "type": "library",
            "bom-ref": "path+file:///home/runner/orjson#3.13.0",
            "name": "orjson",
            "version": "3.13.0",
            "author": "somebody <somebody@example.com>",
            "purl": "pkg:cargo/orjson@3.13.0?download_url=file://.",
        },
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "registry#bytecount@0.6.9",
            "name": "bytecount",
            "version": "0.6.9",
            "scope": "required",
            "purl": "pkg:cargo/bytecount@0.6.9",
            "licenses": [{"expression": "Apache-2.0 OR MIT"}],
            "hashes": [{"alg": "SHA-256", "content": "17" * 32}],
        },
        {"type": "library", "bom-ref": "registry#cc@1", "name": "cc", "version": "1", "scope": "excluded"},
    ],
    "dependencies": [
        {"ref": "path+file:///home/runner/orjson#3.13.0", "dependsOn": ["registry#bytecount@0.6.9", "registry#cc@1"]}
    ],
}


def carrier(tree: Path, name: str = "orjson", version: str = "3.13.0") -> Installed:
    describe_wheel(tree, name, version, "cp311-cp311-linux_x86_64")
    (found,) = installed(tree, ours=False)
    return found


def needed_by(document: dict[str, Any], reference: str) -> Sequence[str]:
    (found,) = [one.get("dependsOn", []) for one in document["dependencies"] if one["ref"] == reference]
    return list(found)


def test_what_was_compiled_into_a_wheel_is_listed_with_it(tmp_path: Path) -> None:
    found = plain(merge([listed(carrier(tmp_path), CARRIED)]))
    assert sorted(one["bom-ref"] for one in found["components"]) == [
        "library:orjson@3.13.0",
        "pkg:cargo/bytecount@0.6.9",
        "pkg:pypi/orjson@3.13.0",
    ]
    assert by_name(found, "bytecount")["licenses"] == [{"expression": "Apache-2.0 OR MIT"}]
    assert needed_by(found, "pkg:pypi/orjson@3.13.0") == ["library:orjson@3.13.0"]
    assert needed_by(found, "library:orjson@3.13.0") == ["pkg:cargo/bytecount@0.6.9"]


def test_paths_addresses_and_times_of_the_makers_are_left_out(tmp_path: Path) -> None:
    text = json.dumps(plain(merge([listed(carrier(tmp_path), CARRIED)])))
    assert not [word for word in ("file:", "runner", "somebody", "13:59:38") if word in text]


def test_a_bill_that_names_its_own_wheel_does_not_list_it_twice(tmp_path: Path) -> None:
    itself = {
        "type": "library",
        "bom-ref": "pkg:pypi/psycopg_binary@3.3.9?file_name=x.whl",
        "name": "psycopg_binary",
        "version": "3.3.9",
        "purl": "pkg:pypi/psycopg_binary@3.3.9?file_name=x.whl",
    }
    library = {
        "type": "library",
        "bom-ref": "l",
        "name": "keyutils",
        "version": "1",
        "purl": "pkg:rpm/centos/keyutils@1",
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "metadata": {"component": itself},
        "components": [itself, library],
        "dependencies": [{"ref": itself["bom-ref"], "dependsOn": ["l"]}],
    }
    found = plain(merge([listed(carrier(tmp_path, "psycopg_binary", "3.3.9"), document)]))
    assert sorted(one["bom-ref"] for one in found["components"]) == [
        "pkg:pypi/psycopg-binary@3.3.9",
        "pkg:rpm/centos/keyutils@1",
    ]
    assert needed_by(found, "pkg:pypi/psycopg-binary@3.3.9") == ["pkg:rpm/centos/keyutils@1"]


def test_a_bill_without_a_graph_is_all_needed_by_its_wheel(tmp_path: Path) -> None:
    library = {"type": "library", "name": "openssl", "version": "4.0.3", "purl": "pkg:generic/openssl@4.0.3"}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {}, "components": [library]}
    found = plain(merge([listed(carrier(tmp_path), document)]))
    assert needed_by(found, "pkg:pypi/orjson@3.13.0") == ["pkg:generic/openssl@4.0.3"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no bill of materials of CycloneDX"),
        ('{"bomFormat": "SPDX"}', "no bill of materials of CycloneDX"),
        ('{"bomFormat": "CycloneDX", "components": [{"type": "nonsense", "name": "x"}]}', "cannot be read"),
        (" " * (MAX_BYTES + 1), "has more than"),
    ],
)
def test_a_bill_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    one = carrier(tmp_path)
    (one.path / "sboms").mkdir()
    (one.path / "sboms/x.json").write_text(text)
    with pytest.raises(ImageError, match=rf"orjson-3\.13\.0\.dist-info.*{words}"):
        list(embedded([one]))


def test_libraries_beside_modules_are_listed_by_digest(tmp_path: Path) -> None:
    one = carrier(tmp_path, "numpy", "2.4.6")
    (tmp_path / "numpy.libs").mkdir()
    (tmp_path / "numpy.libs/libopenblas.so").write_bytes(b"a library")
    found = plain(merge([libraries(tmp_path, [one])]))
    library = by_name(found, "numpy.libs/libopenblas.so")
    assert library["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"a library").hexdigest()}]
    assert needed_by(found, "pkg:pypi/numpy@2.4.6") == [library["bom-ref"]]


def debian_base(root: Path, *names: str, control: str | None = None) -> Path:
    """Make a base of packages that are described, and nothing else."""
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    for name in names:
        written_control = (
            f"Package: {name}\nVersion: 3.11.2-6+deb12u9\nArchitecture: arm64\nDepends: libc6 (>= 2.36) | musl, x\n"
        )
        (status / name).write_text(control or written_control + ("Source: glibc\n" if name == "libc6" else ""))
    return root


def locked(name: str, version: str = "3.11.2-6+deb12u9") -> LockedPackage:
    return LockedPackage("arm64", name, version, 1, "ab" * 32, "debian/pool/x.deb")


def test_a_package_is_named_as_scanners_look_for_it(tmp_path: Path) -> None:
    base = debian_base(tmp_path, "libc6", "python3.11-minimal")
    found = plain(merge([debian_packages(base, [locked("libc6")])]))
    package = by_name(found, "libc6")
    assert package["purl"] == "pkg:deb/debian/libc6@3.11.2-6%2Bdeb12u9?arch=arm64&distro=debian-12&upstream=glibc"
    assert package["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert "hashes" not in by_name(found, "python3.11-minimal")
    assert needed_by(found, by_name(found, "python3.11-minimal")["bom-ref"]) == [package["purl"]]


def test_the_interpreter_is_a_component_of_its_own(tmp_path: Path) -> None:
    found = plain(merge([debian_packages(debian_base(tmp_path, "python3.11-minimal"), [])]))
    interpreter = by_name(found, "CPython")
    assert (interpreter["type"], interpreter["version"]) == ("platform", "3.11.2")
    assert needed_by(found, interpreter["bom-ref"]) == [by_name(found, "python3.11-minimal")["bom-ref"]]


def test_a_package_of_another_version_has_not_the_digest_of_the_locked_one(tmp_path: Path) -> None:
    found = plain(merge([debian_packages(debian_base(tmp_path, "libc6"), [locked("libc6", "2.36-9")])]))
    assert "hashes" not in by_name(found, "libc6")


@pytest.mark.parametrize("control", ["Package: libc6\n", "Version: 1\nArchitecture: arm64\n", "no control file"])
def test_a_description_without_a_name_or_a_version_is_refused(tmp_path: Path, control: str) -> None:
    with pytest.raises(ImageError, match=r"status\.d/libc6 .* describes no package"):
        debian_packages(debian_base(tmp_path, "libc6", control=control), [])


def test_a_base_that_describes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="describes no Debian package"):
        debian_packages(debian_base(tmp_path), [])


FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            FORMAT + "\nFiles: *\nCopyright: x\nLicense: Zlib\n\nFiles: debian/*\nCopyright: y\nLicense: GPL-2+\n",
            ("GPL-2+", "Zlib"),
        ),
        (FORMAT + "\nFiles: *\nCopyright: x\nLicense: " + "a very long sentence that is no name " * 3 + "\n", ()),
        ("This is the Debian prepackaged version.\n\nFiles: *\nLicense: MIT\n", ()),
        (None, ()),
    ],
)
def test_licenses_are_those_of_a_copyright_file_that_names_them(
    tmp_path: Path, text: str | None, expected: tuple[str, ...]
) -> None:
    path = tmp_path / "copyright"
    if text is not None:
        path.write_text(text)
    assert license_names(path) == expected
