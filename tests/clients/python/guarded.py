"""The official Python client at a node that encrypts and asks for a key. Run as scenario.py is."""

from __future__ import annotations

import json
import os
import unittest

import permify
import urllib3
from permify.exceptions import ApiException, UnauthorizedException

from tests.clients.python.support import client, configuration


def tenants_seen(api: permify.ApiClient) -> list[str]:
    """The tenants that a client is shown."""
    listed = permify.TenancyApi(api).tenants_list(permify.TenantListRequest(page_size=10))
    return [tenant.id for tenant in listed.tenants]


class Guard(unittest.TestCase):
    """A client with the key, another or none; one that trusts the node's certificate, and one that does not."""

    def test_with_the_key_everything_is_open(self) -> None:
        permify.TenancyApi(client()).tenants_create(permify.TenantCreateRequest(id="keyed", name=""))
        self.assertIn("keyed", tenants_seen(client()))

    def test_the_scheme_may_be_written_in_any_case(self) -> None:
        key = os.environ["TOKEN"]
        self.assertIsInstance(tenants_seen(permify.ApiClient(configuration(), "Authorization", f"bearer {key}")), list)

    def test_a_node_that_is_not_trusted_is_not_told_anything(self) -> None:
        key = os.environ["TOKEN"]
        stranger = permify.ApiClient(configuration(trusts=False), "Authorization", f"Bearer {key}")
        with self.assertRaisesRegex(urllib3.exceptions.MaxRetryError, "CERTIFICATE_VERIFY_FAILED"):
            tenants_seen(stranger)

    def test_another_key_is_a_401_with_the_contracts_code(self) -> None:
        with self.assertRaises(UnauthorizedException) as caught:
            tenants_seen(client("wrong"))
        body = json.loads(caught.exception.body)
        self.assertEqual((body["code"], body["message"]), (16, "ERROR_CODE_INVALID_KEY"))

    def test_without_a_key_nothing_is_answered(self) -> None:
        with self.assertRaises(ApiException) as caught:
            tenants_seen(client(""))
        self.assertEqual(json.loads(caught.exception.body)["message"], "ERROR_CODE_MISSING_BEARER_TOKEN")


if __name__ == "__main__":
    unittest.main()
