"""The contract as an OpenAPI document, made of the .proto files: their bindings, their rules, and their comments."""
