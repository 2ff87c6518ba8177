"""What Schemathesis is told of this API beside its description.

It finds ids in answers and uses them again, which is what it is here for; but who deletes the
key or ends the session that it calls with learns nothing more from then on.
"""

import json
import os
import uuid

import schemathesis

# The ids that the caller lives by.
KEPT = json.loads(os.environ.get("KEPT_IDS", "[]"))
ENDS = {"DELETE", "PATCH"}
# How long a call may ask to be kept waiting.
WAIT_SECONDS_MAX = 25


@schemathesis.hook
def before_call(context, case, kwargs):
    """Aims what would end the caller itself at something that is not there, and waits for nothing."""
    if case.method.upper() in ENDS and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            case.path_parameters[name] = instead(value)
    if case.path == "/v1/revocations" and isinstance(case.body, dict):
        for name, value in case.body.items():
            case.body[name] = instead(value)
    if case.path == "/v1/sync" and isinstance(case.body, dict):
        waits = case.body.get("wait_seconds")
        if isinstance(waits, int) and 0 <= waits <= WAIT_SECONDS_MAX:
            case.body["wait_seconds"] = 0


def instead(value):
    """Another id of the same form, where a kept one is meant."""
    if not isinstance(value, str):
        return value
    for kept in KEPT:
        if kept in value:
            return kept[:-36] + str(uuid.uuid5(uuid.NAMESPACE_OID, kept))
    return value
