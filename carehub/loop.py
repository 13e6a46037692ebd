"""The event loop of the processes that last: uvloop, and a client of Kafka that knows how uvloop speaks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` until it is done, and returns what it returns."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of the kind that every process of the hub runs on."""
    import uvloop

    _teach_kafka_client()
    return uvloop.new_event_loop()


@functools.cache
def _teach_kafka_client() -> None:
    """What is written to a connection that was lost a moment ago is a RuntimeError on uvloop. aiokafka expects an
    OSError, or, as on asyncio's own loop, nothing: the RuntimeError would end the task that keeps its metadata fresh,
    without a word, or the relay. It becomes the KafkaConnectionError that aiokafka makes of the OSError."""
    from aiokafka.conn import AIOKafkaConnection

    AIOKafkaConnection.send = _lost_by_kafka_error(AIOKafkaConnection.send)
    AIOKafkaConnection._send_sasl_token = _lost_by_kafka_error(AIOKafkaConnection._send_sasl_token)


def _lost_by_kafka_error(send: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    from aiokafka.conn import CloseReason
    from aiokafka.errors import KafkaConnectionError, KafkaError

    @functools.wraps(send)
    def sending(connection: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return send(connection, *args, **kwargs)
        except KafkaError:  # which is a RuntimeError, too
            raise
        except RuntimeError as lost:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} was lost") from lost

    return sending
