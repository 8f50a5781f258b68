"""Copies a configuration with the zone of this pod's machine in it: `zone.py FROM TO`. Made for an init container.

Asks the API server for the machine NODE_NAME by the account's token, which may read machines and nothing else.
"""

import http.client
import json
import os
import ssl
import sys
import time
from pathlib import Path

LABEL = "topology.kubernetes.io/zone"
PLACE = "ZONE_OF_THE_MACHINE"
ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
TRIES = 5


def labels_of(machine: str) -> dict[str, str]:
    """The labels of a machine. Raises OSError if nobody answers, ValueError saying why for any other answer."""
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    server = http.client.HTTPSConnection(host, port, context=trusted, timeout=5)
    try:
        token = (ACCOUNT / "token").read_text(encoding="utf-8").strip()
        server.request("GET", f"/api/v1/nodes/{machine}", headers={"Authorization": f"Bearer {token}"})
        answer = server.getresponse()
        said = json.loads(answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"the API server broke off: {error}") from error
    finally:
        server.close()
    if answer.status != 200:
        raise ValueError(f"the API server says {answer.status}: {said.get('message', '')}")
    return said["metadata"].get("labels") or {}


def main() -> None:
    """Write the copy, without a zone where the machine has none; end with 1 and a line if that cannot be known."""
    machine, given, target = os.environ["NODE_NAME"], Path(sys.argv[1]), Path(sys.argv[2])
    for tried in range(1, TRIES + 1):
        try:
            labels = labels_of(machine)
            break
        except OSError as error:
            if tried == TRIES:
                sys.exit(f"the zone of {machine} cannot be known: {error}")
            time.sleep(tried)
        except ValueError as error:
            sys.exit(f"the zone of {machine} cannot be known: {error}")
    zone = labels.get(LABEL, "")
    target.write_text(given.read_text(encoding="utf-8").replace(PLACE, json.dumps(zone)), encoding="utf-8")
    print(f"{machine} is in zone {zone}" if zone else f"{machine} carries no label {LABEL}: the node has no zone")


if __name__ == "__main__":
    main()
