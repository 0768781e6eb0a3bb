"""The gateway listens on the loopback interface alone. By itself it listens on all of them, whatever GATEWAY_LISTEN says, and runs code for anybody who asks.

It lets more callers wait, too: with 50, connections were dropped when an engine opened many at once on a busy machine.
"""

from functools import partial

from localstack.runtime import hooks

BACKLOG = 1_024


@hooks.on_infra_start()
def listen_on_loopback():
    from twisted.internet import endpoints

    endpoints.TCP4ServerEndpoint = partial(endpoints.TCP4ServerEndpoint, backlog=BACKLOG, interface="127.0.0.1")
