"""Judges a plan of Terraform; run by the Python of checkov's own environment, and prints JSON.

By checkov's runner, as ``checkov_kubernetes.py``. Types that no check is of are told: they were not judged.
"""

import json
import sys
from pathlib import Path

from checkov.runner_filter import RunnerFilter
from checkov.terraform.plan_runner import Runner

report = Runner().run(None, files=[sys.argv[1]], runner_filter=RunnerFilter(framework=["terraform_plan"]))
judged = {one.resource.partition(".")[0] for one in (*report.passed_checks, *report.failed_checks)}
planned = {one["type"] for one in json.loads(Path(sys.argv[1]).read_text())["resource_changes"]}
failed = [
    {"check_id": one.check_id, "resource": one.resource, "check_name": one.check_name} for one in report.failed_checks
]
print(
    json.dumps(
        {
            "passed": len(report.passed_checks),
            "failed": failed,
            "unread": report.parsing_errors,
            "unjudged": sorted(planned - judged),
        }
    )
)
