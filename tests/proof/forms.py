"""Short and long forms of a proof: the long ones run with TILLSTREAM_PROOF=long."""

from __future__ import annotations

import os

import pytest

LONG = os.environ.get("TILLSTREAM_PROOF") == "long"

long_form = pytest.mark.skipif(not LONG, reason="long form: TILLSTREAM_PROOF=long")
