"""SpiceDB's messages, from its client ``authzed``, to be imported from here alone.

Both the client and we bring a module made from ``validate/validate.proto``, and protobuf takes that file once in a
process; so the client is given ours, which says the same.
"""

from __future__ import annotations

import sys

from proto import validate
from proto.validate import validate_pb2

sys.modules.setdefault("validate", validate)
sys.modules.setdefault("validate.validate_pb2", validate_pb2)

from authzed.api import v1  # noqa: E402 - only now can it be imported

__all__ = ["v1"]
