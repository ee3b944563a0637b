"""What a platform has in all its regions together."""

from tradeplane_stacks.components.signing_key import SigningKey, SigningKeyConfig
from tradeplane_stacks.programs.program import Part, Program

PLATFORM = Program(
    "tradeplane-platform",
    (Part("signing_key", SigningKey, SigningKeyConfig),),
)
