"""Events as an API server (1.34) tells them by the policy of operator/deploy/audit."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
PATH = "/apis/tradeplane.dev/v1alpha1/namespaces/trading/strategies"
TIME = "2026-01-05T09:00:01.000250Z"


def strategy(generation: int = 1, spec: Any = None, uid: str = "4d1f8c9e", **metadata: Any) -> Json:
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "macd", "namespace": "trading", "uid": uid, "generation": generation, **metadata},
        "spec": {"capital": "100000"} if spec is None else spec,
    }


def event(verb: str = "create", code: int = 201, answer: Any = None, asked: Any = None, **more: Any) -> Json:
    """Return the event of a request; what is given as None is left out."""
    said = {
        "level": "RequestResponse",
        "auditID": "0c3d6c0e-2f5b-4a7f-8d3a-1f2e3d4c5b6a",
        "stage": "ResponseComplete",
        "requestURI": f"{PATH}/macd?fieldManager=kubectl",
        "verb": verb,
        "user": {"username": "alice", "groups": ["quants", "system:authenticated"], "extra": {"scopes": ["x"]}},
        "sourceIPs": ["10.0.0.1"],
        "userAgent": "kubectl/v1.34",
        "objectRef": {
            "resource": "strategies",
            "namespace": "trading",
            "name": "macd",
            "apiGroup": "tradeplane.dev",
            "apiVersion": "v1alpha1",
        },
        "responseStatus": {"metadata": {}, "code": code},
        "requestObject": asked,
        "responseObject": strategy() if answer is None else answer,
        "requestReceivedTimestamp": "2026-01-05T09:00:01.000100Z",
        "stageTimestamp": TIME,
        "annotations": {"authorization.k8s.io/decision": "allow"},
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def listed(*events: Any) -> bytes:
    """Return the bytes of a list of events."""
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": events}).encode()


def gone(uid: str = "4d1f8c9e") -> Json:
    """Return the answer to a deletion of what had no finalizers."""
    details = {"name": "macd", "group": "tradeplane.dev", "kind": "strategies", "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def table(*objects: Json) -> Json:
    """Return an answer as a client gets it that asks for a table."""
    rows = [{"cells": ["macd"], "object": one} for one in objects]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "rows": rows}


def partial(generation: int = 1, **metadata: Any) -> Json:
    """Return an answer as a client gets it that asks for metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": strategy(generation, **metadata)["metadata"],
    }
