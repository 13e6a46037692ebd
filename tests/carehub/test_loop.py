"""Kafka's client on the event loop of our processes."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from carehub.loop import run
from tests.sockets import reset


async def killed_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One that is killed while it works on its first request."""
    await reader.readexactly(4)
    reset(writer)


async def answers_of_a_lost_connection() -> list[Any]:
    """What becomes of requests until the client has closed a connection that was reset: of one under way, and of those
    made after the loop knew of the loss and before the client did."""

    async def ask() -> Any:
        return await connection.send(MetadataRequest([]))

    async with await asyncio.start_server(killed_broker, "127.0.0.1", 0) as server:
        connection = AIOKafkaConnection(*server.sockets[0].getsockname())
        connection._do_version_lookup = lambda: asyncio.sleep(0)
        connection._versions = {MetadataRequest([]).API_KEY: (0, 1)}
        await connection.connect()
        transport = connection._writer.transport
        requests = [asyncio.create_task(ask())]
        while connection.connected():
            if transport.is_closing():
                requests.append(asyncio.create_task(ask()))
            await asyncio.sleep(0)
        return await asyncio.gather(*requests, return_exceptions=True)


def test_what_is_sent_on_a_connection_that_was_just_lost_fails_as_kafka_errors_do() -> None:
    answers = run(answers_of_a_lost_connection())
    assert {type(answer) for answer in answers} == {KafkaConnectionError}
    assert [answer for answer in answers if isinstance(answer.__cause__, RuntimeError)], "nothing was sent in the gap"
