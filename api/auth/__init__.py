"""Who may ask: bearer tokens, either keys the operator hands out or tokens an OpenID Connect issuer signs.

``bearer.py`` is the port and the header's form; ``preshared.py`` and ``oidc.py`` fulfil it, and ``opening.py`` chooses.
A token of an issuer is checked from top to bottom in ``oidc.py``: taken apart by ``jws.py``, verified with a key of
``key_ring.py``, which fetches keys through ``issuer.py`` and reads them with ``issuer_keys.py``; then ``claims.py``.

Nothing that opens a door is kept as it came: keys and tokens are remembered as digests, and no error, log line or repr
quotes them.
"""
