"""Tenancy: the register of tenants."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from proto.base.v1 import base_pb2
from proto.base.v1 import service_pb2 as pb
from storage.base import PageRequest, Tenant, TenantStore

DEFAULT_PAGE_SIZE = 50


class TenancyService:
    """Keeps the register; data and schemas need no registered tenant."""

    def __init__(self, tenants: TenantStore) -> None:
        self._tenants = tenants

    async def create(self, request: pb.TenantCreateRequest) -> pb.TenantCreateResponse:
        """Register a tenant. Raises Conflict if the id is taken."""
        tenant = await self._tenants.create_tenant(request.id, request.name)
        return pb.TenantCreateResponse(tenant=_tenant_message(tenant))

    async def delete(self, request: pb.TenantDeleteRequest) -> pb.TenantDeleteResponse:
        """Remove a tenant and everything stored under it. Raises NotFound if it is not registered."""
        await self._tenants.delete_tenant(request.id)
        return pb.TenantDeleteResponse(tenant_id=request.id)

    async def list(self, request: pb.TenantListRequest) -> pb.TenantListResponse:
        """A page of tenants by id."""
        page = PageRequest(request.page_size or DEFAULT_PAGE_SIZE, request.continuous_token)
        listed = await self._tenants.list_tenants(page)
        return pb.TenantListResponse(
            tenants=[_tenant_message(tenant) for tenant in listed.items], continuous_token=listed.next_token
        )


def _tenant_message(tenant: Tenant) -> base_pb2.Tenant:
    created_at = Timestamp()
    created_at.FromDatetime(tenant.created_at)
    return base_pb2.Tenant(id=tenant.id, name=tenant.name, created_at=created_at)
