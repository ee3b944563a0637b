"""Judges a file of Kubernetes objects; run by the Python of checkov's own environment, and prints JSON.

By checkov's runner and not by its command, which loads every language that it knows and takes four times as long.
"""

import json
import sys

from checkov.kubernetes.runner import Runner
from checkov.runner_filter import RunnerFilter

report = Runner().run(None, files=[sys.argv[1]], runner_filter=RunnerFilter(framework=["kubernetes"]))
failed = [
    {"check_id": one.check_id, "resource": one.resource, "check_name": one.check_name} for one in report.failed_checks
]
print(json.dumps({"passed": len(report.passed_checks), "failed": failed, "unread": report.parsing_errors}))
