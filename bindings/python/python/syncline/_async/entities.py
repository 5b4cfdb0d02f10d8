"""The app's records."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import List, Any
from uuid import UUID

from .._caller import AsyncCaller
from .._plain import build, build_all
from ..errors import InvalidError
from ..model.entity import Edited, Entity, Upserted
from ..model.selection import BulkOutcome, BulkPreview, Function, Group, Groups, ImportOutcome
from ..tables import Table, rows_of
from ..values import fields_of, plain, typed

Record = Any
PAGE = 500


class AsyncEntities:
    """The records of one blueprint of a tenant."""

    def __init__(self, caller: AsyncCaller, tenant: int, blueprint: str) -> None:
        self._caller = caller
        self._tenant = tenant
        self.blueprint = blueprint

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.blueprint}>"

    async def _one(self, name: str, /, **arguments: Any) -> Entity:
        found = await self._caller.call(f"entities.{name}", tenant=self._tenant, **arguments)
        return Entity.of(found["entity"], found["types"])

    async def create(self, values: Record | None = None, /, **more: Any) -> Entity:
        """Makes an entity; defaults fill what is not given. The next run creates it in the CRMs that it belongs to.

        Args:
            values: Values by field, as a mapping, a dataclass or a pydantic model.
            more: The same, as keyword arguments.

        Raises:
            InvalidError: with everything that is wrong, each by its field.
            ExistsError: when all that is wrong is that unique values are taken.
        """
        given = plain({**({} if values is None else fields_of(values)), **more})
        return await self._one("create", blueprint=self.blueprint, values=given)

    async def get(self, uid: UUID | str) -> Entity:
        """An entity with its links, deleted or not.

        Raises:
            NotFoundError: when there is none.
        """
        return await self._one("get", uid=str(uid))

    async def update(
        self,
        entity: Entity | UUID | str,
        changes: Record | None = None,
        /,
        *,
        read: int | Mapping[str, Any] | None = None,
        blind: bool = False,
        **more: Any,
    ) -> Edited:
        """Changes fields of an entity. Fields that are as you had read them are left alone, so that a form may send all
        of its fields without reverting what a CRM changed meanwhile.

        Args:
            entity: The entity as you read it, which says its revision too; or its id, with ``read``.
            changes: Values by field, as a mapping, a dataclass or a pydantic model.
            read: The revision, or the values, that a form was filled from.
            blind: Overwrites whatever is there.
            more: Values by field, as keyword arguments.

        Raises:
            InvalidError: with everything that is wrong; or when an id is given and neither ``read`` nor ``blind``.
            RefusedError: when it is deleted, or a CRM is authoritative for a field.
            StaleError: when the revision read is too old to be compared with: read again.
        """
        given = plain({**({} if changes is None else fields_of(changes)), **more})
        point = _read_point(entity, read, blind)
        uid = str(entity.uid if isinstance(entity, Entity) else entity)
        answer = await self._caller.call("entities.update", tenant=self._tenant, uid=uid, patch=given, read=point)
        edited = answer["edited"]
        return Edited(
            Entity.of(edited["entity"], answer["types"]), edited["changed"], edited["overruled"], edited["conflicts"]
        )

    async def delete(self, entity: Entity | UUID | str) -> Entity:
        """Deletes an entity; it can be brought back. What happens to its remote records is the mappings' policy.

        Raises:
            NotFoundError: when there is none.
            RefusedError: while a person is asked whether it is to be deleted.
        """
        return await self._one("delete", uid=_uid(entity))

    async def undelete(self, entity: Entity | UUID | str) -> Entity:
        """Brings a deleted entity back, with its values.

        Raises:
            ExistsError: when another entity has taken one of its unique values.
        """
        return await self._one("undelete", uid=_uid(entity))

    async def count(self, *, deleted: bool = False) -> int:
        """How many there are."""
        counted: int = await self._caller.call(
            "entities.count", tenant=self._tenant, blueprint=self.blueprint, deleted=deleted
        )
        return counted

    async def list(
        self,
        filter: str | None = None,
        *,
        search: str | None = None,
        sort: str | Sequence[str] = (),
        descending: bool = False,
        deleted: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Entity]:
        """The entities, a page at a time behind the scenes.

        Args:
            filter: A CEL expression, such as ``email.startsWith('ada')``.
            search: Words that texts of the record begin with.
            sort: Fields; in the order of their making otherwise. One that is indexed or unique is fast.
            descending: In the opposite order of ``sort``.
            deleted: Deleted ones instead of live ones.
            limit: At most so many.

        Raises:
            InvalidError: when the filter can't be read, or a field to sort by is unknown.
            NotFoundError: for an unknown blueprint.
        """
        after: str | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            query = {**_query(filter, search, sort, descending, deleted), "limit": size, "after": after}
            page = await self._caller.call(
                "entities.list", tenant=self._tenant, blueprint=self.blueprint, query=query
            )
            for entity in page["entities"]:
                yield Entity.of(entity, page["types"])
            after = page["next"]
            if after is None:
                return
            left = None if left is None else left - len(page["entities"])

    def __aiter__(self) -> AsyncIterator[Entity]:
        return self.list()

    async def first(self, filter: str | None = None) -> Entity | None:
        """The first entity that fits; ``None`` when none does."""
        async for entity in self.list(filter, limit=1):
            return entity
        return None

    async def table(
        self,
        filter: str | None = None,
        *,
        search: str | None = None,
        sort: str | Sequence[str] = (),
        descending: bool = False,
        deleted: bool = False,
    ) -> Table:
        """The entities as a table that is read without a copy: ``pyarrow.table(t)``, ``polars.DataFrame(t)``,
        ``pandas.DataFrame.from_arrow(t)``, ``duckdb.sql("from t")``. A column per field, and before them ``_uid``, ``_rev``
        and ``_updated_at``. Decimals have 9 digits behind the point; one that has more is an error, never rounded.

        It is read a page at a time while the other library reads, and anew each time.

        Args:
            filter: As in :meth:`list`.
            search: As in :meth:`list`.
            sort: As in :meth:`list`.
            descending: As in :meth:`list`.
            deleted: As in :meth:`list`.
        """
        query = _query(filter, search, sort, descending, deleted)
        return await self._caller.table(tenant=self._tenant, blueprint=self.blueprint, query=query)

    async def upsert(self, records: Iterable[Record], *, by: str) -> List[Upserted]:
        """Writes many records: those known by a unique field are changed in the fields given, the others are made. One
        that is refused says why, and the others go on.

        Args:
            records: Each a mapping, a dataclass or a pydantic model; or a table of pandas, polars, DuckDB or pyarrow,
                whose columns are fields (it is read by pyarrow, which has to be installed).
            by: The unique field.

        Raises:
            InvalidError: when ``by`` is not a unique field of the blueprint.
        """
        given = [plain(fields_of(record)) for record in rows_of(records)]
        answers = await self._caller.call(
            "entities.upsert", tenant=self._tenant, blueprint=self.blueprint, by=by, records=given
        )
        return build_all(Upserted, answers)


    async def aggregate(
        self,
        of: Mapping[str, Function | str] | None = None,
        /,
        *,
        by: str | None = None,
        filter: str | None = None,
        search: str | None = None,
    ) -> Groups:
        """Counts and works something out over what is selected. Sums of decimal numbers are exact.

        Args:
            of: What to work out, by field: ``{"amount": "sum"}``. ``count``, ``sum``, ``average``, ``minimum``, ``maximum``.
            by: The field whose values make the groups; all in one group otherwise.
            filter: As in :meth:`list`.
            search: As in :meth:`list`.

        Raises:
            InvalidError: when there is no such field, a sum is asked of what is no number, or there are too many groups.
        """
        wanted = [(name, Function(function)) for name, function in (of or {}).items()]
        query = {
            "by": by,
            "of": [{"field": name, "function": str(function)} for name, function in wanted],
            "selection": {"filter": filter, "search": search, "deleted": False},
        }
        answer = await self._caller.call(
            "records.aggregate", tenant=self._tenant, blueprint=self.blueprint, query=query
        )
        types = answer["types"]
        groups: List[Group] = []
        for group in answer["groups"]:
            key = group["key"] if by is None else typed(types.get(by, "json"), group["key"])
            values = {
                f"{function}({name})": _worked_out(function, types.get(name, "json"), value)
                for (name, function), value in zip(wanted, group["values"])
            }
            groups.append(Group(key, group["count"], values))
        return Groups(by, groups)

    async def preview_bulk(
        self,
        changes: Record | None = None,
        /,
        *,
        delete: bool = False,
        filter: str | None = None,
        search: str | None = None,
        **more: Any,
    ) -> BulkPreview:
        """What :meth:`bulk` would do: it is tried on the first records that are selected, and undone."""
        given = _bulk(changes, delete, more)
        return build(BulkPreview, await self._selected("preview_bulk", filter, search, change=given))

    async def bulk(
        self,
        changes: Record | None = None,
        /,
        *,
        delete: bool = False,
        filter: str | None = None,
        search: str | None = None,
        **more: Any,
    ) -> BulkOutcome:
        """Edits all that is selected, or deletes it, some in each transaction. One that refuses says why, and the others go
        on.

        Args:
            changes: Values by field, as a mapping, a dataclass or a pydantic model.
            delete: Deletes them instead.
            filter: As in :meth:`list`; everything without one.
            search: As in :meth:`list`.
            more: Values by field, as keyword arguments.

        Raises:
            InvalidError: for values that no record can have, and when nothing is to be changed.
        """
        given = _bulk(changes, delete, more)
        return build(BulkOutcome, await self._selected("bulk", filter, search, change=given))

    async def export(
        self,
        path: str | os.PathLike[str],
        *,
        fields: Sequence[str] = (),
        format: str | None = None,
        filter: str | None = None,
        search: str | None = None,
    ) -> int:
        """Writes what is selected to a file, a page at a time, and returns how many there were.

        Args:
            path: The file.
            fields: The columns, after the id; all without any.
            format: ``csv``, ``json_lines`` or ``excel``; told by the end of the file's name otherwise.
            filter: As in :meth:`list`.
            search: As in :meth:`list`.
        """
        return int(
            await self._selected(
                "export", filter, search, path=os.fspath(path), format=format, fields=list(fields)
            )
        )

    async def import_file(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Mapping[str, str] | None = None,
        by: str | None = None,
        format: str | None = None,
        keep_empty: bool = False,
        preview: bool = False,
    ) -> ImportOutcome:
        """Takes a file in, 500 rows per transaction. A row that is refused says why, and the others go on.

        Args:
            path: The file: CSV, JSON lines or Excel.
            columns: Which column is which field; those of the same name are found.
            by: The unique field that records are recognised by, ``id``, or ``new`` for none; guessed otherwise.
            format: ``csv``, ``json_lines`` or ``excel``; told by the end of the file's name otherwise.
            keep_empty: Whether an empty cell leaves the field as it is.
            preview: Tries the first 200 rows, undoes them, and says what became of them.

        Raises:
            InvalidError: when no column is a field, or nothing tells by what records are recognised.
            UnavailableError: when the file can't be read.
        """
        key = {None: None, "id": "id", "new": "new"}.get(by, {"field": by})
        request = {"columns": dict(columns or {}), "key": key, "keep_empty": keep_empty}
        answer = await self._caller.call(
            "records.preview_import" if preview else "records.import",
            tenant=self._tenant,
            blueprint=self.blueprint,
            path=os.fspath(path),
            format=format,
            request=request,
        )
        return build(ImportOutcome, {**answer["tried"], "failures": answer["failures"]} if preview else answer)

    async def restore(self, entity: Entity | UUID | str, rev: int) -> Edited:
        """Gives an entity the values that it had at an earlier revision, as a new edit.

        Raises:
            InvalidError: for a revision that it never had.
            RefusedError: when it is deleted.
        """
        answer = await self._caller.call("records.restore", tenant=self._tenant, uid=_uid(entity), rev=rev)
        edited = answer["edited"]
        return Edited(
            Entity.of(edited["entity"], answer["types"]), edited["changed"], edited["overruled"], edited["conflicts"]
        )

    async def _selected(self, name: str, filter: str | None, search: str | None, /, **arguments: Any) -> Any:
        selection = {"filter": filter, "search": search, "deleted": False}
        return await self._caller.call(
            f"records.{name}", tenant=self._tenant, blueprint=self.blueprint, selection=selection, **arguments
        )


def _bulk(changes: Record | None, delete: bool, more: Mapping[str, Any]) -> Any:
    given = plain({**({} if changes is None else fields_of(changes)), **more})
    if delete and not given:
        return "delete"
    if delete or not given:
        raise InvalidError("say what is to be changed, or delete=True: one of them")
    return {"set": given}


def _worked_out(function: Function, kind: str, value: Any) -> Any:
    if function is Function.COUNT:
        return value
    if function in (Function.SUM, Function.AVERAGE):
        return typed("integer" if isinstance(value, int) else "decimal", value)
    return typed(kind, value)


def _query(
    filter: str | None, search: str | None, sort: str | Sequence[str], descending: bool, deleted: bool
) -> dict[str, Any]:
    fields = [sort] if isinstance(sort, str) else sort
    keys = [{"field": field, "descending": descending} for field in fields]
    return {"filter": filter, "search": search, "sort": keys, "deleted": deleted}


def _uid(entity: Entity | UUID | str) -> str:
    return str(entity.uid if isinstance(entity, Entity) else entity)


def _read_point(entity: Entity | UUID | str, read: int | Mapping[str, Any] | None, blind: bool) -> Any:
    if blind:
        return "blind"
    if isinstance(read, Mapping):
        return {"values": plain(read)}
    if read is not None:
        return {"rev": read}
    if isinstance(entity, Entity):
        return {"rev": entity.rev}
    raise InvalidError(
        "say what was read before the edit: pass the entity itself, read=its revision, or blind=True to overwrite"
    )
