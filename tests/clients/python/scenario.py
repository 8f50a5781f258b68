"""What users of the official Python client do, each thing in a tenant of its own.

Run by test_official_clients.py, in the client's environment. REST_ADDRESS says where a node listens; unless empty,
TOKEN is what opens it, and CA_FILE has the certificate of who vouches for it.
"""

from __future__ import annotations

import json
import unittest
import uuid
from typing import Any

import permify
from permify.exceptions import ApiException, BadRequestException, NotFoundException

from tests.clients.python.support import SCHEMA, attribute_of, client, entity_of, subject_of, tuple_of

ALLOWED = permify.CheckResult.CHECK_RESULT_ALLOWED
DENIED = permify.CheckResult.CHECK_RESULT_DENIED


class Scenario(unittest.TestCase):
    """A tenant with a schema and some data."""

    def setUp(self) -> None:
        self.api = client()
        self.tenants = permify.TenancyApi(self.api)
        self.schemas = permify.SchemaApi(self.api)
        self.data = permify.DataApi(self.api)
        self.permission = permify.PermissionApi(self.api)
        self.bundles = permify.BundleApi(self.api)
        self.tenant = f"t{uuid.uuid4().hex}"
        self.tenants.tenants_create(permify.TenantCreateRequest(id=self.tenant, name="a tenant"))
        self.version = self.write_schema(SCHEMA)
        self.first_token = self.write(
            "doc:1#owner@user:ann", "doc:2#owner@user:ann", "doc:1#viewer@team:a#member", "team:a#member@user:ben"
        )

    def write_schema(self, text: str) -> str:
        response = self.schemas.schemas_write(self.tenant, permify.SchemaWriteBody(schema=text))
        return str(response.schema_version)

    def write(self, *tuples: str, attributes: tuple[permify.Attribute, ...] = ()) -> str:
        body = permify.DataWriteBody(
            metadata=permify.DataWriteRequestMetadata(schema_version=""),
            tuples=[tuple_of(text) for text in tuples],
            attributes=list(attributes),
        )
        return str(self.data.data_write(self.tenant, body).snap_token)

    def check(self, question: str, context: permify.Context | None = None, **metadata: Any) -> permify.CheckResult:
        """The answer to ``doc:1#view@user:ann``."""
        asked = tuple_of(question)
        body = permify.CheckBody(
            metadata=permify.PermissionCheckRequestMetadata(**{"depth": 20, **metadata}),
            entity=asked.entity,
            permission=asked.relation,
            subject=asked.subject,
            context=context,
        )
        return self.permission.permissions_check(self.tenant, body).can

    def lookup_body(self, kind: type[Any], **more: Any) -> Any:
        return kind(
            metadata=permify.PermissionLookupEntityRequestMetadata(depth=20),
            entity_type="doc",
            permission="view",
            subject=subject_of("user:ann"),
            **more,
        )

    def test_tenants_are_created_listed_in_pages_and_deleted(self) -> None:
        other = f"{self.tenant}-other"
        created = self.tenants.tenants_create(permify.TenantCreateRequest(id=other, name="another"))
        self.assertEqual((created.tenant.id, created.tenant.name), (other, "another"))
        self.assertIsNotNone(created.tenant.created_at.tzinfo)

        found, token = [], ""
        while True:
            page = self.tenants.tenants_list(permify.TenantListRequest(page_size=1, continuous_token=token))
            self.assertEqual(len(page.tenants), 1)
            found += [tenant.id for tenant in page.tenants]
            token = page.continuous_token
            if not token:
                break
        self.assertLessEqual({self.tenant, other}, set(found))
        self.assertEqual(len(found), len(set(found)))

        self.assertEqual(self.tenants.tenants_delete(other).tenant_id, other)
        with self.assertRaises(NotFoundException):
            self.tenants.tenants_delete(other)

    def test_a_schema_is_read_and_listed_and_written_in_part(self) -> None:
        read = permify.SchemaReadBody(metadata=permify.SchemaReadRequestMetadata(schema_version=self.version))
        # the client's model of a schema has other names than the contract's JSON, so what it makes of it is empty
        raw = json.loads(self.schemas.schemas_read_with_http_info(self.tenant, read).raw_data)
        self.assertEqual(set(raw["schema"]["entity_definitions"]), {"user", "team", "doc"})
        self.assertEqual(
            self.schemas.schemas_read(self.tenant, read).var_schema.references["at_least"], "REFERENCE_RULE"
        )

        partial = permify.PartialWriteBody(
            metadata=permify.SchemaPartialWriteRequestMetadata(schema_version=self.version),
            partials={"doc": permify.Partials(write=["permission share = owner"], delete=["audit"], update=[])},
        )
        newest = self.schemas.schemas_partial_write(self.tenant, partial).schema_version
        self.assertGreater(newest, self.version)
        self.assertEqual(self.check("doc:1#share@user:ann"), ALLOWED)

        listed = self.schemas.schemas_list(self.tenant, permify.SchemaListBody(page_size=1, continuous_token=""))
        self.assertEqual((listed.head, [each.version for each in listed.schemas]), (newest, [newest]))
        self.assertTrue(listed.schemas[0].created_at)
        body = permify.SchemaListBody(page_size=1, continuous_token=listed.continuous_token)
        last = self.schemas.schemas_list(self.tenant, body)
        self.assertEqual([each.version for each in last.schemas], [self.version])
        self.assertEqual(last.continuous_token, "")

    def test_checks_are_allowed_and_denied(self) -> None:
        self.assertEqual(self.check("doc:1#view@user:ann"), ALLOWED)
        self.assertEqual(self.check("doc:1#view@user:ben"), ALLOWED)
        self.assertEqual(self.check("doc:1#edit@user:ben"), DENIED)
        self.assertEqual(self.check("doc:1#view@team:a#member"), ALLOWED)
        self.assertEqual(self.check("doc:1#view@user:ann", schema_version=self.version), ALLOWED)

    def test_a_check_tells_what_it_looked_at(self) -> None:
        body = permify.CheckBody(
            metadata=permify.PermissionCheckRequestMetadata(depth=20),
            entity=entity_of("doc:1"),
            permission="view",
            subject=subject_of("user:ann"),
        )
        self.assertGreater(self.permission.permissions_check(self.tenant, body).metadata.check_count, 0)

    def test_a_snap_token_shows_what_was_known_then(self) -> None:
        later = self.write("doc:2#viewer@user:cem")
        self.assertEqual(self.check("doc:2#view@user:cem", snap_token=later), ALLOWED)
        self.assertEqual(self.check("doc:2#view@user:cem", snap_token=self.first_token), DENIED)

    def test_tuples_attributes_and_data_may_come_with_the_question(self) -> None:
        given = permify.Context(
            tuples=[tuple_of("doc:9#owner@user:dan")],
            attributes=[attribute_of("doc:9", "level", "Integer", 5)],
            data={"needed": 4},
        )
        self.assertEqual(self.check("doc:9#audit@user:dan", given), ALLOWED)
        self.assertEqual(self.check("doc:9#audit@user:ann", given), DENIED)
        given.data = {"needed": 6}
        self.assertEqual(self.check("doc:9#audit@user:dan", given), DENIED)

    def test_many_checks_are_answered_in_order(self) -> None:
        questions = [tuple_of(f"doc:{number}#view@user:{user}") for number in (1, 2) for user in ("ann", "ben")]
        body = permify.BulkCheckBody(
            metadata=permify.PermissionCheckRequestMetadata(depth=20),
            items=[
                permify.PermissionBulkCheckRequestItem(
                    entity=each.entity, permission=each.relation, subject=each.subject
                )
                for each in questions
            ],
        )
        results = self.permission.permissions_bulk_check(self.tenant, body).results
        self.assertEqual([result.can for result in results], [ALLOWED, ALLOWED, ALLOWED, DENIED])

    def test_a_permission_is_expanded_to_its_subjects(self) -> None:
        self.write(attributes=(attribute_of("doc:1", "public", "Boolean", True),))
        body = permify.PermissionExpandBody(
            metadata=permify.PermissionExpandRequestMetadata(), entity=entity_of("doc:1"), permission="view"
        )
        tree = self.permission.permissions_expand(self.tenant, body).tree
        leaves, nodes = [], [tree]
        while nodes:
            node = nodes.pop()
            leaves += [node.leaf] if node.leaf else []
            nodes += node.expand.children if node.expand else []

        self.assertEqual((tree.entity.id, tree.permission), ("1", "view"))
        self.assertEqual(tree.expand.operation, permify.ExpandTreeNodeOperation.OPERATION_UNION)
        subjects = {subject.id for leaf in leaves if leaf.subjects for subject in leaf.subjects.subjects}
        self.assertLessEqual({"ann", "ben"}, subjects)
        values = [leaf.value.additional_properties["data"] for leaf in leaves if leaf.value]
        self.assertEqual(values, [True])

    def test_entities_are_looked_up_in_pages_and_within_a_scope(self) -> None:
        first = self.permission.permissions_lookup_entity(
            self.tenant, self.lookup_body(permify.LookupEntityBody, page_size=1)
        )
        self.assertEqual(first.entity_ids, ["1"])
        body = self.lookup_body(permify.LookupEntityBody, page_size=1, continuous_token=first.continuous_token)
        self.assertEqual(self.permission.permissions_lookup_entity(self.tenant, body).entity_ids, ["2"])

        scope = {"doc": permify.StringArrayValue(data=["2", "3"])}
        body = self.lookup_body(permify.LookupEntityBody, scope=scope)
        self.assertEqual(self.permission.permissions_lookup_entity(self.tenant, body).entity_ids, ["2"])

    def test_entities_come_as_a_stream_of_lines(self) -> None:
        # the client reads a stream whole; given the response itself, one can take it line by line
        body = self.lookup_body(permify.LookupEntityStreamBody)
        response = self.permission.permissions_lookup_entity_stream_without_preload_content(self.tenant, body)
        lines = [json.loads(line) for line in response.data.splitlines()]
        self.assertEqual([line["result"]["entity_id"] for line in lines], ["1", "2"])

        scope = {"doc": permify.StringArrayValue(data=["2"])}
        body = self.lookup_body(permify.LookupEntityStreamBody, scope=scope)
        only = self.permission.permissions_lookup_entity_stream(self.tenant, body)
        self.assertEqual(only.result.entity_id, "2")
        self.assertIsNone(only.error)

    def test_subjects_are_looked_up_in_pages(self) -> None:
        def lookup(token: str) -> permify.PermissionLookupSubjectResponse:
            body = permify.LookupSubjectBody(
                metadata=permify.PermissionLookupSubjectRequestMetadata(depth=20),
                entity=entity_of("doc:1"),
                permission="view",
                subject_reference=permify.RelationReference(type="user", relation=""),
                page_size=1,
                continuous_token=token,
            )
            return self.permission.permissions_lookup_subject(self.tenant, body)

        first = lookup("")
        self.assertEqual(first.subject_ids, ["ann"])
        self.assertEqual(lookup(first.continuous_token).subject_ids, ["ben"])

    def test_all_permissions_of_a_subject_are_told(self) -> None:
        def results(*, only_permission: bool) -> dict[str, permify.CheckResult]:
            body = permify.SubjectPermissionBody(
                metadata=permify.PermissionSubjectPermissionRequestMetadata(depth=20, only_permission=only_permission),
                entity=entity_of("doc:1"),
                subject=subject_of("user:ben"),
                context=permify.Context(data={"needed": 0}),
            )
            found: dict[str, permify.CheckResult] = self.permission.permissions_subject_permission(
                self.tenant, body
            ).results
            return found

        self.assertEqual(results(only_permission=True), {"edit": DENIED, "view": ALLOWED, "audit": DENIED})
        self.assertEqual(results(only_permission=False)["viewer"], ALLOWED)

    def test_relationships_are_written_read_in_pages_and_deleted(self) -> None:
        body = permify.WriteRelationshipsBody(
            metadata=permify.RelationshipWriteRequestMetadata(schema_version=""),
            tuples=[tuple_of(f"doc:3#viewer@user:u{number}") for number in range(5)],
        )
        self.assertTrue(self.data.relationships_write(self.tenant, body).snap_token)

        about = permify.TupleFilter(
            entity=permify.EntityFilter(type="doc", ids=["3"]),
            relation="viewer",
            subject=permify.SubjectFilter(type="user", ids=[], relation=""),
        )
        found, token, pages = [], "", 0
        while pages == 0 or token:
            read = permify.ReadRelationshipsBody(
                metadata=permify.RelationshipReadRequestMetadata(snap_token=""),
                filter=about,
                page_size=2,
                continuous_token=token,
            )
            page = self.data.data_relationships_read(self.tenant, read)
            found += [(each.entity.id, each.relation, each.subject.id) for each in page.tuples]
            token, pages = page.continuous_token, pages + 1
        self.assertEqual((found, pages), ([("3", "viewer", f"u{number}") for number in range(5)], 3))

        gone = self.data.relationships_delete(self.tenant, permify.DeleteRelationshipsBody(filter=about))
        self.assertTrue(gone.snap_token)
        self.assertEqual(self.check("doc:3#view@user:u1"), DENIED)

    def test_attributes_are_written_read_and_deleted(self) -> None:
        self.write(
            attributes=(
                attribute_of("doc:1", "public", "Boolean", True),
                attribute_of("doc:1", "level", "Integer", 7),
                attribute_of("doc:1", "tags", "StringArray", ["a", "b"]),
            )
        )
        self.assertEqual(self.check("doc:1#view@user:stranger"), ALLOWED)

        about = permify.AttributeFilter(entity=permify.EntityFilter(type="doc", ids=["1"]), attributes=[])
        read = permify.ReadAttributesBody(
            metadata=permify.AttributeReadRequestMetadata(snap_token=""),
            filter=about,
            page_size=10,
            continuous_token="",
        )
        found = self.data.data_attributes_read(self.tenant, read).attributes
        self.assertEqual(
            {each.attribute: (each.value.type, each.value.additional_properties["data"]) for each in found},
            {
                "public": ("type.googleapis.com/base.v1.BooleanValue", True),
                "level": ("type.googleapis.com/base.v1.IntegerValue", 7),
                "tags": ("type.googleapis.com/base.v1.StringArrayValue", ["a", "b"]),
            },
        )
        body = permify.DataDeleteBody(tuple_filter=permify.TupleFilter(), attribute_filter=about)
        self.assertTrue(self.data.data_delete(self.tenant, body).snap_token)
        self.assertEqual(self.data.data_attributes_read(self.tenant, read).attributes, [])

    def test_a_bundle_is_written_run_read_and_deleted(self) -> None:
        bundle = permify.DataBundle(
            name="doc_created",
            arguments=["who", "doc"],
            operations=[
                permify.V1Operation(
                    relationships_write=["doc:{{.doc}}#owner@user:{{.who}}"],
                    relationships_delete=[],
                    attributes_write=["doc:{{.doc}}$public|boolean:true"],
                    attributes_delete=[],
                )
            ],
        )
        written = self.bundles.bundle_write(self.tenant, permify.BundleWriteBody(bundles=[bundle]))
        self.assertEqual(written.names, ["doc_created"])
        read = self.bundles.bundle_read(self.tenant, permify.BundleReadBody(name="doc_created"))
        self.assertEqual(read.bundle, bundle)

        run = permify.RunBundleBody(name="doc_created", arguments={"who": "eva", "doc": "77"})
        self.assertTrue(self.data.bundle_run(self.tenant, run).snap_token)
        self.assertEqual(self.check("doc:77#edit@user:eva"), ALLOWED)
        self.assertEqual(self.check("doc:77#view@user:stranger"), ALLOWED)

        name = permify.BundleDeleteBody(name="doc_created")
        self.assertEqual(self.bundles.bundle_delete(self.tenant, name).name, "doc_created")
        with self.assertRaises(NotFoundException):
            self.bundles.bundle_read(self.tenant, permify.BundleReadBody(name="doc_created"))

    def test_changes_are_watched_from_a_snap_token_on(self) -> None:
        self.write("doc:5#owner@user:eva")
        body = permify.WatchBody(snap_token=self.first_token)
        response = permify.WatchApi(self.api).watch_watch_without_preload_content(
            self.tenant, body, _request_timeout=20.0
        )
        first = permify.StreamResultOfWatchResponse.from_json(next(response.stream()))
        response.close()

        (change,) = first.result.changes.data_changes
        self.assertEqual(change.operation, permify.DataChangeOperation.OPERATION_CREATE)
        self.assertEqual((change.tuple, change.attribute), (tuple_of("doc:5#owner@user:eva"), None))
        self.assertEqual(self.check("doc:5#edit@user:eva", snap_token=first.result.changes.snap_token), ALLOWED)

    def test_what_is_not_found_is_a_404_with_the_contracts_code(self) -> None:
        with self.assertRaises(NotFoundException) as caught:
            self.check("doc:1#fly@user:ann")
        body = json.loads(caught.exception.body)
        self.assertEqual((caught.exception.status, body["code"]), (404, 5))
        self.assertTrue(body["message"].startswith("ERROR_CODE_"), body)

    def test_what_is_wrong_is_a_400_that_says_so(self) -> None:
        with self.assertRaises(BadRequestException) as caught:
            self.check("doc:1#view@user:ann", depth=1)
        body = json.loads(caught.exception.body)
        self.assertEqual((caught.exception.status, body["code"]), (400, 3))
        self.assertIn("Depth: value must be greater than or equal to 3", body["message"])

    def test_an_unknown_path_is_a_404_of_the_same_form(self) -> None:
        with self.assertRaises(ApiException) as caught:
            self.tenants.tenants_delete("a/b")
        self.assertEqual(caught.exception.status, 404)
        self.assertEqual(json.loads(caught.exception.body)["code"], 5)


if __name__ == "__main__":
    unittest.main()
