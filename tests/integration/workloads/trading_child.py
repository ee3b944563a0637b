"""A process that trades the session of a folder until it is killed, and says each order it sends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_workloads.sessions import open_session
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.sessions.sample_sessions import NAME, START, Market, specification

if TYPE_CHECKING:
    from tradeplane_native import OrderRequest


def main(folder: Path, messages: int) -> None:
    """Open the session, settle what was under way when the process before this one ended, and trade on."""
    with open_session(folder, NAME, specification()) as recorded:
        session = recorded.session

        def commit() -> list[OrderRequest]:
            requests = recorded.commit()
            for request in requests:
                if request.action == "submit":
                    print(request.order, flush=True)  # it is with the exchange from here on
            return requests

        market = Market(seed=session.inputs, commit=commit)
        market.time = max(START, session.now)
        if recorded.recovered:
            market.answer(session)
            for order in session.open_orders():  # the exchange says it never heard of the one, and took back the other
                if order.state == "sent" or order.asked:
                    became = OrderEvent.REFUSE if order.state == "sent" else OrderEvent.CANCEL
                    market.report(session, order.request, became, 0)
        market.run(session, messages)
        commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
