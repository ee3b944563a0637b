"""Why there is no chart."""


class ChartError(Exception):
    """No chart can be made; the message names the field or the object, and says what to do."""
