"""Settings of the operator: one YAML file the administrator writes, checked before anything starts.

Tenants refer to stores by name only; what a name means (URL, claim, Secret) stands here. Permissions the settings imply
are listed in docs/operator.md.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from tradeplane_api.approvers import MAX_APPROVERS
from tradeplane_api.strategy import Mode

if TYPE_CHECKING:
    from pathlib import Path

ImageByDigest = Annotated[str, StringConstraints(pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$", max_length=512)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]


class SettingsError(Exception):
    """The settings cannot be used; the message names the file, the field and the remedy."""


class Section(BaseModel):
    """Base of the sections: camelCase in YAML, unknown names refused so that a typing error is not silence."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True)


class Store(Section):
    """A store tenants may name.

    The operator opens ``url`` + ``/<namespace>``. A pod sees its namespace's folder only: mounted from ``claim`` at
    /store where the URL is a ``file://`` one, by ``pod_url`` + ``/<namespace>`` (default ``url``) otherwise.
    """

    url: str = Field(pattern=r"^[a-z][a-z0-9+.-]*://", max_length=1024)
    claim: str | None = Field(
        default=None, description="PersistentVolumeClaim in each tenant's namespace; file:// only."
    )
    pod_url: str | None = Field(default=None, description="URL pods use, where it differs from the operator's.")
    credentials_secret: str | None = Field(
        default=None, description="Secret in each tenant's namespace whose keys become variables of the pod."
    )
    environment: dict[str, str] = Field(default_factory=dict, description="Variables of the pod, nothing secret.")

    @model_validator(mode="after")
    def _claim_for_files(self) -> Self:
        if self.url.startswith("file://") and not self.claim:
            raise ValueError("a file:// store needs `claim`, the PersistentVolumeClaim that pods mount at /store")
        return self


class ImageTrust(Section):
    """By whom images must be attested to be run."""

    keyring: str = Field(
        pattern=r"^/",
        max_length=512,
        description="File of the keyring: keys, the builders each signs for, and what is revoked.",
    )
    builders: tuple[str, ...] = Field(
        default=(), max_length=64, description="Builders of images that will do; empty takes any that a key signs for."
    )
    plain_http: bool = Field(default=False, description="Whether the registries have no TLS, as one of a test.")
    listed: bool = Field(
        default=False,
        description="Whether the digests that were verified are listed in the ConfigMap tradeplane-verified-images of "
        "the operator's namespace, for an admission policy.",
    )
    valid_seconds: int = Field(
        default=3_600, ge=1, description="How long an image that was verified is, for what is started next."
    )
    again_seconds: int = Field(default=5, ge=1, description="First pause after a registry was not reached.")
    most_seconds: int = Field(default=300, ge=1, description="Longest such pause, and that after a refusal.")


class Images(Section):
    """Which images may run."""

    default: ImageByDigest = Field(description="The runner, by digest, where a Strategy names no image.")
    require_digest: bool = Field(default=True, description="Refuse images that are named without a digest.")
    registries: tuple[str, ...] = Field(
        default=(), description="Prefixes images must begin with, such as registry.example/team/; empty allows all."
    )
    attested: ImageTrust | None = Field(
        default=None, description="By whom an image must be attested to be run; nobody where absent."
    )

    @model_validator(mode="after")
    def _registries_are_named(self) -> Self:
        """No tenant has the operator ask a host of theirs: where images are looked at, the registries are named."""
        if self.attested is None:
            return self
        if not self.require_digest:
            raise ValueError("images.attested needs requireDigest: what is attested is known by its digest alone")
        if not self.registries or not all("/" in prefix for prefix in self.registries):
            raise ValueError(
                "images.attested needs registries, each with a slash behind the host (registry.example/team/): the "
                "operator asks those and no others"
            )
        return self


class Limits(Section):
    """Caps on runs at once; what is beyond waits, oldest first."""

    runs_per_namespace: int = Field(default=200, ge=1)
    runs: int = Field(default=1_000, ge=1)


class Retention(Section):
    """How long finished Jobs stay, where a Strategy sets no ttlSecondsAfterFinished. Results and logs stay anyway."""

    succeeded_seconds: int = Field(default=60, ge=0)
    failed_seconds: int = Field(default=3_600, ge=0)


class Jobs(Section):
    """What every Job has."""

    service_account: str = Field(default="tradeplane-runner", max_length=253)
    temporary_size: str = Field(default="256Mi", pattern=r"^[0-9]+(Ki|Mi|Gi)$", description="Limit of a pod's /tmp.")
    store_group: int = Field(default=65532, ge=1, description="fsGroup: who owns what pods write to a claim.")


OPERATOR_BUILDER = "https://tradeplane.dev/evidence/builders/operator-v1"
"""What the operator's builders begin with, where the settings name none."""


class BuilderMode(StrEnum):
    """What a builder of the operator does: docs/evidence/operator.md#builders says what each vouches for."""

    BACKTEST = "backtest"
    """It had a run made, and took its results from where that run alone writes."""
    REPLAY = "replay"
    """It had a run or a session replayed."""
    CAPTURE = "capture"
    """It had market data captured and sealed."""


class Evidence(Section):
    """Where finished runs are attested, and by whom; absent where they are not.

    A run's results go to ``registry`` + ``/<namespace>/<name of the Strategy>``; registries list them by a tag, which
    is the run's name.
    """

    registry: str = Field(
        pattern=r"^[A-Za-z0-9.\[\]:-]+(/[a-z0-9][a-z0-9._-]*)*$",
        max_length=200,
        description="Registry, and what the names of repositories begin with: registry.example.com/tradeplane/runs.",
    )
    plain_http: bool = Field(default=False, description="Whether the registry has no TLS, as one of a test.")
    signer: str = Field(
        pattern=r"^(file:/|awskms:///|keyless:/)",
        max_length=1024,
        description="Who signs: file:/etc/tradeplane-signing/key.pem, awskms:///alias/NAME, or "
        "keyless:/etc/tradeplane-sigstore/trust-config.json?token-file=...&identity=....",
    )
    builder: str | None = Field(
        default=None,
        max_length=512,
        description="What all statements call this operator with this signer, a URI; where absent one for each of what "
        "it attests and who signs, as https://tradeplane.dev/evidence/builders/operator-v1/backtest/awskms.",
    )
    timestamp_authority: str | None = Field(
        default=None,
        pattern=r"^https?://",
        max_length=512,
        description="URL of who says when it was signed (RFC 3161); nobody where absent.",
    )
    snapshot_keys: str | None = Field(
        default=None,
        pattern=r"^/",
        max_length=512,
        description="File of a keyring: who else attests snapshots, as those who import them. An attestation by one of "
        "its keys, or by the signer, is named by the runs on the snapshot; by the signer alone where absent.",
    )
    snapshot_wait_seconds: int = Field(
        default=120,
        ge=0,
        description="How long after its end a run waits for the attestation of a snapshot that a capture sealed; it is "
        "attested without it then.",
    )
    snapshot_records_bytes: int | None = Field(
        default=None,
        ge=1,
        description="The records of a snapshot that a capture sealed are pushed as well where all of them have no more "
        "bytes, and no file more than mostBytes: who may read the registry has them then. Absent, they stay in the "
        "store.",
    )
    required: bool = Field(default=False, description="Whether a Strategy is Ready only once its run is attested.")
    at_once: int = Field(default=4, ge=1, le=64, description="Runs that are attested at the same time.")
    signatures_per_second: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="How often the signer may be asked; runs that end faster are signed together. As often as runs end "
        "where absent.",
    )
    most_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1,
        description="A run with more, in all files of results and manifests of its data, is not attested; so much "
        "memory is taken for each that is attested at the same time.",
    )
    upload_bytes_per_second: float | None = Field(
        default=None,
        ge=64 * 1024,
        description="Bytes that are sent to the registry a second, at most, by all attestations together; as many as "
        "the line takes where absent.",
    )
    again_seconds: int = Field(default=5, ge=1, description="First pause after registry or signer was not reached.")
    most_seconds: int = Field(default=300, ge=1, description="Longest such pause.")
    deletion_wait_seconds: int = Field(
        default=86_400,
        ge=0,
        description="How long an object that is deleted is kept, by a finalizer, for an attestation that was delayed; "
        "it goes without then.",
    )

    def builder_of(self, mode: BuilderMode) -> str:
        """Return what the statements of what it does call this operator with this signer."""
        if self.builder is not None:
            return self.builder
        return f"{OPERATOR_BUILDER}/{mode}/{self.signer.partition(':')[0]}"

    @model_validator(mode="after")
    def _keyless_has_timestamps_of_its_own(self) -> Self:
        if self.signer.startswith("keyless:") and self.timestamp_authority is not None:
            raise ValueError(
                "a signer of keyless: has timestamps of the authorities that its trust configuration names; leave out "
                "timestampAuthority"
            )
        return self


class ApprovalRule(Section):
    """What needs approval before it starts; of several rules that speak of a Strategy the one asking most holds."""

    modes: tuple[Mode, ...] = Field(min_length=1, max_length=8, description="Modes of Strategies it speaks of.")
    namespaces: tuple[Label, ...] = Field(default=(), description="Namespaces it speaks of; empty for all.")
    approvers: int = Field(
        default=1,
        ge=1,
        le=MAX_APPROVERS,
        description="How many users must approve; with two, one of them at least has not written what is approved.",
    )


class ApprovalPolicy(Section):
    """What starts only once it is approved, and who approves."""

    keyring: str = Field(
        pattern=r"^/",
        max_length=512,
        description="File of the approvers' keyring: keys, the users each approves for, and what is revoked.",
    )
    rules: tuple[ApprovalRule, ...] = Field(
        default=(), max_length=64, description="What needs approval; nothing where empty."
    )
    again_seconds: int = Field(
        default=30, ge=1, description="Pause before a keyring that cannot be read is read again."
    )
    most_seconds: int = Field(
        default=300, ge=1, description="How often what waits, and an Approval, is held against the keyring anew."
    )


class Lease(Section):
    """Leadership, by a Lease of the operator's namespace; seconds.

    ``renew_seconds`` must leave a write that began just before it time to end (``client.request_seconds``) before
    ``duration_seconds`` lets another replica take over.
    """

    name: str = Field(default="tradeplane-operator", max_length=253)
    namespace: str = Field(default="tradeplane-system", max_length=63)
    duration_seconds: int = Field(default=15, ge=2)
    renew_seconds: float = Field(default=9.0, gt=0, description="Without a renewal for this long a leader exits.")
    retry_seconds: float = Field(default=2.0, gt=0)


class Region(Section):
    """Which region of a service this is, and where it is recorded which one is active: nobody leads in another.

    The output ``operator_settings`` of the component Failover has it for each region.
    """

    name: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$", max_length=32)
    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="Table of Amazon DynamoDB with the record.")
    table_regions: tuple[str, ...] = Field(min_length=1, description="Regions that have it, asked in this order.")
    valid_seconds: int = Field(
        default=30, ge=10, le=300, description="How long what was read holds, here and in every region."
    )


class Client(Section):
    """How the operator talks to the API server."""

    request_seconds: float = Field(default=5.0, gt=0, description="Limit of one request.")
    list_chunk: int = Field(default=500, ge=1, description="Objects a page of a list.")
    inactivity_seconds: float = Field(
        default=70.0, gt=0, description="A watch without events or bookmarks for this long is opened anew."
    )
    relist_seconds: float = Field(default=600.0, gt=0, description="How often known objects are checked to exist.")


class Pace(Section):
    """How often the loop works and looks again; seconds."""

    workers: int = Field(default=16, ge=1, le=256)
    retry_first_seconds: float = Field(default=0.2, gt=0)
    retry_most_seconds: float = Field(default=60.0, gt=0)
    pod_grace_seconds: int = Field(default=15, ge=1, description="A pod not running after this long is looked at.")
    pod_slow_seconds: int = Field(default=90, ge=1, description="A pod with nothing wrong is called slow after this.")
    pod_again_seconds: int = Field(default=20, ge=1, description="First pause before a waiting pod is looked at again.")
    pod_most_seconds: int = Field(default=120, ge=1, description="Longest such pause.")
    store_again_seconds: int = Field(default=10, ge=1, description="First pause after a store could not be reached.")
    store_most_seconds: int = Field(default=120, ge=1, description="Longest such pause.")
    results_grace_seconds: int = Field(
        default=15, ge=1, description="How long results may take to appear in the store after a Job's end."
    )
    store_patience_seconds: int = Field(
        default=3_600, ge=1, description="After this long without the store, a finished run counts as failed."
    )
    snapshot_again_seconds: int = Field(default=30, ge=1, description="Pause before a snapshot is sought again.")
    probe_most_seconds: int = Field(
        default=600, ge=1, description="Longest pause after a probe that failed, where the interval is not longer."
    )

    bundle_again_seconds: int = Field(
        default=10, ge=1, description="Pause before the next bundle of a capture is sought again."
    )
    closing_grace_seconds: int = Field(
        default=120,
        ge=1,
        description="How long stopping a trader and starting what closes its session may take, beside the closing.",
    )

    @property
    def slow_after(self) -> timedelta:
        """Return ``pod_slow_seconds`` as a span of time."""
        return timedelta(seconds=self.pod_slow_seconds)


class Ports(Section):
    """Where the operator listens."""

    address: str = "0.0.0.0"  # noqa: S104 - in a pod, guarded by its NetworkPolicy
    metrics: int = Field(default=8080, ge=0, le=65535)
    health: int = Field(default=8081, ge=0, le=65535)


class Settings(Section):
    """All of it."""

    stores: dict[Label, Store] = Field(min_length=1)
    images: Images
    limits: Limits = Field(default_factory=Limits)
    retention: Retention = Field(default_factory=Retention)
    jobs: Jobs = Field(default_factory=Jobs)
    evidence: Evidence | None = None
    approvals: ApprovalPolicy | None = Field(
        default=None, description="What starts only once it is approved; nothing where absent."
    )
    namespaces: tuple[Label, ...] = Field(default=(), description="Namespaces served; empty serves the whole cluster.")
    lease: Lease = Field(default_factory=Lease)
    region: Region | None = Field(default=None, description="Absent: the service is in this cluster alone.")
    client: Client = Field(default_factory=Client)
    pace: Pace = Field(default_factory=Pace)
    ports: Ports = Field(default_factory=Ports)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _lease_leaves_time(self) -> Self:
        spare = self.lease.duration_seconds - self.lease.renew_seconds
        if spare <= self.client.request_seconds:
            raise ValueError(
                f"lease.durationSeconds - lease.renewSeconds is {spare:g} s, which does not let a request of "
                f"client.requestSeconds ({self.client.request_seconds:g} s) end before another replica may lead; "
                "raise the duration or lower one of the others"
            )
        return self

    @model_validator(mode="after")
    def _region_leaves_time(self) -> Self:
        if (
            self.region is not None
            and self.region.valid_seconds <= self.client.request_seconds + self.lease.retry_seconds
        ):
            raise ValueError(
                f"region.validSeconds ({self.region.valid_seconds} s) does not let a request of client.requestSeconds "
                f"({self.client.request_seconds:g} s) end, after a pause of lease.retrySeconds "
                f"({self.lease.retry_seconds:g} s), before another region may lead; raise it or lower one of the others"
            )
        return self


def read_settings(path: Path) -> Settings:
    """Return the settings in a YAML file. Raises SettingsError naming the file and each field that is wrong."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings {path}: {error.strerror or error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must hold a mapping with at least `stores` and `images`")
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        fields = "; ".join(
            f"{'.'.join(str(step) for step in problem['loc']) or 'settings'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"{path}: {fields}") from error
