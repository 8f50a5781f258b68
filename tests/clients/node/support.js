// A client of the node under test, and short forms for what is sent.

const fs = require("node:fs");

const permify = require("@permify/permify-node");
const { Any } = require("@permify/permify-node/dist/src/grpc/generated/google/protobuf/any");

const SCHEMA = `
entity user {}

entity team {
  relation member @user @team#member
}

entity doc {
  relation owner @user
  relation viewer @user @team#member
  attribute public boolean
  attribute level integer
  attribute tags string[]
  permission edit = owner
  permission view = public or viewer or edit
  permission audit = edit and at_least(level)
}

rule at_least(level integer) {
  level >= context.data.needed
}
`;

// The client as its users make it; another token than the one the node asks for, if given, and without trust in the
// node's certificate, if asked for.
function newClient(token = process.env.TOKEN, { trusts = true } = {}) {
  const isEncrypted = process.env.CA_FILE !== "";
  const cert = isEncrypted && trusts ? fs.readFileSync(process.env.CA_FILE) : undefined;
  const configuration = { endpoint: process.env.GRPC_ADDRESS, cert, insecure: !isEncrypted };
  return token
    ? permify.grpc.newClient(configuration, permify.grpc.newAccessTokenInterceptor(token))
    : permify.grpc.newClient(configuration);
}

// The entity written "doc:1".
function entityOf(text) {
  const [type, id] = text.split(":");
  return { type, id };
}

// The subject written "team:2#member".
function subjectOf(text) {
  const [reference, relation = ""] = text.split("#");
  return { ...entityOf(reference), relation };
}

// The tuple written "doc:1#viewer@team:2#member".
function tupleOf(text) {
  const [owner, subject] = text.split("@");
  const [entity, relation] = owner.split("#");
  return { entity: entityOf(entity), relation, subject: subjectOf(subject) };
}

// An attribute with a value of kind "Boolean", "Integer", "StringArray" …
function attributeOf(entity, attribute, kind, data) {
  const type = permify.grpc.base[`${kind}Value`];
  const value = Any.fromPartial({
    typeUrl: `type.googleapis.com/base.v1.${kind}Value`,
    value: type.encode(type.fromPartial({ data })).finish(),
  });
  return { entity: entityOf(entity), attribute, value };
}

// The data of an attribute's value.
function dataOf(value) {
  return permify.grpc.base[value.typeUrl.split("base.v1.")[1]].decode(value.value).data;
}

module.exports = { SCHEMA, attributeOf, dataOf, entityOf, newClient, permify, subjectOf, tupleOf };
