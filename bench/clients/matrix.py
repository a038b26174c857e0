"""Calls Lambda functions with AWS's SDK for Python, pointed at the emulator by variables alone.

argv[1] is an array of {"name", "data", "size"}; what each call came to is printed, a line of JSON
each. size adds that many characters to the event.
"""

import json
import os
import sys

import boto3
import botocore.exceptions

# boto3 reads AWS_ENDPOINT_URL_LAMBDA from 1.28 on; Debian 12 has 1.26.
client = boto3.client("lambda", endpoint_url=os.environ["AWS_ENDPOINT_URL_LAMBDA"])

for call in json.loads(sys.argv[1]):
    event = call["data"]
    if call.get("size"):
        event = {**event, "Text": "x" * call["size"]}
    try:
        got = client.invoke(FunctionName=call["name"], Payload=json.dumps(event))
        payload = json.load(got["Payload"])
        if "FunctionError" in got:
            print(json.dumps({"error": {"code": payload["errorType"]}}))
        else:
            print(json.dumps({"result": payload}))
    except botocore.exceptions.ClientError as error:
        print(json.dumps({"error": {"code": error.response["Error"]["Code"]}}))
