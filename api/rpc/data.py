"""Data: tuples and attributes, written against the schema and read at a snapshot."""

from __future__ import annotations

from collections.abc import Iterable

from api.bundle_changes import changes_of, count_changes
from api.convert import (
    attribute_filter_from_proto,
    attribute_from_proto,
    attribute_to_proto,
    tuple_filter_from_proto,
    tuple_from_proto,
    tuple_to_proto,
)
from api.rpc.bundle import find_bundle
from cluster.invoker.invoker import Invoker
from model.attributes import Attribute, EntityAttribute
from model.errors import ErrorCode, InvalidRequest
from model.snapshot import encode_snap_token
from model.tuples import RelationTuple
from proto.base.v1 import base_pb2 as pb
from proto.base.v1.service_pb2 import (
    AttributeReadRequest,
    AttributeReadResponse,
    BundleRunRequest,
    BundleRunResponse,
    DataDeleteRequest,
    DataDeleteResponse,
    DataWriteRequest,
    DataWriteResponse,
    RelationshipDeleteRequest,
    RelationshipDeleteResponse,
    RelationshipReadRequest,
    RelationshipReadResponse,
    RelationshipWriteRequest,
    RelationshipWriteResponse,
)
from schema.admission import admit_attribute, admit_tuple
from schema.compiled import CompiledSchema
from storage.base import AttributeFilter, Changeset, PageRequest, Storage, TupleFilter

DEFAULT_PAGE_SIZE = 50


class DataService:
    """Reads and writes one store. max_data_per_write bounds tuples and attributes of one write together."""

    def __init__(self, storage: Storage, invoker: Invoker, max_data_per_write: int) -> None:
        self._storage = storage
        self._invoker = invoker
        self._max_data_per_write = max_data_per_write

    async def write(self, request: DataWriteRequest) -> DataWriteResponse:
        """Write tuples and attributes in one transaction; nothing is written unless the schema admits everything.

        A tuple given twice counts once; of several values for an attribute the first counts.
        """
        version = request.metadata.schema_version
        token = await self._write(request.tenant_id, version, request.tuples, request.attributes)
        return DataWriteResponse(snap_token=token)

    async def write_relationships(self, request: RelationshipWriteRequest) -> RelationshipWriteResponse:
        """Write tuples alone, otherwise as ``write``."""
        token = await self._write(request.tenant_id, request.metadata.schema_version, request.tuples, ())
        return RelationshipWriteResponse(snap_token=token)

    async def read_relationships(self, request: RelationshipReadRequest) -> RelationshipReadResponse:
        """A page of tuples, in order of writing."""
        page = await self._storage.read_tuples(
            request.tenant_id,
            await self._invoker.snapshot(request.tenant_id, request.metadata.snap_token),
            tuple_filter_from_proto(request.filter),
            PageRequest(request.page_size or DEFAULT_PAGE_SIZE, request.continuous_token),
        )
        return RelationshipReadResponse(
            tuples=[tuple_to_proto(row) for row in page.items], continuous_token=page.next_token
        )

    async def read_attributes(self, request: AttributeReadRequest) -> AttributeReadResponse:
        """A page of attributes, in order of writing."""
        page = await self._storage.read_attributes(
            request.tenant_id,
            await self._invoker.snapshot(request.tenant_id, request.metadata.snap_token),
            attribute_filter_from_proto(request.filter),
            PageRequest(request.page_size or DEFAULT_PAGE_SIZE, request.continuous_token),
        )
        return AttributeReadResponse(
            attributes=[attribute_to_proto(attribute) for attribute in page.items], continuous_token=page.next_token
        )

    async def delete(self, request: DataDeleteRequest) -> DataDeleteResponse:
        """Delete what either filter matches; an empty one matches nothing here, and both may not be empty."""
        tuples = tuple_filter_from_proto(request.tuple_filter)
        attributes = attribute_filter_from_proto(request.attribute_filter)
        return DataDeleteResponse(snap_token=await self._delete(request.tenant_id, tuples, attributes))

    async def delete_relationships(self, request: RelationshipDeleteRequest) -> RelationshipDeleteResponse:
        """Delete the tuples the filter matches; it may not be empty."""
        tuples = tuple_filter_from_proto(request.filter)
        token = await self._delete(request.tenant_id, tuples, AttributeFilter())
        return RelationshipDeleteResponse(snap_token=token)

    async def run_bundle(self, request: BundleRunRequest) -> BundleRunResponse:
        """Make the changes of a bundle in one transaction, operation after operation, as a Changeset orders each.

        What is written is held to the latest schema, as in ``write``; what is deleted is not. Of several values for an
        attribute the last counts. Raises NotFound (BUNDLE_NOT_FOUND), otherwise as ``changes_of`` and ``write`` do;
        max_data_per_write bounds the changes, deletions among them.
        """
        tenant = request.tenant_id
        bundle = await find_bundle(self._storage, tenant, request.name)
        self._bound(count_changes(bundle))
        changesets = changes_of(bundle, request.arguments)
        tuples = [row for changes in changesets for row in changes.tuples_written]
        attributes = [attribute for changes in changesets for attribute in changes.attributes_written]
        if tuples or attributes:
            _admit((await self._invoker.plan(tenant, "")).schema, tuples, attributes)
        snapshot = await self._storage.write(tenant, changesets)
        return BundleRunResponse(snap_token=encode_snap_token(snapshot))

    async def _write(
        self, tenant: str, version: str, tuple_messages: Iterable[pb.Tuple], attribute_messages: Iterable[pb.Attribute]
    ) -> str:
        schema = (await self._invoker.plan(tenant, version)).schema
        tuples = tuple(dict.fromkeys(tuple_from_proto(row) for row in tuple_messages))
        first_values: dict[EntityAttribute, Attribute] = {}
        for message in attribute_messages:
            attribute = attribute_from_proto(message)
            first_values.setdefault(attribute.key, attribute)
        attributes = tuple(first_values.values())
        self._bound(len(tuples) + len(attributes))
        _admit(schema, tuples, attributes)
        snapshot = await self._storage.write(tenant, [Changeset(tuples, attributes)])
        return encode_snap_token(snapshot)

    def _bound(self, items: int) -> None:
        if items > self._max_data_per_write:
            message = f"{items} tuples and attributes in one write; at most {self._max_data_per_write} are accepted"
            raise InvalidRequest(message, ErrorCode.MAX_DATA_PER_WRITE_EXCEEDED)

    async def _delete(self, tenant: str, tuples: TupleFilter, attributes: AttributeFilter) -> str:
        if tuples.is_empty and attributes.is_empty:
            raise InvalidRequest("a delete needs a filter that restricts something", ErrorCode.VALIDATION)
        snapshot = await self._storage.delete(
            tenant, None if tuples.is_empty else tuples, None if attributes.is_empty else attributes
        )
        return encode_snap_token(snapshot)


def _admit(schema: CompiledSchema, tuples: Iterable[RelationTuple], attributes: Iterable[Attribute]) -> None:
    for row in tuples:
        admit_tuple(schema, row)
    for attribute in attributes:
        admit_attribute(schema, attribute)
