import pytest_asyncio

from tests.http.harness import house


@pytest_asyncio.fixture
async def shop(tmp_path):
    async with house(tmp_path) as running:
        yield running
