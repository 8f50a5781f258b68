"""Bundle: named sets of templated changes, kept to be run by Data.RunBundle."""

from __future__ import annotations

from collections.abc import Iterable

from api.bundle_changes import check_bundle
from api.bundle_template import clipped
from api.convert import bundle_from_proto, bundle_to_proto
from model.errors import ErrorCode, InvalidRequest, NotFound
from proto.base.v1 import service_pb2 as pb
from storage.base import Bundle, BundleStore


class BundleService:
    """Keeps bundles that can be run; whether their changes fit the schema shows when they are."""

    def __init__(self, bundles: BundleStore) -> None:
        self._bundles = bundles

    async def write(self, request: pb.BundleWriteRequest) -> pb.BundleWriteResponse:
        """Store bundles, each replacing one of its name; all or none. The names, in order.

        Raises InvalidRequest as ``check_bundle`` does, and (ALREADY_EXIST) for a name that two of them have.
        """
        bundles = [bundle_from_proto(message) for message in request.bundles]
        for bundle in bundles:
            check_bundle(bundle)
        names = [bundle.name for bundle in bundles]
        _ensure_distinct(names)
        if bundles:
            await self._bundles.write_bundles(request.tenant_id, bundles)
        return pb.BundleWriteResponse(names=names)

    async def read(self, request: pb.BundleReadRequest) -> pb.BundleReadResponse:
        """A bundle as it was written. Raises NotFound (BUNDLE_NOT_FOUND)."""
        bundle = await find_bundle(self._bundles, request.tenant_id, request.name)
        return pb.BundleReadResponse(bundle=bundle_to_proto(bundle))

    async def delete(self, request: pb.BundleDeleteRequest) -> pb.BundleDeleteResponse:
        """Remove a bundle. Raises NotFound (BUNDLE_NOT_FOUND) if there is none of that name."""
        if not await self._bundles.delete_bundle(request.tenant_id, request.name):
            raise _unknown(request.name)
        return pb.BundleDeleteResponse(name=request.name)


async def find_bundle(bundles: BundleStore, tenant: str, name: str) -> Bundle:
    """The bundle of a name. Raises NotFound (BUNDLE_NOT_FOUND)."""
    bundle = await bundles.read_bundle(tenant, name)
    if bundle is None:
        raise _unknown(name)
    return bundle


def _ensure_distinct(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRequest(f"two bundles are named {clipped(name)}", ErrorCode.ALREADY_EXIST)
        seen.add(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no bundle {clipped(name)}", ErrorCode.BUNDLE_NOT_FOUND)
