"""Live sessions: a strategy fed what arrives, recorded so that it can be recovered and replayed. No network here."""

from tradeplane_workloads.sessions.folder import RecordedSession, has_begun, open_session
from tradeplane_workloads.sessions.replaying import Verdict, compare, replay
from tradeplane_workloads.sessions.specification import SessionSpecification

__all__ = ["RecordedSession", "SessionSpecification", "Verdict", "compare", "has_begun", "open_session", "replay"]
