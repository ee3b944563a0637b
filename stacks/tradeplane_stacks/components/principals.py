"""Accounts of AWS, and the roles in them that may be named: nobody is named as a whole account."""

from typing import Annotated

from pydantic import StringConstraints

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]

# No wildcard, and no root of an account: those would let whoever writes IAM policies there sign.
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$")]
