"""A back end that was made for TRTC: Tencent Cloud's official Python SDK, told only another endpoint.

It reads a list of calls from a JSON file and makes one after the other. A call is {"action", "params"}, and may have
"version", "secret_id", "secret_key", "sign" (TC3-HMAC-SHA256, HmacSHA256, HmacSHA1), "method" (POST, GET) and "skew"
(seconds by which this computer's clock is wrong). Each outcome is a line of JSON: {"ok": true} or {"code", "message"},
with "request_id". The key pair comes from TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY; TRUST names the file of an
authority to trust instead of the usual ones.
"""

import json
import os
import sys
import time
from unittest import mock

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.trtc.v20190722 import models, trtc_client

REGION = "ap-singapore"
VERSION = "2019-07-22"


def profile(call, scheme, endpoint):
    trust, method = os.environ.get("TRUST"), call.get("method", "POST")
    http = HttpProfile(protocol=scheme, endpoint=endpoint, reqMethod=method, reqTimeout=20, certification=trust)
    return ClientProfile(signMethod=call.get("sign", "TC3-HMAC-SHA256"), httpProfile=http, language="en-US")


def make(call, scheme, endpoint):
    """Makes the call as a back end would: by its method where the SDK has one, else by the SDK's common client."""
    key_id = call.get("secret_id", os.environ["TENCENTCLOUD_SECRET_ID"])
    key = call.get("secret_key", os.environ["TENCENTCLOUD_SECRET_KEY"])
    action, params, version = call["action"], call["params"], call.get("version", VERSION)
    more = (Credential(key_id, key), REGION, profile(call, scheme, endpoint))
    request = getattr(models, f"{action}Request", None)
    if request is None or version != VERSION:
        return CommonClient("trtc", version, *more).call_json(action, params)["Response"]["RequestId"]
    request = request()
    request.from_json_string(json.dumps(params))
    return getattr(trtc_client.TrtcClient(*more), action)(request).RequestId


def outcome(call, scheme, endpoint):
    now = time.time
    try:
        with mock.patch("time.time", lambda: now() + call.get("skew", 0)):
            return {"ok": True, "request_id": make(call, scheme, endpoint)}
    except TencentCloudSDKException as error:
        return {"ok": False, "code": error.code, "message": error.message, "request_id": error.requestId}


def main():
    scheme, endpoint, file = sys.argv[1:]
    with open(file, encoding="utf-8") as calls:
        for call in json.load(calls):
            print(json.dumps(outcome(call, scheme, endpoint)), flush=True)


if __name__ == "__main__":
    main()
