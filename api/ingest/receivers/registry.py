"""Who reads the bodies that bring errors: each protocol is a line."""

from api.ingest.receivers import Receivers
from api.ingest.receivers.native import ERRORS, native_receivers

ERROR_RECEIVERS = Receivers(*native_receivers(ERRORS))
