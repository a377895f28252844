"""What holds for every route that there is, whatever is added later."""

import asyncio

import pytest
from fastapi.routing import APIRoute

from tests.http.harness import ADMIN_KEY, API, a_payment, house

OPEN = {
    "/livez",
    "/readyz",
    "/metrics",
    f"{API}/webhooks/{{provider}}",
    f"{API}/push/schema",
    f"{API}/oauth/{{provider}}/start",
    f"{API}/oauth/{{provider}}/callback",
}
OPERATOR = ("/api/v1/tenants", "/api/v1/operations")


ABSENT_ACCOUNT = "11111111-1111-5111-8111-111111111111"


def routes(shop):
    """Yield (method, path) of every route; OpenAPI's own and its page are not of the API."""
    inner = [
        route
        for included in shop.app.routes
        for route in getattr(included, "original_router", shop.app).routes
    ]
    found = {
        (method, route.path)
        for route in inner
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert len(found) > 30
    return sorted(found)


def of_tenants(shop):
    return [(m, p) for m, p in routes(shop) if p not in OPEN and not p.startswith(OPERATOR)]


BODIES = {
    ("POST", f"{API}/accounts"): {
        "provider": "square",
        "location_id": "LBAKERY01",
        "access_token": "good",
    },
    ("PATCH", f"{API}/accounts/{{account_id}}"): {"sync_interval_s": 300},
    ("PUT", f"{API}/products"): {"products": [{"product_id": "p", "name": "Bun"}]},
    ("POST", f"{API}/mappings"): None,
    ("PUT", f"{API}/mappings/{{account_id}}/{{pos_product_id:path}}"): {"product_id": "p"},
    ("POST", f"{API}/mappings/auto-map"): {},
    ("POST", f"{API}/accounts/{{account_id}}/sync/historical"): {"days": 1},
    ("POST", f"{API}/accounts/{{account_id}}/reconciliation"): {"from": "2026-05-04"},
    ("POST", f"{API}/accounts/{{account_id}}/reconnect"): {},
    ("POST", f"{API}/oauth/{{provider}}/authorize"): {"account_id": ABSENT_ACCOUNT},
    ("POST", f"{API}/oauth/attempts/{{attempt_id}}/connect"): {"location_ids": ["L"]},
}


async def ask(client, method, path, ids, **query):
    body = BODIES.get((method, path))
    if (method, path) == ("POST", f"{API}/mappings"):
        body = {"account_id": ids["account_id"], "pos_product_id": "V", "product_id": "p"}
    where = path.replace(":path", "")
    for name, value in {"kind": "vendor", "record_id": "1", **ids}.items():
        where = where.replace(f"{{{name}}}", value)
    return await client.request(method, where, json=body, params=query)


@pytest.fixture
def two_tenants(shop):
    """Two tenants, each with an account, a sale, a product and a mapping."""

    async def made():
        clients = {}
        for name, location in (("bakery", "LBAKERY01"), ("spy", "LSPY")):
            client = await shop.tenant(name)
            account = await shop.connected(client, location)
            await shop.sell(account["account_id"], "weighed-quantities")
            await client.put(
                f"{API}/products", json={"products": [{"product_id": name, "name": "Bun"}]}
            )
            await client.post(
                f"{API}/mappings",
                json={
                    "account_id": account["account_id"],
                    "pos_product_id": "VCHEESE",
                    "product_id": name,
                },
            )
            (tx, *_) = (await client.get(f"{API}/transactions")).json()["items"]
            link = await client.post(
                f"{API}/accounts/{account['account_id']}/reconnect", json={}
            )
            attempt = link.json()
            clients[name] = (
                client,
                {
                    "account_id": account["account_id"],
                    "transaction_id": tx["transaction_id"],
                    "product_id": name,
                    "pos_product_id": "VCHEESE",
                    "attempt_id": attempt["attempt_id"],
                    "provider": "square",
                },
            )
        return clients

    return made


ABSENT = {
    "account_id": ABSENT_ACCOUNT,
    "transaction_id": "22222222-2222-5222-8222-222222222222",
    "product_id": "nothing",
    "pos_product_id": "VCHEESE",
    "attempt_id": "A" * 32,
    "provider": "square",
}


async def test_another_tenant_s_id_is_answered_as_one_that_does_not_exist(shop, two_tenants):
    clients = await two_tenants()
    (_, theirs), (spy, _) = clients["bakery"], clients["spy"]
    asked = 0
    for method, path in of_tenants(shop):
        if "{" not in path and (method, path) != ("POST", f"{API}/mappings"):
            continue
        real = await ask(spy, method, path, theirs)
        none = await ask(spy, method, path, ABSENT)
        assert real.status_code == 404, (method, path, real.text)
        assert none.status_code == 404, (method, path, none.text)
        assert same(real) == same(none), (method, path)
        asked += 1
    assert asked >= 12


async def test_another_tenant_s_account_cannot_be_asked_for_in_a_list(shop, two_tenants):
    clients = await two_tenants()
    (_, theirs), (spy, _) = clients["bakery"], clients["spy"]
    asked = 0
    for method, path in of_tenants(shop):
        if method != "GET" or "{" in path or path in (f"{API}/accounts", f"{API}/products"):
            continue
        real = await ask(spy, method, path, {}, account_id=theirs["account_id"])
        none = await ask(spy, method, path, {}, account_id=ABSENT["account_id"])
        assert real.status_code == none.status_code == 404, (path, real.text)
        assert same(real) == same(none)
        asked += 1
    assert asked >= 7
    answer = await spy.post(
        f"{API}/mappings/auto-map", json={"account_id": theirs["account_id"]}
    )
    assert answer.status_code == 404


async def test_no_list_shows_anything_of_another_tenant(shop, two_tenants):
    clients = await two_tenants()
    (_, theirs), (spy, own) = clients["bakery"], clients["spy"]
    for method, path in of_tenants(shop):
        if method == "GET" and "{" not in path:
            answer = await spy.get(path)
            assert answer.status_code == 200
            assert theirs["account_id"] not in answer.text
            assert theirs["transaction_id"] not in answer.text
            assert "bakery" not in answer.text
            assert "spy" in answer.text or own["account_id"] in answer.text, path


def same(answer):
    """The whole answer but for the id of its request."""
    body = answer.json()
    body.pop("request_id")
    headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
    return answer.status_code, headers.items() - {("content-length", "0")}, body


async def test_without_a_valid_key_every_route_of_tenants_and_operators_is_401(shop):
    await shop.tenant("bakery")
    for client in (shop.client, shop.as_key("ts_000000000000_nothing"), shop.as_key("x")):
        for method, path in routes(shop):
            if path in OPEN:
                continue
            answer = await ask(client, method, path, ABSENT | {"tenant_id": "t", "prefix": "p"})
            assert answer.status_code == 401, (method, path)
            assert is_problem(answer)


async def test_the_admin_key_opens_no_route_of_a_tenant(shop):
    for method, path in of_tenants(shop):
        assert (await ask(shop.admin, method, path, ABSENT)).status_code == 401


async def test_without_an_admin_key_in_the_settings_nobody_is_the_operator(tmp_path):
    async with house(tmp_path, admin_key=None) as shop:
        for key in (None, "", "None", ADMIN_KEY):
            answer = await shop.as_key(key).post("/api/v1/tenants", json={"name": "x"})
            assert answer.status_code == 401


def is_problem(answer):
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and body["status"] == answer.status_code
        and body["type"].startswith("urn:tillstream:problem:")
        and bool(body["title"])
        and bool(body["detail"])
        and body["request_id"] == answer.headers["x-request-id"]
    )


async def test_every_error_is_a_problem(shop):
    bakery = await shop.tenant("bakery")
    cases = [
        (404, await shop.client.get("/nowhere")),
        (404, await shop.client.get(f"{API}/accounts/")),
        (405, await shop.client.put("/livez")),
        (405, await shop.client.get(f"{API}/webhooks/square")),
        (401, await shop.client.post(f"{API}/webhooks/square")),
        (401, await shop.client.get(f"{API}/accounts")),
        (404, await bakery.get(f"{API}/accounts/x")),
        (422, await bakery.get(f"{API}/sales", params={"limit": 0})),
        (422, await bakery.get(f"{API}/sales", params={"from": "yesterday"})),
        (422, await bakery.put(f"{API}/products", json={"products": []})),
        (422, await bakery.put(f"{API}/products", content=b"{")),
        (422, await bakery.put(f"{API}/products", content=b"")),
        (413, await bakery.put(f"{API}/products", content=b" " * (9 << 20))),
    ]
    for status, answer in cases:
        assert answer.status_code == status, answer.text
        assert is_problem(answer), answer.text


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe\x00",
        b'{"products": [{"product_id": "p", "name": "\\ud800"}]}',
        b'{"products": [{"product_id": "a/b", "name": "Bun"}]}',
        b'{"products": [{"product_id": "p", "name": "\\u0000"}]}',
        b'{"products": NaN}',
        b'{"products": [{"product_id": "p", "name": 1e999}]}',
        b"1" * 5_000,
        b"null",
    ],
)
async def test_a_body_of_any_kind_is_refused_in_order(shop, content):
    bakery = await shop.tenant("bakery")
    answer = await bakery.put(
        f"{API}/products", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert is_problem(answer)


async def test_what_was_sent_is_not_repeated_in_an_error(shop):
    bakery = await shop.tenant("bakery")
    form = {"provider": "square", "access_token": ["hush-hush"], "hush-field": "hush"}
    answer = await bakery.post(f"{API}/accounts", json=form)
    assert answer.status_code == 422
    assert "hush-hush" not in answer.text
    assert '"hush"' not in answer.text


async def test_an_error_of_ours_is_a_500_that_tells_nothing(shop, monkeypatch):
    bakery = await shop.tenant("bakery")

    await shop.connected(bakery)

    def break_down(*_args, **_kwargs):
        raise RuntimeError("hush: the password is hush")

    with monkeypatch.context() as broken:
        broken.setattr(shop.worker.runtime.views, "scan", break_down)
        answer = await bakery.get(f"{API}/sales")
    assert answer.status_code == 500
    assert is_problem(answer)
    assert "hush" not in answer.text


async def test_ids_with_odd_characters_are_404(shop):
    bakery = await shop.tenant("bakery")
    for odd in ("%00", "%2e%2e", "%F0%9F%A5%90", "a%2Fb", "x" * 192, "%FF"):
        for kind in ("accounts", "products", "transactions"):
            answer = await bakery.get(f"{API}/{kind}/{odd}")
            assert answer.status_code == 404, (kind, odd)


async def test_a_write_that_is_not_seen_in_time_says_so_and_is_not_lost(tmp_path):
    async with house(tmp_path, settle_timeout_s=0.000001) as shop:
        bakery = await shop.tenant("bakery")
        form = {"products": [{"product_id": "p", "name": "Bun"}]}
        answer = await bakery.put(f"{API}/products", json=form)
        assert answer.status_code == 202
        assert answer.json()["visible"] is False
        await shop.settle()
        assert (await bakery.get(f"{API}/products/p")).status_code == 200


async def test_openapi_describes_every_route_and_every_reference_leads_somewhere(shop):
    document = (await shop.client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for method, path in routes(shop):
        described = document["paths"][path.replace(":path", "")][method.lower()]
        assert described["description"], path
        problem = described["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert "422" not in described["responses"]
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for name in ("SalesRow", "SalesDayRow", "InventoryRow", "UnmappedRow", "Transaction"):
        assert schemas[name]["properties"]
    assert "credentials" not in schemas["AccountView"]["properties"]


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_answers_have_the_fields_that_openapi_says(shop, two_tenants):
    bakery, ids = (await two_tenants())["bakery"]
    schemas = (await shop.client.get("/api/v1/openapi.json")).json()
    for path, operations in schemas["paths"].items():
        if "get" not in operations or not path.startswith(API) or path in OPEN:
            continue
        content = operations["get"]["responses"]["200"]["content"]["application/json"]
        answer = (await ask(bakery, "GET", path, ids)).json()
        schema = content["schema"]
        if "properties" in schema:
            assert set(schema["properties"]) <= set(answer)
            schema, answer = schema["properties"]["items"]["items"], answer["items"]
        else:
            answer = [answer]
        named = schemas["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        for item in answer:
            assert set(item) == set(named["properties"]), path


async def test_the_process_says_that_it_lives_and_whether_it_can_serve(shop):
    assert (await shop.client.get("/livez")).json() == {"status": "alive"}
    assert (await shop.client.get("/readyz")).json() == {"status": "ready"}


async def test_readiness_names_every_reason(shop, monkeypatch):
    monkeypatch.setattr(
        shop.worker.runtime.views, "lag", lambda: {("project", "pos.transactions", 1): 10**9}
    )
    answer = await shop.client.get("/readyz")
    assert answer.status_code == 503
    assert is_problem(answer)
    (reason,) = answer.json()["reasons"]
    assert "project" in reason
    assert "pos.transactions/1" in reason


async def test_readiness_says_when_the_log_takes_nothing(shop, monkeypatch):
    log = shop.worker.runtime.log
    monkeypatch.setattr(log, "_failure", OSError("full"))
    answer = await shop.client.get("/readyz")
    assert answer.status_code == 503
    assert "takes no writes" in answer.json()["detail"]


async def test_metrics_have_the_names_that_dashboards_know(shop):
    bakery = await shop.tenant("bakery")
    account = await shop.connected(bakery)
    await shop.sell(account["account_id"], "weighed-quantities")
    await shop.deliver(a_payment())
    await shop.settle()
    text = ""
    for _ in range(100):
        text = (await shop.client.get("/metrics")).text
        if "pos_transactions_synced_total{" in text and "pos_unmapped_products_total{" in text:
            break
        await asyncio.sleep(0.005)
    label = 'pos_provider="square"'
    assert f'pos_accounts_total{{{label},status="connected",tenant_id="bakery"}} 1.0' in text
    assert f'pos_transactions_synced_total{{{label},tenant_id="bakery"}}' in text
    unmapped = f'pos_account_id="{account["account_id"]}",tenant_id="bakery"'
    assert f"pos_unmapped_products_total{{{unmapped}}}" in text
    assert f'pos_webhooks_total{{outcome="accepted",{label}}} 1.0' in text
    assert 'pos_stage_records_total{stage="normalise"}' in text
    assert 'pos_lane_lag_records{stage="project"}' in text
