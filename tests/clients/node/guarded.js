// The official Node.js client at a node that encrypts and asks for a key. Run as scenario.js is.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Status } = require("nice-grpc");
const { SCHEMA, entityOf, newClient, subjectOf } = require("./support.js");

test("with the key everything is open, streams too", async () => {
  const client = newClient();
  const tenantId = "keyed";
  await client.schema.write({ tenantId, schema: SCHEMA });
  const tuples = [{ entity: entityOf("doc:1"), relation: "owner", subject: subjectOf("user:ann") }];
  await client.data.write({ tenantId, metadata: {}, tuples });
  const request = { tenantId, metadata: { depth: 20 }, entityType: "doc", permission: "view" };
  for await (const response of client.permission.lookupEntityStream({ ...request, subject: subjectOf("user:ann") })) {
    assert.equal(response.entityId, "1");
  }
});

test("a node that is not trusted is not told anything", async () => {
  const stranger = newClient(process.env.TOKEN, { trusts: false });
  await assert.rejects(stranger.tenancy.list({ pageSize: 1 }), { code: Status.UNAVAILABLE });
});

test("with another key nothing is answered", async () => {
  const refused = { code: Status.UNAUTHENTICATED, details: "ERROR_CODE_INVALID_KEY" };
  await assert.rejects(newClient("wrong").tenancy.list({ pageSize: 1 }), refused);
});

test("without a key nothing is answered", async () => {
  const refused = { details: "ERROR_CODE_MISSING_BEARER_TOKEN" };
  await assert.rejects(newClient("").tenancy.list({ pageSize: 1 }), refused);
});

test("a stream is refused like a call", async () => {
  const request = { tenantId: "keyed", metadata: { depth: 20 }, entityType: "doc", permission: "view" };
  await assert.rejects(
    async () => {
      for await (const response of newClient("wrong").permission.lookupEntityStream({
        ...request,
        subject: subjectOf("user:ann"),
      })) {
        assert.fail(`answered with ${response.entityId}`);
      }
    },
    { code: Status.UNAUTHENTICATED },
  );
});
