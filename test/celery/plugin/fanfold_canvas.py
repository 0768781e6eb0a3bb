"""Converts Celery's signatures into Fanfold's wire form, with the results that a client expects of them."""

import time
from datetime import datetime, timezone
from uuid import uuid4

from celery.canvas import _basemap, _chain, _chord, chunks, group, maybe_signature
from celery.result import GroupResult
from celery.utils.functional import _regen

#: Options that Celery sets while it prepares a message. They give a task's position, which Fanfold knows by itself.
INTERNAL = {
    "task_id", "root_id", "parent_id", "reply_to", "group_id", "group_index", "chord", "chain", "immutable", "link", "link_error",
    "stamped_headers", "producer", "publisher", "add_to_parent", "route_name", "retries", "throw", "replaced_task_nesting",
}
#: Seconds for a header to be produced. A slower header is sent as it is produced.
PULL_SECONDS = 0.3
SAME = {"priority", "countdown", "expires", "queue"}


def wire_value(value):
    """Returns an argument as JSON. Bytes in the suite become text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {str(name): wire_value(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [wire_value(each) for each in value]
    return value


def wire_options(options, task_id=None):
    """Returns options in wire form. The id by which a client finds the result becomes a stamp."""
    wire, stamped = {}, sorted(options.get("stamped_headers") or [])
    for name, value in options.items():
        if value is None or name in INTERNAL or name in stamped:
            continue
        if name in SAME:
            wire[name] = value
        elif name == "eta":
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            wire[name] = int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() * 1000)
        elif name == "soft_time_limit":
            wire["timeout"] = value
        elif name == "ignore_result":
            wire["ignoreResult"] = value
        else:
            raise NotImplementedError(f"the option {name} is not translated")
    stamps = {name: options[name] for name in stamped}
    if task_id is not None:
        stamps["task_id"] = task_id
    if stamps:
        wire.update(wire_value(stamps), stamped_headers=list(stamps))
    return wire


def _listed(value):
    return list(value) if isinstance(value, (list, tuple)) else ([] if value is None else [value])


def _dress(node, options, task_id=None):
    """Adds options and callbacks to a node. No client waits for the callbacks, so these get no ids."""
    wired = wire_options(options, task_id)
    if wired:
        node["options"] = wired
    return add_links(node, options)


def add_links(node, options):
    for name in ("link", "link_error"):
        given = [Converter(None, ids=False).convert(each)[0] for each in _listed(options.get(name))]
        if given:
            node[name] = [*node.get(name, []), *given]
    return node


def pulled(header):
    """Returns the members of a header, and the generator of the others when the header is slow to produce them."""
    if not isinstance(header, _regen):
        return list(header), None
    members, rest, end = [], iter(header), time.monotonic() + PULL_SECONDS
    for member in rest:
        members.append(member)
        if time.monotonic() > end:
            return members, rest
    return members, None


class Converter:
    """Converts a canvas as it was composed. Fanfold decides how chains and nested groups resolve."""

    def __init__(self, app, ids=True):
        self.app = app
        self.ids = ids
        #: Every result by its id.
        self.results = {}

    def convert(self, sig):
        """Returns the wire form of a signature, and its result."""
        sig = maybe_signature(sig)
        if isinstance(sig, _chain):
            return self._chain(sig)
        if isinstance(sig, _chord):
            return self._chord(sig)
        if isinstance(sig, group):
            return self._group(sig)
        if isinstance(sig, chunks):
            return self._group(sig.group())
        return self._task(sig)

    def _task(self, sig):
        options = dict(sig.options)
        task_id = options.get("task_id") or (str(uuid4()) if self.ids else None)
        if isinstance(sig, _basemap):
            task, items = sig.kwargs["task"], list(sig.kwargs["it"])
            node = {sig.subtask_type or sig.task.removeprefix("celery."): {"task": getattr(task, "name", None) or task["task"], "it": wire_value(items)}}
        else:
            node = {"task": sig.task}
            if sig.args:
                node["args"] = wire_value(sig.args)
            if sig.kwargs:
                node["kwargs"] = wire_value(sig.kwargs)
            if sig.immutable:
                node["immutable"] = True
        _dress(node, options, task_id)
        return node, None if self.app is None else self._known(self.app.AsyncResult(task_id))

    def _known(self, result):
        self.results[result.id] = result
        return result

    def _chain(self, sig):
        nodes, last = [], None
        for item in sig.tasks:
            node, result = self.convert(item)
            nodes.append(node)
            if result is None:
                continue
            # A group of one becomes its member when a chain continues after it.
            if isinstance(result, GroupResult) and isinstance(maybe_signature(item), group) and len(result.results) == 1:
                result = result.results[0]
            if isinstance(result, GroupResult) and not result.results and last is not None:
                continue
            if last is not None:
                attach(result, last)
            last = result
        return _dress({"chain": nodes}, sig.options), last

    def _group(self, sig):
        members = list(sig.tasks)
        pairs = [self.convert(member) for member in members]
        node = _dress({"group": [node for node, _ in pairs]}, sig.options)
        if self.app is None:
            return node, None
        results = []
        for member, (_, result) in zip(members, pairs):
            # A group inside a group dissolves.
            results += result.results if isinstance(maybe_signature(member), group) else [result]
        return node, self._known(self.app.GroupResult(sig.options.get("task_id") or str(uuid4()), results))

    def _chord(self, sig):
        header = sig.tasks if isinstance(sig.tasks, group) else group(list(sig.tasks), app=self.app)
        header_node, header_result = self._group(header)
        body_node, body_result = self.convert(sig.body)
        if body_result is not None:
            attach(body_result, header_result)
        node = {"chord": {"header": header_node if "options" in header_node else header_node["group"], "body": body_node}}
        return _dress(node, sig.options), body_result


def attach(result, parent):
    """Sets the parent of the first result in a chain. When that is a group, sets the parent of every member."""
    while result.parent is not None:
        result = result.parent
    result.parent = parent
    if isinstance(result, GroupResult):
        for member in result.results:
            attach(member, parent)


def with_partials(node, args, kwargs):
    """Adds the arguments of the call to the first tasks that run."""
    if "task" in node:
        if not node.get("immutable"):
            if args:
                node["args"] = [*wire_value(args), *node.get("args", [])]
            if kwargs:
                node["kwargs"] = {**node.get("kwargs", {}), **wire_value(kwargs)}
    elif "chain" in node:
        with_partials(node["chain"][0], args, kwargs)
    elif "chord" in node:
        header = node["chord"]["header"]
        for member in header if isinstance(header, list) else header["group"]:
            with_partials(member, args, kwargs)
    elif "group" in node:
        for member in node["group"]:
            with_partials(member, args, kwargs)
    return node
