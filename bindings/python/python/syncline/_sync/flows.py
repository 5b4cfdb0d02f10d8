# Written by tools/twins.py from _async/flows.py. Change that one.
"""State machines over blueprints."""

from __future__ import annotations

from collections.abc import Iterator, Iterable
from typing import List, Any
from uuid import UUID

from .._caller import Caller
from .._plain import build, build_all, plain
from ..model.entity import Entity
from ..model.flow import Flow, SavedFlow, Standing, StateHistory, Taken, TakenOne
from ..model.mapping import Finding

MANY = 1_000


class Flows:
    """The flows of a tenant, and what is done by them."""

    def __init__(self, caller: Caller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    def _call(self, name: str, /, **arguments: Any) -> Any:
        return self._caller.call(f"flows.{name}", tenant=self._tenant, **arguments)

    def list(self) -> List[Flow]:
        """The flows, by name."""
        return build_all(Flow, self._call("list"))

    def get(self, name: str) -> Flow:
        """A flow.

        Raises:
            NotFoundError: when there is none.
        """
        return build(Flow, self._call("get", name=name))

    def save(self, flow: Flow) -> SavedFlow:
        """Makes a flow, or a new version of the one of this name.

        Raises:
            InvalidError: with everything that is wrong.
        """
        return build(SavedFlow, self._call("save", flow=plain(flow)))

    def check(self, flow: Flow) -> List[Finding]:
        """Everything to say about a flow before it is saved."""
        return build_all(Finding, self._call("check", flow=plain(flow)))

    def diagram(self, name: str) -> str:
        """A flow as a Mermaid diagram."""
        return str(self._call("diagram", name=name))

    def remove(self, name: str) -> None:
        """Removes a flow; the state is an ordinary field from then on."""
        self._call("remove", name=name)

    def available(self, entity: Entity | UUID | str) -> List[Standing]:
        """Where an entity stands in each flow: what can be taken, and why the rest can't."""
        return build_all(Standing, self._call("available", uid=_uid(entity)))

    def take(
        self, entity: Entity | UUID | str, transition: str, /, *, flow: str | None = None, rev: int | None = None, **inputs: Any
    ) -> Taken:
        """Takes a transition on an entity.

        Args:
            entity: The entity.
            transition: Its name.
            flow: Which flow is meant, where several have such a transition.
            rev: The revision that was looked at: who was faster is then noticed.
            inputs: What it asks for, by field.

        Raises:
            RefusedError: when it leads from another state, or its guard does not hold, with the reason.
            ForbiddenError: when it is for another role.
            StaleError: when the state was changed since ``rev``.
        """
        request = {"transition": transition, "flow": flow, "read_rev": rev, "inputs": plain(inputs)}
        answer = self._call("take", uid=_uid(entity), request=request)
        taken = answer["taken"]
        return Taken(
            Entity.of(taken["entity"], answer["types"]),
            taken["flow"],
            taken["transition"],
            taken["from"],
            taken["to"],
            taken["changed"],
        )

    def take_many(
        self,
        entities: Iterable[Entity | UUID | str],
        transition: str,
        /,
        *,
        flow: str | None = None,
        **inputs: Any,
    ) -> Iterator[TakenOne]:
        """Takes a transition on many entities, each by itself: one that can't be moved says why, and keeps nobody else."""
        request = {"transition": transition, "flow": flow, "inputs": plain(inputs)}
        uids = [_uid(entity) for entity in entities]
        for start in range(0, len(uids), MANY):
            selection = {"ids": uids[start : start + MANY]}
            answer = self._call("take_many", selection=selection, request=request)
            for one in build_all(TakenOne, answer["results"]):
                yield one

    def history(self, entity: Entity | UUID | str) -> List[StateHistory]:
        """An entity's way through each of its flows, with the times."""
        return build_all(StateHistory, self._call("history", uid=_uid(entity)))


def _uid(entity: Entity | UUID | str) -> str:
    return str(entity.uid if isinstance(entity, Entity) else entity)
