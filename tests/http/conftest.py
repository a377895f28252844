import pytest
import pytest_asyncio
import structlog

from tests.http.harness import house


@pytest.fixture(autouse=True)
def _quiet():
    """Log nothing: without a set-up, structlog paints tracebacks for seconds."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


@pytest_asyncio.fixture
async def shop(tmp_path):
    async with house(tmp_path) as running:
        yield running
