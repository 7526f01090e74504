"""A job: reads a message, does its work, and says how it went by its exit code."""

import json
import os
import sys

CAN_NEVER_SUCCEED = 65

body = sys.stdin.read()
try:
    job = json.loads(body)
except ValueError as error:
    print(f"not a job: {error}", file=sys.stderr)
    sys.exit(CAN_NEVER_SUCCEED)

print(f"message {os.environ['MESSAGE_ID']} of group {os.environ['MESSAGE_GROUP_ID']}: {job}")
