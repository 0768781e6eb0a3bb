"""Reads a number of members from each line of its input, runs a chord of so many, and prints what the callback gave as JSON."""

import json
import sys

from celery import chord

from celery_app import collect, identity

for line in sys.stdin:
    result = chord((identity.s(index) for index in range(int(line))), collect.s()).apply_async()
    print(json.dumps(result.get(timeout=1800)), flush=True)
