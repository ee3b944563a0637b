"""Images and programs: the same in gives the same out, and a change is noticed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.local import addons, binaries, go_toolchain
from tradeplane_stacks.local.binaries import Binaries, Program
from tradeplane_stacks.local.errors import BuildError, MissingProgramsError
from tradeplane_stacks.local.go_build import Addition, Copy, Overlay, Replacement, Substitution
from tradeplane_stacks.local.images import StaticImage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path) -> StaticImage:
    variants = []
    for architecture in ("amd64", "arm64"):
        program = tmp_path / architecture
        program.write_bytes(b"\x7fELF" + architecture.encode())
        variants.append((architecture, program))
    return StaticImage("registry.example:5000/tests/thing:one", tuple(variants), "/thing")


def _members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def test_archive_is_the_same_bytes_each_time(image: StaticImage, tmp_path: Path) -> None:
    digests = {image.write_archive(tmp_path / name) for name in ("one.tar", "two.tar")}
    assert len(digests) == 1
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_every_blob_is_named_by_its_digest(image: StaticImage, tmp_path: Path) -> None:
    image.write_archive(tmp_path / "image.tar")
    blobs = {name: content for name, content in _members(tmp_path / "image.tar").items() if name.startswith("blobs/")}
    assert blobs
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def test_index_leads_to_a_config_of_each_architecture(image: StaticImage, tmp_path: Path) -> None:
    digest = image.write_archive(tmp_path / "image.tar")
    members = _members(tmp_path / "image.tar")

    def blob(descriptor: dict[str, Any]) -> dict[str, Any]:
        content = members["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
        assert len(content) == descriptor["size"]
        return dict(json.loads(content))

    outer = json.loads(members["index.json"])["manifests"][0]
    assert outer["digest"] == digest
    assert outer["annotations"]["io.containerd.image.name"] == image.name
    manifests = blob(outer)["manifests"]
    assert isinstance(manifests, list)
    for entry, architecture in zip(manifests, ("amd64", "arm64"), strict=True):
        config = blob(blob(entry)["config"])
        assert entry["platform"]["architecture"] == config["architecture"] == architecture
        assert config["config"] == {"Entrypoint": ["/thing"], "User": "65532:65532"}


def test_another_program_gives_another_digest(image: StaticImage, tmp_path: Path) -> None:
    programs = [program for _, program in image.programs]
    digest = image.write_archive(tmp_path / "a.tar")
    programs[1].write_bytes(b"changed")
    assert image.write_archive(tmp_path / "b.tar") != digest


def test_every_program_has_a_pinned_module() -> None:
    programs = (*binaries.CONTROL_PLANE, *binaries.NODE, *binaries.ARM64_NODE, *binaries.BENCHMARK, binaries.KUEUE)
    for program in programs:
        directory = binaries.MODULES / program.module
        assert (directory / "go.mod").exists(), program
        if program.module != "pause":  # which needs nothing but the standard library
            assert (directory / "go.sum").stat().st_size > 0, program
    assert len({program.label for program in programs}) == len(programs)


def test_the_name_server_has_the_plugins_that_its_configuration_names_and_no_others() -> None:
    source = (binaries.MODULES / "coredns" / "main.go").read_text(encoding="utf-8")
    built = re.findall(r'"github.com/coredns/coredns/plugin/([a-z]+)"', source)
    named = re.findall(r"^    ([a-z]+)\b", addons.COREFILE, re.MULTILINE)
    assert set(built) == set(named)
    assert len(built) == len(set(built)) > 3


def test_kubernetes_says_the_version_that_is_pinned() -> None:
    assert "gitVersion=v1.34.4" in binaries.link_flags(binaries.KUBELET)
    assert "gitMinor=34" in binaries.link_flags(binaries.KUBELET)
    assert binaries.link_flags(binaries.ETCD) == "-s -w"


def test_the_provider_that_is_built_is_the_one_that_programs_ask_for() -> None:
    told = re.search(r"pkg/version\.Version=(\S+)", binaries.link_flags(binaries.PULUMI_KUBERNETES))
    assert told is not None
    release, _, commit = told[1].partition("+")
    assert release == version("pulumi-kubernetes")
    assert re.fullmatch(r"[0-9a-f]{12}", commit)


def test_etcd_is_new_enough_for_watch_progress() -> None:
    version = binaries.module_version("etcd", "go.etcd.io/etcd/server/v3")
    assert tuple(map(int, version.removeprefix("v").split("."))) >= (3, 6, 0)


def test_module_that_is_not_required_has_no_version() -> None:
    with pytest.raises(BuildError, match=r"does not require example\.com/none"):
        binaries.module_version("etcd", "example.com/none")


def _copied_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Program]:
    module = tmp_path / "modules" / "thing"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module example.com/thing\n\ngo 1.24.0\n", encoding="ascii")
    (module / "main.go").write_text("package main\n\nfunc main() {}\n", encoding="ascii")
    monkeypatch.setattr(binaries, "MODULES", tmp_path / "modules")
    return module, Program("thing", "thing", ".")


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_any_change_of_the_sources_builds_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    module, program = _copied_module(tmp_path, monkeypatch)
    before = binaries.module_key(program, "go1.26.8")
    assert binaries.module_key(program, "go1.26.8") == before
    assert binaries.module_key(program, "go1.26.9") != before
    with (module / file).open("a", encoding="ascii") as stream:
        stream.write("// more\n")
    assert binaries.module_key(program, "go1.26.8") != before


def test_program_is_built_once_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, program = _copied_module(tmp_path, monkeypatch)
    said: list[str] = []
    cache = Binaries(tmp_path / "cache")
    built = cache.build((program,), said.append)[program]
    assert built.stat().st_mode & 0o111
    assert said[0] == "building [1/1] thing (amd64)"
    assert said[1].startswith("built    [1/1] thing (amd64) in ")
    said.clear()
    assert cache.build((program,), said.append) == {program: built}
    assert said == []


def test_a_program_that_another_process_builds_is_waited_for_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, program = _copied_module(tmp_path, monkeypatch)
    cache = Binaries(tmp_path / "cache")
    path = cache.path(program, binaries.installed_go())
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(binaries, "STILL_BUILDING_SECONDS", 0.0)
    monkeypatch.setattr(binaries, "BUILD_LIMIT_SECONDS", 0.1)
    said: list[str] = []
    in_the_way = rf"building thing for 0 minutes.*{path.parent}/lock"
    with binaries._exclusive(path.parent / "lock", "thing", said.append), pytest.raises(BuildError, match=in_the_way):
        cache.build((program,), said.append)
    assert {line.partition(":")[0] for line in said} == {"waiting for thing, which another process builds"}
    assert cache.build((program,), said.append)[program].exists()


def test_programs_of_one_module_are_built_by_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, alone = _copied_module(tmp_path, monkeypatch)
    programs = []
    for name in ("one", "two"):
        (module / "cmd" / name).mkdir(parents=True)
        text = f'package main\n\nfunc main() {{ print("{name}") }}\n'
        (module / "cmd" / name / "main.go").write_text(text, encoding="ascii")
        programs.append(Program(name, "thing", f"example.com/thing/cmd/{name}"))
    said: list[str] = []
    built = Binaries(tmp_path / "cache").build((*programs,), said.append)
    assert said[0] == "building [1-2/2] one, two (amd64)"
    assert [_printed(built[program]) for program in programs] == ["one", "two"]
    said.clear()
    assert Binaries(tmp_path / "cache").build((programs[0], alone), said.append)[programs[0]] == built[programs[0]]
    assert said[0] == "building [1/1] thing (amd64)"
    assert list((tmp_path / "cache/programs").glob("fresh-*")) == []


def _printed(program: Path) -> str:
    return subprocess.run([program], check=True, stderr=subprocess.PIPE, text=True).stderr


def test_the_emulated_node_s_programs_are_built_apart() -> None:
    wanted = (*binaries.CONTROL_PLANE, *binaries.NODE, *binaries.ARM64_NODE)
    batches = binaries._batches(wanted)
    assert sorted(program.label for batch in batches for program in batch) == sorted(p.label for p in wanted)
    assert [len({(p.module, p.architecture, p.overlay) for p in batch}) for batch in batches] == [1] * len(batches)
    of_kubernetes = [[program.label for program in batch] for batch in batches if batch[0].module == "kubernetes"]
    assert of_kubernetes[1] == ["kubelet-amd64-overlaid"]
    assert "kubelet-amd64" in of_kubernetes[0]


def test_failed_build_shows_the_compiler_s_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, program = _copied_module(tmp_path, monkeypatch)
    (module / "main.go").write_text("package main\n\nfunc main() { undefined() }\n", encoding="ascii")
    cache = Binaries(tmp_path / "cache")
    with pytest.raises(BuildError, match="undefined: undefined"):
        cache.build((program,), lambda _: None)
    assert not cache.path(program, binaries.installed_go()).exists()


def test_words_of_a_dependency_are_replaced_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text("x = runtime.GOARCH + runtime.GOARCH\n", encoding="ascii")
    Substitution("a.go", "runtime.GOARCH", '"arm64"').apply(tmp_path, binaries.MODULES)
    assert (tmp_path / "a.go").read_text(encoding="ascii") == 'x = "arm64" + "arm64"\n'


def test_a_dependency_gets_files_of_ours_and_of_its_own(tmp_path: Path) -> None:
    ours, dependency = tmp_path / "ours", tmp_path / "dependency"
    ours.mkdir()
    (ours / "new.go").write_text("package new\n", encoding="ascii")
    (dependency / "pkg").mkdir(parents=True)
    (dependency / "pkg/a.go").write_text("package a\n", encoding="ascii")
    for change in (
        Copy("pkg/b.go", "pkg/a.go"),
        Addition("pkg/c.go", "new.go"),
        Replacement("pkg/a.go", "new.go"),
    ):
        change.apply(dependency, ours)
    found = {path.name: path.read_text(encoding="ascii") for path in (dependency / "pkg").iterdir()}
    assert found == {"a.go": "package new\n", "b.go": "package a\n", "c.go": "package new\n"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Substitution("a.go", "runtime.GOARCH", "x"), r"a\.go does not say 'runtime\.GOARCH' any more"),
        (Substitution("b.go", "x", "y"), r"no b\.go any more"),
        (Replacement("b.go", "new.go"), r"no b\.go any more"),
        (Copy("c.go", "b.go"), r"no b\.go any more"),
        (Addition("pkg/new.go", "new.go"), r"no pkg any more"),
        (Addition("a.go", "new.go"), r"There is a a\.go now"),
    ],
)
def test_a_dependency_that_is_not_as_it_was_is_told_of(
    tmp_path: Path, change: Addition | Copy | Replacement | Substitution, said: str
) -> None:
    (tmp_path / "a.go").write_text("x = runtime.GOOS\n", encoding="ascii")
    with pytest.raises(BuildError, match=said):
        change.apply(tmp_path, tmp_path)


def test_any_change_of_an_overlay_builds_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, program = _copied_module(tmp_path, monkeypatch)
    (module / "ours.go").write_text("package main\n", encoding="ascii")
    overlays = [
        None,
        Overlay("example.com/a", (Substitution("a.go", "one", "two"),)),
        Overlay("example.com/a", (Substitution("a.go", "one", "three"),)),
        Overlay("example.com/a", (Copy("a.json", "b.json"),)),
        Overlay("example.com/a", (Copy("a.json", "c.json"),)),
        Overlay("example.com/a", (Replacement("a.go", "ours.go"),)),
        Overlay("example.com/a", (Addition("a.go", "ours.go"),)),
    ]
    keys = [binaries.module_key(replace(program, overlay=overlay), "go1.26.8") for overlay in overlays]
    (module / "ours.go").write_text("package main // changed\n", encoding="ascii")
    keys += [binaries.module_key(replace(program, overlay=overlay), "go1.26.8") for overlay in overlays[-2:]]
    assert len(set(keys)) == len(keys)


def test_the_kubelet_of_the_emulated_node_differs_from_the_other_in_what_it_reports_alone() -> None:
    assert replace(binaries.KUBELET_ARM64, overlay=None) == binaries.KUBELET
    overlay = binaries.KUBELET_ARM64.overlay
    assert overlay is not None
    assert [vars(change) | {"file": ""} for change in overlay.changes] == [
        {"file": "", "words": "goruntime.GOARCH", "instead": '"arm64"'}
    ] * 2


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder of programs of a machine on which Go is nowhere yet."""
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(go_toolchain, "BY_HAND", tmp_path / "by-hand" / "go")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    monkeypatch.setattr(
        "tradeplane_stacks.local.go_toolchain.shutil.which", partial(shutil.which, path=str(tmp_path / "path"))
    )
    return tmp_path


def _go(program: Path, told: str) -> None:
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho {told}\necho asked >> {program}.asked\n", encoding="ascii")
    program.chmod(0o755)


def test_missing_go_is_named(bare: Path) -> None:
    with pytest.raises(MissingProgramsError, match=r"no `go` on PATH.*make bootstrap.*go\.dev"):
        binaries.installed_go()


def test_old_go_is_refused(bare: Path) -> None:
    _go(bare / "path/go", "go1.19.8")
    with pytest.raises(MissingProgramsError, match=r"path/go env.*go1\.19\.8.*Go 1\.26"):
        binaries.installed_go()


def test_the_go_that_bootstrap_fetched_is_found_by_a_shell_that_was_not_set_up(bare: Path) -> None:
    """What is built is found by the version that built it: another would find nothing, or build it anew."""
    _go(bare / "path/go", "go1.19.8")
    _go(bare / "cache/tools/go-1.26.8/bin/go", "go1.26.8")
    assert go_toolchain.find_go().program == bare / "cache/tools/go-1.26.8/bin/go"
    assert binaries.installed_go() == "go1.26.8"


def test_of_several_that_bootstrap_fetched_the_newest_builds(bare: Path) -> None:
    for release in ("1.26.10", "1.26.8", "1.26.9"):
        _go(bare / f"cache/tools/go-{release}/bin/go", f"go{release}")
    assert binaries.installed_go() == "go1.26.10"


def test_go_is_looked_for_in_the_order_of_bootstrap(bare: Path) -> None:
    _go(bare / "cache/tools/go-1.26.8/bin/go", "go1.26.8")
    _go(bare / "by-hand/go", "go1.26.9")
    assert binaries.installed_go() == "go1.26.9"
    _go(bare / "path/go", "go1.27.1")
    assert binaries.installed_go() == "go1.27.1"


def test_each_go_is_asked_for_its_version_once(bare: Path) -> None:
    for place, told in (("by-hand/go", "go1.26.8"), ("path/go", "go1.27.1")):
        _go(bare / place, told)
        assert [binaries.installed_go() for _ in range(3)] == [told] * 3
        assert (bare / f"{place}.asked").read_text() == "asked\n"
