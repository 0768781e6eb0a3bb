"""Makes the gateway listen on the loopback interface alone.

By default it listens on all interfaces, whatever GATEWAY_LISTEN says, and runs code for any caller. This also raises
the backlog from 50, because connections were dropped when an engine opened many at once on a busy machine.
"""

from functools import partial

from localstack.runtime import hooks

BACKLOG = 1_024


@hooks.on_infra_start()
def listen_on_loopback():
    from twisted.internet import endpoints

    endpoints.TCP4ServerEndpoint = partial(endpoints.TCP4ServerEndpoint, backlog=BACKLOG, interface="127.0.0.1")
