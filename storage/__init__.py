"""Where tuples, attributes, schemas, bundles and tenants live: the ports in ``base.py``, one package per store."""
