"""Wire contracts: .proto files and the modules generated from them."""
