"""A host on FastAPI: a customer connects HubSpot, records are read and edited, HubSpot calls back.

Run it with `uvicorn fastapi_host:app`, with the variables below set to those of your app at HubSpot.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import syncline
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse

PUBLIC = os.environ.get("PUBLIC_URL", "https://app.example")
CLIENT_ID = os.environ.get("HUBSPOT_CLIENT_ID", "")
CLIENT_SECRET = os.environ.get("HUBSPOT_CLIENT_SECRET", "")
# A simulator stands in for HubSpot in the tests of this file.
SIMULATOR = os.environ.get("HUBSPOT_SIMULATOR")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """One engine per process, with its schedule."""
    database = os.environ.get("DATABASE", "app.db")
    async with await syncline.open_async(database, actor="host", allow_loopback=SIMULATOR is not None) as sl:
        app.state.sl = sl
        async with sl.schedule():
            yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(syncline.SynclineError)
async def told(_: Request, error: syncline.SynclineError) -> JSONResponse:
    """What a person reads: the message says what to do, and holds no secret."""
    status = {"not_found": 404, "forbidden": 403, "stale": 409, "exists": 409, "refused": 409, "invalid": 422}
    return JSONResponse({"error": str(error), "kind": error.kind}, status.get(error.kind, 502))


async def tenant(request: Request, x_user: Annotated[str, Header()]) -> syncline.AsyncTenant:
    """Who asks, and for which customer: yours come from your session."""
    sl: syncline.AsyncSyncline = request.app.state.sl
    return await sl.acting_as(x_user).tenant("Acme")


Acme = Annotated[syncline.AsyncTenant, Depends(tenant)]


@app.post("/integrations/hubspot")
async def connect(acme: Acme) -> dict[str, str]:
    """Sends the person to HubSpot."""
    started = await acme.connections.authorise(
        "hubspot",
        "marketing",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uri=f"{PUBLIC}/callback",
        objects=["contacts"],
        login_url=SIMULATOR,
    )
    return {"go_to": started.authorize_url}


@app.get("/callback")
async def callback(request: Request, acme: Acme) -> RedirectResponse:
    """Takes them back, and starts the first read."""
    connection = await acme.connections.complete(request.url.query)
    proposal = await acme.connections.propose(connection, "contacts")
    await acme.syncs.save("contacts", connection, proposal, start=True)
    return RedirectResponse("/people", status_code=303)


@app.post("/webhooks/hubspot")
async def webhook(request: Request) -> dict[str, int]:
    """HubSpot has one address for all accounts of an app: each of its connections is told."""
    sl: syncline.AsyncSyncline = request.app.state.sl
    body = await request.body()
    try:
        portals = {str(event["portalId"]) for event in json.loads(body)}
    except (ValueError, KeyError, TypeError) as error:
        raise HTTPException(400, "no list of events") from error
    hints = 0
    for acme in await sl.tenants():
        for connection in await acme.connections.list():
            if connection.provider == "hubspot" and connection.account.id in portals:
                hints += await sl.webhook(
                    connection.id, url=f"{PUBLIC}/webhooks/hubspot", headers=request.headers, body=body
                )
    return {"hints": hints}


@app.get("/people")
async def people(acme: Acme, filter: str | None = None) -> list[dict[str, Any]]:
    """The app's records are the entities."""
    found = acme.entities("person").list(filter, limit=100)
    return [{"uid": str(one.uid), "rev": one.rev, **one.values} async for one in found]


@app.patch("/people/{uid}")
async def edit(uid: str, rev: int, changes: dict[str, Any], acme: Acme) -> dict[str, Any]:
    """`rev` is the revision that the form was filled from."""
    edited = await acme.entities("person").update(uid, changes, read=rev)
    return {"changed": edited.changed, "overruled": edited.overruled, "conflicts": edited.conflicts}
