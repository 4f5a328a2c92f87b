"""Parts that test for one kind of fault each: a call that affects another client, changes the wrong thing, or is refused
where Nomad serves. Each says what is right; nothing is explained away.
"""

import subprocess
import time
from http.client import HTTPException

import fresh_tokens
import kept_connections
import node_in_body
import odd_ids
import own_token
import refused_exec
import refused_uploads
import repeated_headers
import slow_changes
import streams_and_calls
import successor
from stage import Checks, Stage

# In this order: the last one ends a client.
PARTS = {
    "fresh": fresh_tokens, "repeated": repeated_headers, "exec": refused_exec, "uploads": refused_uploads,
    "ids": odd_ids, "own": own_token, "kept": kept_connections, "shares": streams_and_calls, "slow": slow_changes,
    "named": node_in_body,
    "successor": successor,
}


def run(programs, folder, base, chosen):
    """The faults found by the chosen parts."""
    stage = Stage(programs, folder, base)
    wrong = []
    try:
        stage.start()
        for name, part in PARTS.items():
            if name in chosen:
                wrong += looked_at(name, lambda checks, part=part: part.run(stage, checks))
    finally:
        stage.stop()
    return wrong


def looked_at(name, part):
    """The faults found by one part; one that cannot continue is a fault, and the others continue."""
    checks, began = Checks(name), time.monotonic()
    try:
        part(checks)
    except (OSError, ValueError, KeyError, SystemExit, HTTPException, subprocess.SubprocessError) as error:
        checks.that("goes on to its end", False, repr(error))
    print(f"{name} took {time.monotonic() - began:.0f} s")
    return checks.wrong
