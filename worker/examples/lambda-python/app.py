"""A function for SQS messages as it would run on AWS Lambda, with Powertools.

Nothing in it knows of the worker. Its event has one record, so the order of a group is
the worker's business; the partial processor reports what failed.
"""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="jobs")
processor = SqsFifoPartialProcessor()


def handle_record(record: SQSRecord):
    job = json.loads(record.body)
    logger.info("a job", group=record.attributes.message_group_id, job=job)


def handler(event, context):
    return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
