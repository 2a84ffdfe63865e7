"""The queue's consumer: every good event is stored once, every bad record fails alone."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from common_logging import correlation_id, log_invocations, loggable, service_logger
from common_models import InvalidEventError, parse_event

from ingestion_worker.store import IdTakenError, store

logger = service_logger("ingestion-worker")


@log_invocations(logger)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Answer a batch from SQS with the records to deliver again.

    The queue deletes what is not named in the answer, and moves what fails too often to the dead-letter queue:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

    Args:
        event: the batch; `ReportBatchItemFailures` has to be on for its event source mapping.
        context: of the invocation.

    Returns:
        `batchItemFailures`, with the message id of each record that is to be retried.
    """
    records = event["Records"]
    failed = [record["messageId"] for record in records if not _settle(record)]
    logger.info("batch done", records=len(records), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _settle(record: dict[str, Any]) -> bool:
    """Store one record's event; whether the queue may forget the record. The log says why not, under its message id."""
    message_id = record["messageId"]
    offered = record.get("messageAttributes", {}).get("correlation_id", {}).get("stringValue")
    with logger.append_context_keys(
        message_id=message_id, correlation_id=correlation_id(offered, otherwise=message_id)
    ):
        try:
            event = parse_event(record["body"])
            stored = store(event)
        except (InvalidEventError, IdTakenError) as error:
            logger.error("record refused", reason=str(error))  # noqa: TRY400 - the reason says it all
        except Exception as error:
            # Whatever it was, the other records of the batch must not suffer from it.
            logger.exception("record failed", reason=loggable(f"{type(error).__name__}: {error}"))
        else:
            logger.info("event stored" if stored else "event was stored before", event_id=event.id)
            return True
    return False
