"""Lets a function process as many batches of a queue at once as ScalingConfig.MaximumConcurrency allows.

LocalStack processes one batch of an event source mapping at a time, so a long batch blocks its queue. This module
replaces internal methods of LocalStack 4.14.0.
"""

import logging
import threading

from localstack.runtime import hooks

LOG = logging.getLogger(__name__)
# AWS begins with this many batches at once.
USUAL_CONCURRENCY = 5


@hooks.on_infra_start()
def take_batches_side_by_side():
    from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

    get_esm_worker, poll_events, handle_messages = EsmWorkerFactory.get_esm_worker, SqsPoller.poll_events, SqsPoller.handle_messages

    def worker_with_slots(self):
        worker = get_esm_worker(self)
        scaling = self.esm_config.get("ScalingConfig") or {}
        worker.poller.slots = threading.Semaphore(scaling.get("MaximumConcurrency") or USUAL_CONCURRENCY)
        return worker

    def poll_with_slot(self):
        """Polls only when a slot is free, so that messages wait in the queue. Only the polling thread uses `has_slot`.
        """
        self.slots.acquire()
        self.has_slot = True
        try:
            poll_events(self)
        finally:
            if self.has_slot:
                self.slots.release()

    def handle_aside(self, messages):
        # The slot covers one batch. The poller itself handles any other messages that it received with it.
        if not self.has_slot or self.is_fifo_queue:
            return handle_messages(self, messages)

        def handle():
            try:
                handle_messages(self, messages)
            except Exception as failure:
                LOG.warning("A batch of %s failed: %s", self.source_arn, failure)
            finally:
                self.slots.release()

        self.has_slot = False
        threading.Thread(target=handle, daemon=True).start()

    EsmWorkerFactory.get_esm_worker, SqsPoller.poll_events, SqsPoller.handle_messages = worker_with_slots, poll_with_slot, handle_aside
