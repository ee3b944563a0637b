"""Pictures of stacks, drawn from what their programs ask for: ``docs/stacks/pictures/`` and the page around them.

A picture that a person draws is of the day on which it was drawn. These are made by the programs themselves, run on
Pulumi's mocks by the examples of configuration; a test fails where they are not what the programs say.
"""
