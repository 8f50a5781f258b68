"""Asks a release whether it works, over REST: `ask.py URL`. Made for `helm test`.

TENANT: make that tenant, write to it, check, and remove it; without it health alone is asked for. TOKENS: preshared
keys, of which the first is shown. TLS: folder with ca.crt, by which the release is known, and the certificate that is
shown, tls.crt and tls.key.
"""

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

SCHEMA = "entity user {}\nentity document {\n  relation owner @user\n  permission edit = owner\n}\n"


def tls_of(folder: Path) -> ssl.SSLContext:
    """What the certificates in a folder make; a CA that is not there is that of the system."""
    ca = folder / "ca.crt"
    trusted = ssl.create_default_context(cafile=str(ca) if ca.exists() else None)
    trusted.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return trusted


class Release:
    """One that answers at a URL."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        self._tls = tls

    def ask(self, path: str, body: object = None, method: str = "") -> dict[str, object]:
        """The answer. Ends the program, saying what was asked, if there is none."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, sent, self._headers, method=method or None)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._tls) as answer:
                said: dict[str, object] = json.loads(answer.read() or b"{}")
                return said
        except urllib.error.HTTPError as error:
            sys.exit(f"{path}: {error.code} {error.read().decode(errors='replace')}")
        except OSError as error:
            sys.exit(f"{path}: {error}")

    def decides(self, tenant: str) -> None:
        """Write and check. Ends the program if a check is decided wrongly."""
        self.ask("/v1/tenants/create", {"id": tenant, "name": tenant})
        try:
            self.ask(f"/v1/tenants/{tenant}/schemas/write", {"schema": SCHEMA})
            document = {"type": "document", "id": "1"}
            owner = {"entity": document, "relation": "owner", "subject": {"type": "user", "id": "ann"}}
            self.ask(f"/v1/tenants/{tenant}/data/write", {"metadata": {}, "tuples": [owner]})
            for user, expected in (("ann", "CHECK_RESULT_ALLOWED"), ("ben", "CHECK_RESULT_DENIED")):
                question = {
                    "metadata": {"depth": 20},
                    "entity": document,
                    "permission": "edit",
                    "subject": {"type": "user", "id": user},
                }
                can = self.ask(f"/v1/tenants/{tenant}/permissions/check", question)["can"]
                if can != expected:
                    sys.exit(f"may {user} edit the document? expected {expected}, got {can}")
        finally:
            self.ask(f"/v1/tenants/{tenant}", method="DELETE")


def main() -> None:
    """Ask; end with 1 and a line if something is wrong."""
    folder, tenant = os.environ.get("TLS", ""), os.environ.get("TENANT", "")
    token = os.environ.get("TOKENS", "").partition(",")[0]
    release = Release(sys.argv[1], token, tls_of(Path(folder)) if folder else None)
    print("health:", release.ask("/healthz"))
    if tenant:
        release.decides(tenant)
        print("a document was written to, and both checks are right")


if __name__ == "__main__":
    main()
