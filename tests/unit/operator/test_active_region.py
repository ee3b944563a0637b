"""In which region an operator may lead, and until when: of two regions never both at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.active_region import KEY, ActiveRegion, NotARecord
from tradeplane_operator.running.active_region import CLOCKS_AGREE_SECONDS, ActiveHere, RecordReader, RecordUnreadable
from tradeplane_operator.settings import Region

HERE, THERE = "us-east-1", "eu-west-1"
VALID, SPARE = 30, 5.0
UNSIGNED_CONFIG = Config(signature_version=UNSIGNED)
BEGAN = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass
class World:
    """A record, and time."""

    record: ActiveRegion | None
    seconds: float = 0.0
    answers_after: float = 0.0
    asked: int = 0

    def read(self) -> ActiveRegion:
        self.asked += 1
        self.seconds += self.answers_after
        if self.record is None:
            raise RecordUnreadable("table t gives no record: eu-west-1: silent")
        return self.record

    def move(self, region: str) -> None:
        assert self.record is not None
        self.record = self.record.moved(region, "somebody", self.now(), f"move-{self.seconds}")

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds)

    def operator(self, region: str = HERE, skew: float = 0.0) -> ActiveHere:
        settings = Region(name=region, table="failover", table_regions=(THERE,), valid_seconds=VALID)
        return ActiveHere(
            settings, self.read, lambda: self.now() + timedelta(seconds=skew), SPARE, clock=lambda: self.seconds
        )


def record(region: str, epoch: int = 1, at: datetime = BEGAN) -> ActiveRegion:
    return ActiveRegion(region=region, epoch=epoch, moved_at=at, moved_by="stack prod", move="first")


def renew(operator: ActiveHere) -> bool:
    return asyncio.run(operator.renew())


def test_the_first_region_begins_at_once_and_the_other_not_at_all() -> None:
    world = World(record(HERE))
    assert renew(world.operator(HERE))
    there = world.operator(THERE)
    assert not renew(there)
    assert not there.active


def test_what_was_read_holds_from_before_it_was_asked_and_for_no_longer_than_a_write_needs() -> None:
    world = World(record(HERE), answers_after=2.0)
    operator = world.operator()
    assert renew(operator)
    assert operator.deadline == VALID - SPARE
    world.seconds = VALID - SPARE - 0.1
    assert operator.active
    world.seconds = VALID - SPARE
    assert not operator.active


def test_an_operator_that_can_no_longer_read_ends_when_what_it_read_has_run_out() -> None:
    world = World(record(HERE))
    operator = world.operator()
    assert renew(operator)
    world.record = None
    world.seconds = 20
    assert renew(operator)
    world.seconds = VALID
    assert not renew(operator)


def test_an_operator_that_never_read_it_does_not_lead() -> None:
    assert not renew(World(None).operator())


def test_who_is_moved_away_from_ends_as_it_reads_so() -> None:
    world = World(record(HERE))
    operator = world.operator()
    assert renew(operator)
    world.move(THERE)
    assert not renew(operator)
    assert not operator.active


def test_who_is_moved_to_waits_until_the_other_has_ended() -> None:
    world = World(record(THERE))
    operator = world.operator()
    assert not renew(operator)
    world.seconds = 100
    world.move(HERE)
    assert not renew(operator)
    world.seconds = 100 + VALID - 0.1
    assert not renew(operator)
    world.seconds = 100 + VALID
    assert renew(operator)


def test_there_and_back_is_waited_for_as_well() -> None:
    world = World(record(HERE))
    operator = world.operator()
    assert renew(operator)
    world.move(THERE)
    world.move(HERE)
    assert renew(operator), "what it read before the moves holds; it was told of none"
    world.seconds = VALID - SPARE
    assert not renew(operator)
    world.seconds = VALID
    assert renew(operator)


@pytest.mark.parametrize(
    ("age", "skew", "begins"),
    [
        (VALID + CLOCKS_AGREE_SECONDS + 1, 0, True),
        (VALID + CLOCKS_AGREE_SECONDS, 0, False),
        (5, CLOCKS_AGREE_SECONDS, False),
        (5, -3600, False),
    ],
)
def test_a_process_that_starts_waits_for_a_move_of_late_alone(age: float, skew: float, begins: bool) -> None:
    world = World(record(HERE, epoch=2), seconds=age)
    assert renew(world.operator(skew=skew)) == begins


@dataclass
class Two:
    """Two regions that read the record when it is their turn, and who led when."""

    world: World
    operators: dict[str, ActiveHere] = field(default_factory=dict)


STEPS = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from(["move to here", "move to there", "here reads", "there reads", "here restarts", "cut off"]),
        st.floats(0, 3),
    ),
    max_size=60,
)


@given(steps=STEPS, skew=st.floats(-CLOCKS_AGREE_SECONDS, CLOCKS_AGREE_SECONDS))
def test_never_do_both_regions_lead_at_once(steps: list[tuple[float, str, float]], skew: float) -> None:
    world = World(record(THERE))
    two = Two(world, {HERE: world.operator(HERE, skew), THERE: world.operator(THERE)})
    for pause, what, answers_after in steps:
        world.seconds += pause
        world.answers_after = answers_after
        if what.startswith("move"):
            world.move(HERE if what.endswith("to here") else THERE)
        elif what == "here restarts":
            two.operators[HERE] = world.operator(HERE, skew)
        elif what == "cut off":
            kept, world.record = world.record, None
            renew(two.operators[HERE])
            world.record = kept
        else:
            renew(two.operators[HERE if what.startswith("here") else THERE])
        # A write that began while it led may last for as long as there is to spare.
        ends = {region: one.deadline + SPARE for region, one in two.operators.items()}
        leading = [region for region, one in two.operators.items() if one.active]
        assert not leading or all(ends[other] <= world.seconds for other in ends if other not in leading), ends
        assert len(leading) <= 1


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"region": {"S": "eu-west-1"}},
        record(HERE).to_item() | {"epoch": {"N": "0"}},
        record(HERE).to_item() | {"epoch": {"S": "one"}},
        record(HERE).to_item() | {"movedAt": {"S": "yesterday"}},
        record(HERE).to_item() | {"other": {"S": "field"}},
        record(HERE).to_item() | {"region": {"BOOL": True}},
        record(HERE).to_item() | {"region": "us-east-1"},
    ],
)
def test_an_item_that_is_no_record_is_refused(item: dict[str, object]) -> None:
    with pytest.raises(NotARecord, match="the record of the active region is not valid"):
        ActiveRegion.from_item(item)


def test_an_item_is_read_as_it_was_written() -> None:
    one = record(HERE, epoch=7)
    assert ActiveRegion.from_item(one.to_item()) == one
    assert one.to_item()["record"] == {"S": "active"}
    assert one.to_item()["epoch"] == {"N": "7"}


def reader(**answers: ActiveRegion | None) -> RecordReader:
    """Return one whose clients answer by region: a record, or None for a fault of the server."""
    settings = Region(name=HERE, table="failover", table_regions=(THERE, "eu-central-1"), valid_seconds=VALID)
    clients = {}
    for region, answer in answers.items():
        client = botocore.session.Session().create_client("dynamodb", region_name=region, config=UNSIGNED_CONFIG)
        stub = Stubber(client)
        for _ in range(2):
            if answer is None:
                stub.add_client_error("get_item", "InternalServerError", http_status_code=500)
            else:
                asked = {"TableName": "failover", "Key": KEY, "ConsistentRead": True}
                stub.add_response("get_item", {"Item": answer.to_item()}, asked)
        stub.activate()
        clients[region] = client
    return RecordReader(settings, clients)


def test_the_record_is_read_consistently_from_the_first_region_that_gives_it() -> None:
    first, second = record(THERE), record(HERE, epoch=2)
    assert reader(**{THERE: first, "eu-central-1": second})() == first
    other = reader(**{THERE: None, "eu-central-1": second})
    assert other() == second
    assert other() == second, "the region that answered last is asked first, and answers again"


def test_a_record_that_no_region_gives_is_told_with_each() -> None:
    with pytest.raises(RecordUnreadable, match=r"table failover gives no record: eu-west-1: .*eu-central-1: "):
        reader(**{THERE: None, "eu-central-1": None})()
