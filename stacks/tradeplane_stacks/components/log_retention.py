"""How long logs are kept in CloudWatch."""

from typing import Literal, TypeAlias

# Of the periods that CloudWatch has (PutRetentionPolicy, retentionInDays), those of three months and more: an incident
# is often found later than that.
RetentionDays: TypeAlias = Literal[90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
