// What users of the official Node.js client do, each thing in a tenant of its own.
//
// Run by test_official_clients.py with the client's modules. GRPC_ADDRESS says where a node listens; unless empty,
// TOKEN is what opens it, and CA_FILE has the certificate of who vouches for it.

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { beforeEach, test } = require("node:test");
const { ClientError, Status } = require("nice-grpc");
const { SCHEMA, attributeOf, dataOf, entityOf, newClient, permify, subjectOf, tupleOf } = require("./support.js");

const { CheckResult, DataChange_Operation, ExpandTreeNode_Operation } = permify.grpc.base;
const ALLOWED = CheckResult.CHECK_RESULT_ALLOWED;
const DENIED = CheckResult.CHECK_RESULT_DENIED;
const METADATA = { depth: 20 };

const client = newClient();
let tenantId;
let version;
let firstToken;

beforeEach(async () => {
  tenantId = `t${randomUUID()}`;
  await client.tenancy.create({ id: tenantId, name: "a tenant" });
  version = (await client.schema.write({ tenantId, schema: SCHEMA })).schemaVersion;
  firstToken = await write([
    "doc:1#owner@user:ann",
    "doc:2#owner@user:ann",
    "doc:1#viewer@team:a#member",
    "team:a#member@user:ben",
  ]);
});

async function write(tuples, attributes = []) {
  return (await client.data.write({ tenantId, metadata: {}, tuples: tuples.map(tupleOf), attributes })).snapToken;
}

// The answer to "doc:1#view@user:ann".
async function check(question, { context, ...metadata } = {}) {
  const { entity, relation, subject } = tupleOf(question);
  const request = { tenantId, metadata: { ...METADATA, ...metadata }, entity, permission: relation, subject, context };
  return (await client.permission.check(request)).can;
}

function lookup(more = {}) {
  const subject = subjectOf("user:ann");
  return { tenantId, metadata: METADATA, entityType: "doc", permission: "view", subject, ...more };
}

test("tenants are created, listed in pages and deleted", async () => {
  const other = `${tenantId}-other`;
  const { tenant } = await client.tenancy.create({ id: other, name: "another" });
  assert.deepEqual([tenant.id, tenant.name], [other, "another"]);
  assert.ok(Math.abs(tenant.createdAt - new Date()) < 600_000);

  const found = [];
  let continuousToken = "";
  do {
    const page = await client.tenancy.list({ pageSize: 1, continuousToken });
    assert.equal(page.tenants.length, 1);
    found.push(page.tenants[0].id);
    continuousToken = page.continuousToken;
  } while (continuousToken);
  assert.ok(found.includes(tenantId) && found.includes(other));
  assert.equal(new Set(found).size, found.length);

  assert.equal((await client.tenancy.delete({ id: other })).tenantId, other);
  await assert.rejects(client.tenancy.delete({ id: other }), { code: Status.NOT_FOUND });
});

test("a schema is read, listed and written in part", async () => {
  const { schema } = await client.schema.read({ tenantId, metadata: { schemaVersion: version } });
  assert.deepEqual(Object.keys(schema.entityDefinitions).sort(), ["doc", "team", "user"]);
  assert.deepEqual(schema.entityDefinitions.doc.relations.viewer.relationReferences, [
    { type: "user", relation: "" },
    { type: "team", relation: "member" },
  ]);
  assert.deepEqual(schema.entityDefinitions.doc.permissions.edit.child.type, {
    $case: "leaf",
    leaf: { type: { $case: "computedUserSet", computedUserSet: { relation: "owner" } } },
  });
  assert.equal(schema.ruleDefinitions.at_least.name, "at_least");
  assert.ok(schema.ruleDefinitions.at_least.expression);

  const partials = { doc: { write: ["permission share = owner"], delete: ["audit"] } };
  const newest = (await client.schema.partialWrite({ tenantId, metadata: { schemaVersion: version }, partials }))
    .schemaVersion;
  assert.ok(newest > version);
  assert.equal(await check("doc:1#share@user:ann"), ALLOWED);

  const listed = await client.schema.list({ tenantId, pageSize: 1 });
  assert.deepEqual([listed.head, listed.schemas.map((each) => each.version)], [newest, [newest]]);
  const last = await client.schema.list({ tenantId, pageSize: 1, continuousToken: listed.continuousToken });
  assert.deepEqual([last.schemas.map((each) => each.version), last.continuousToken], [[version], ""]);
});

test("checks are allowed and denied", async () => {
  assert.equal(await check("doc:1#view@user:ann"), ALLOWED);
  assert.equal(await check("doc:1#view@user:ben"), ALLOWED);
  assert.equal(await check("doc:1#edit@user:ben"), DENIED);
  assert.equal(await check("doc:1#view@team:a#member"), ALLOWED);
  assert.equal(await check("doc:1#view@user:ann", { schemaVersion: version }), ALLOWED);
});

test("a snap token shows what was known then", async () => {
  const later = await write(["doc:2#viewer@user:cem"]);
  assert.equal(await check("doc:2#view@user:cem", { snapToken: later }), ALLOWED);
  assert.equal(await check("doc:2#view@user:cem", { snapToken: firstToken }), DENIED);
});

test("tuples, attributes and data may come with the question", async () => {
  const context = {
    tuples: [tupleOf("doc:9#owner@user:dan")],
    attributes: [attributeOf("doc:9", "level", "Integer", 5)],
    data: { needed: 4 },
  };
  assert.equal(await check("doc:9#audit@user:dan", { context }), ALLOWED);
  assert.equal(await check("doc:9#audit@user:ann", { context }), DENIED);
  assert.equal(await check("doc:9#audit@user:dan", { context: { ...context, data: { needed: 6 } } }), DENIED);
});

test("many checks are answered in order", async () => {
  const questions = ["doc:1#view@user:ann", "doc:1#view@user:ben", "doc:2#view@user:ann", "doc:2#view@user:ben"];
  const items = questions.map(tupleOf).map(({ entity, relation, subject }) => ({
    entity,
    permission: relation,
    subject,
  }));
  const { results } = await client.permission.bulkCheck({ tenantId, metadata: METADATA, items });
  assert.deepEqual(results.map((result) => result.can), [ALLOWED, ALLOWED, ALLOWED, DENIED]);
  assert.ok(results.every((result) => result.metadata.checkCount > 0));
});

test("a permission is expanded to its subjects", async () => {
  await write([], [attributeOf("doc:1", "public", "Boolean", true)]);
  const request = { tenantId, metadata: {}, entity: entityOf("doc:1"), permission: "view" };
  const { tree } = await client.permission.expand(request);
  const leavesOf = ({ node }) => (node.$case === "leaf" ? [node.leaf.type] : node.expand.children.flatMap(leavesOf));
  const leaves = leavesOf(tree);
  assert.equal(tree.node.expand.operation, ExpandTreeNode_Operation.OPERATION_UNION);
  const subjects = leaves.flatMap((leaf) => leaf.subjects?.subjects ?? []).map((subject) => subject.id);
  assert.ok(subjects.includes("ann") && subjects.includes("ben"));
  assert.deepEqual(leaves.filter((leaf) => leaf.$case === "value").map((leaf) => dataOf(leaf.value)), [true]);
});

test("entities are looked up in pages and within a scope", async () => {
  const first = await client.permission.lookupEntity(lookup({ pageSize: 1 }));
  assert.deepEqual(first.entityIds, ["1"]);
  const { continuousToken } = first;
  assert.deepEqual((await client.permission.lookupEntity(lookup({ pageSize: 1, continuousToken }))).entityIds, ["2"]);

  const scope = { doc: { data: ["2", "3"] } };
  assert.deepEqual((await client.permission.lookupEntity(lookup({ scope }))).entityIds, ["2"]);
});

test("entities come as a stream", async () => {
  const found = [];
  for await (const response of client.permission.lookupEntityStream(lookup())) {
    found.push(response.entityId);
  }
  assert.deepEqual(found, ["1", "2"]);
});

test("a stream may be left before its end", async () => {
  await write(Array.from({ length: 500 }, (_, number) => `doc:many${number}#owner@user:ann`));
  for await (const response of client.permission.lookupEntityStream(lookup())) {
    assert.equal(response.entityId, "1");
    break;
  }
  assert.equal(await check("doc:1#view@user:ann"), ALLOWED);
});

test("subjects are looked up in pages", async () => {
  const request = {
    tenantId,
    metadata: METADATA,
    entity: entityOf("doc:1"),
    permission: "view",
    subjectReference: { type: "user", relation: "" },
    pageSize: 1,
  };
  const { subjectIds, continuousToken } = await client.permission.lookupSubject(request);
  assert.deepEqual(subjectIds, ["ann"]);
  assert.deepEqual((await client.permission.lookupSubject({ ...request, continuousToken })).subjectIds, ["ben"]);
});

test("all permissions of a subject are told", async () => {
  const ask = async (onlyPermission) => {
    const request = {
      tenantId,
      metadata: { depth: 20, onlyPermission },
      entity: entityOf("doc:1"),
      subject: subjectOf("user:ben"),
      context: { data: { needed: 0 } },
    };
    return (await client.permission.subjectPermission(request)).results;
  };
  assert.deepEqual(await ask(true), { edit: DENIED, view: ALLOWED, audit: DENIED });
  assert.equal((await ask(false)).viewer, ALLOWED);
});

test("relationships are written, read in pages and deleted", async () => {
  const tuples = [0, 1, 2, 3, 4].map((number) => tupleOf(`doc:3#viewer@user:u${number}`));
  assert.ok((await client.data.writeRelationships({ tenantId, metadata: {}, tuples })).snapToken);

  const filter = { entity: { type: "doc", ids: ["3"] }, relation: "viewer", subject: { type: "user", ids: [] } };
  const pages = [];
  let continuousToken = "";
  do {
    const page = await client.data.readRelationships({ tenantId, metadata: {}, filter, pageSize: 2, continuousToken });
    pages.push(page.tuples.map((each) => each.subject.id));
    continuousToken = page.continuousToken;
  } while (continuousToken);
  assert.deepEqual(pages, [["u0", "u1"], ["u2", "u3"], ["u4"]]);

  assert.ok((await client.data.deleteRelationships({ tenantId, filter })).snapToken);
  assert.equal(await check("doc:3#view@user:u1"), DENIED);
});

test("attributes are written, read and deleted", async () => {
  await write([], [
    attributeOf("doc:1", "public", "Boolean", true),
    attributeOf("doc:1", "level", "Integer", -7),
    attributeOf("doc:1", "tags", "StringArray", ["a", "b"]),
  ]);
  assert.equal(await check("doc:1#view@user:stranger"), ALLOWED);

  const filter = { entity: { type: "doc", ids: ["1"] }, attributes: [] };
  const read = { tenantId, metadata: {}, filter };
  const { attributes } = await client.data.readAttributes(read);
  const values = Object.fromEntries(attributes.map((each) => [each.attribute, dataOf(each.value)]));
  assert.deepEqual(values, { public: true, level: -7, tags: ["a", "b"] });

  assert.ok((await client.data.delete({ tenantId, tupleFilter: {}, attributeFilter: filter })).snapToken);
  assert.deepEqual((await client.data.readAttributes(read)).attributes, []);
});

test("a bundle is written, run, read and deleted", async () => {
  const bundle = {
    name: "doc_created",
    arguments: ["who", "doc"],
    operations: [
      {
        relationshipsWrite: ["doc:{{.doc}}#owner@user:{{.who}}"],
        relationshipsDelete: [],
        attributesWrite: ["doc:{{.doc}}$public|boolean:true"],
        attributesDelete: [],
      },
    ],
  };
  assert.deepEqual((await client.bundle.write({ tenantId, bundles: [bundle] })).names, ["doc_created"]);
  assert.deepEqual((await client.bundle.read({ tenantId, name: "doc_created" })).bundle, bundle);

  const request = { tenantId, name: "doc_created", arguments: { who: "eva", doc: "77" } };
  assert.ok((await client.data.runBundle(request)).snapToken);
  assert.equal(await check("doc:77#edit@user:eva"), ALLOWED);

  assert.equal((await client.bundle.delete({ tenantId, name: "doc_created" })).name, "doc_created");
  await assert.rejects(client.bundle.read({ tenantId, name: "doc_created" }), { code: Status.NOT_FOUND });
});

test("changes are watched from a snap token on, one message for each transaction", async () => {
  await write(["doc:5#owner@user:eva"], [attributeOf("doc:5", "level", "Integer", 1)]);
  await client.data.deleteRelationships({ tenantId, filter: { entity: { type: "doc", ids: ["5"] }, relation: "owner" } });

  const messages = [];
  let resumeToken;
  for await (const { changes } of client.watch.watch({ tenantId, snapToken: firstToken })) {
    messages.push(changes.dataChanges);
    if (messages.length === 1) {
      resumeToken = changes.snapToken;
    }
    if (messages.length === 2) {
      break;
    }
  }
  const [created, removed] = messages;
  const { OPERATION_CREATE, OPERATION_DELETE } = DataChange_Operation;
  assert.deepEqual(created.map((change) => change.operation), [OPERATION_CREATE, OPERATION_CREATE]);
  assert.deepEqual(created[0].type.tuple, tupleOf("doc:5#owner@user:eva"));
  assert.deepEqual([created[1].type.attribute.attribute, dataOf(created[1].type.attribute.value)], ["level", 1]);
  assert.deepEqual(removed.map((change) => change.operation), [OPERATION_DELETE]);
  assert.equal(removed[0].type.tuple.subject.id, "eva");

  for await (const { changes } of client.watch.watch({ tenantId, snapToken: resumeToken })) {
    assert.deepEqual(changes.dataChanges, removed);
    break;
  }
});

test("what is written while one watches is seen", async () => {
  const abort = new AbortController();
  const stream = client.watch.watch({ tenantId, snapToken: firstToken }, { signal: abort.signal });
  const next = stream[Symbol.asyncIterator]().next();
  await write(["doc:6#owner@user:fay"]);
  assert.equal((await next).value.changes.dataChanges[0].type.tuple.subject.id, "fay");
  abort.abort();
});

test("what is not found has the code NOT_FOUND and the contract's name for it", async () => {
  await assert.rejects(check("doc:1#fly@user:ann"), (error) => {
    assert.ok(error instanceof ClientError);
    assert.equal(error.code, Status.NOT_FOUND);
    assert.match(error.details, /^ERROR_CODE_/);
    return true;
  });
});

test("what is wrong has the code INVALID_ARGUMENT and says so", async () => {
  await assert.rejects(check("doc:1#view@user:ann", { depth: 1 }), (error) => {
    assert.equal(error.code, Status.INVALID_ARGUMENT);
    assert.match(error.details, /Depth: value must be greater than or equal to 3/);
    return true;
  });
});

test("a faulty schema is refused with its place", async () => {
  await assert.rejects(client.schema.write({ tenantId, schema: "entity doc { relation owner @nobody }" }), (error) => {
    assert.equal(error.code, Status.INVALID_ARGUMENT);
    assert.match(error.details, /^1:\d+:/);
    return true;
  });
});
