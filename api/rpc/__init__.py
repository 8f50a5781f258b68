"""The services of the contract: thin handlers that know no transport."""
