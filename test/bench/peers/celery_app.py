"""The tasks of the Celery benchmark, and how its worker is set up."""

import os

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(
    # "If you have lots of short tasks, and throughput is important, then you want this number to be large": its guide to optimizing.
    worker_prefetch_multiplier=128,
    worker_send_task_events=False,
    task_send_sent_event=False,
    task_serializer="json",
    result_serializer="json",
)


@app.task(name="bench.identity")
def identity(index):
    return index


@app.task(name="bench.sum")
def collect(values):
    with open(os.environ["BENCH_FILE"], "a", encoding="utf-8") as file:
        file.write("x\n")
    return {"count": len(values), "total": sum(values), "ordered": values == list(range(len(values)))}
