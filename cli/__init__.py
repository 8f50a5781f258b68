"""The command line: loads the configuration once, starts nodes, validates schemas, explains itself."""
