// A back end that was made for TRTC: Tencent Cloud's official Node SDK, told only another endpoint. It takes the same
// arguments and list of calls as tencent_sdk.py, without "skew", and prints the same outcomes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [scheme, endpoint, file] = process.argv.slice(2);
const require = createRequire(`${process.env.NODE_SDK}/`);
const { trtc } = require("tencentcloud-sdk-nodejs/tencentcloud/services/trtc");
const { CommonClient } = require("tencentcloud-sdk-nodejs/tencentcloud/common/common_client");
const VERSION = "2019-07-22";

function make(call) {
  const secretId = call.secret_id ?? process.env.TENCENTCLOUD_SECRET_ID;
  const secretKey = call.secret_key ?? process.env.TENCENTCLOUD_SECRET_KEY;
  const httpProfile = { endpoint, protocol: `${scheme}://`, reqMethod: call.method ?? "POST", reqTimeout: 20 };
  const profile = { signMethod: call.sign ?? "TC3-HMAC-SHA256", httpProfile, language: "en-US" };
  const config = { credential: { secretId, secretKey }, region: "ap-singapore", profile };
  const version = call.version ?? VERSION;
  const client = new trtc.v20190722.Client(config);
  if (version !== VERSION || !client[call.action]) {
    return new CommonClient(endpoint, version, config).request(call.action, call.params);
  }
  return client[call.action](call.params);
}

for (const call of JSON.parse(readFileSync(file, "utf8"))) {
  let outcome;
  try {
    outcome = { ok: true, request_id: (await make(call)).RequestId };
  } catch (error) {
    outcome = { ok: false, code: error.code, message: error.message, request_id: error.requestId };
  }
  console.log(JSON.stringify(outcome));
}
