"""What happens to a cluster, minute by minute, and which alerts must fire then, and which must not."""

from __future__ import annotations

from tests.observability.stories.admission import ADMISSION
from tests.observability.stories.budgets import BUDGETS
from tests.observability.stories.cluster import CLUSTER
from tests.observability.stories.nodes import NODES
from tests.observability.stories.store import STORE

STORIES = BUDGETS + NODES + CLUSTER + STORE + ADMISSION
