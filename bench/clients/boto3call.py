"""Calls Lambda functions with AWS's SDK for Python, pointed at the emulator by variables alone.

argv[1] is an array of {"name", "data"}; what each call came to is printed, a line of JSON each. Three operations that the
emulator does not play come last, each of a service with another protocol.
"""

import base64
import json
import os
import sys

import boto3
import botocore.exceptions

# boto3 reads AWS_ENDPOINT_URL_LAMBDA from 1.28 on; Debian 12 has 1.26.
reads_endpoint = tuple(int(part) for part in boto3.__version__.split(".")[:2]) >= (1, 28)
client = boto3.client("lambda", endpoint_url=None if reads_endpoint else os.environ["AWS_ENDPOINT_URL_LAMBDA"])

for call in json.loads(sys.argv[1]):
    try:
        got = client.invoke(FunctionName=call["name"], Payload=json.dumps(call["data"]), LogType="Tail")
        print(json.dumps({
            "payload": json.load(got["Payload"]),
            "functionError": got.get("FunctionError", ""),
            "log": base64.b64decode(got["LogResult"]).decode(),
        }))
    except botocore.exceptions.ClientError as error:
        print(json.dumps({"error": error.response["Error"]["Code"]}))

for service, operation in [("lambda", "list_functions"), ("dynamodb", "list_tables"), ("sts", "get_caller_identity")]:
    try:
        getattr(boto3.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL_LAMBDA"]), operation)()
    except botocore.exceptions.ClientError as error:
        print(json.dumps({"error": error.response["Error"]["Code"]}))
