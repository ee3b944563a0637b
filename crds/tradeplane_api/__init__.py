"""What a user may ask of tradeplane: one pydantic model a kind, and the documents rooms exchange.

Every other room imports this one and it imports none of them, so that the words of the API have one home.
"""

import os

from tradeplane_api.plugins import leave_search_out

leave_search_out(os.environ)
