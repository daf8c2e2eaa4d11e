// What the checks themselves have to find: right requests and answers pass, and each way
// of being wrong is told.
//
//     node wrongs.mjs

import assert from "node:assert/strict";
import { readDescription } from "./description.mjs";

const description = await readDescription();
const at = (rest) => `/repos/taxasge/backend${rest}`;

const right = [
  ["GET", at("/pulls"), "state=open&head=taxasge%3Adevelop&base=main&per_page=10", null],
  ["PUT", at("/pulls/7/merge"), "", { sha: "a".repeat(40), merge_method: "squash" }],
  ["DELETE", at("/git/refs/heads/fix/a%23b"), "", null],
  ["GET", at("/actions/workflows/production.yml/runs"), "status=success&per_page=5", null],
];
for (const request of right) assert.equal(description.request(...request), "", request.join(" "));

const wrong = [
  ["an unknown path", "GET", at("/pull-requests"), "", null],
  ["an unknown method", "PUT", at("/pulls"), "", {}],
  ["a path of the wrong kind", "GET", at("/pulls/seven"), "", null],
  ["an unknown parameter", "GET", at("/pulls"), "status=open", null],
  ["a parameter of the wrong kind", "GET", at("/pulls"), "per_page=many", null],
  ["a parameter that is none of its values", "GET", at("/pulls"), "state=merged", null],
  ["a body that is not there", "POST", at("/pulls"), "", null],
  ["a body that has no place", "POST", at("/actions/runs/7/cancel"), "", { force: true }],
  ["an unknown member", "PUT", at("/pulls/7/merge"), "", { sha: "a".repeat(40), method: "squash" }],
  ["a member of the wrong kind", "PUT", at("/pulls/7/merge"), "", { sha: 7 }],
  ["a member that is none of its values", "PUT", at("/pulls/7/merge"), "", { merge_method: "octopus" }],
  ["a member that is missing", "POST", at("/actions/runs/7/pending_deployments"), "", { environment_ids: [1], state: "approved" }],
  ["an entry of the wrong kind", "POST", at("/actions/runs/7/pending_deployments"), "", { environment_ids: ["production"], state: "approved", comment: "" }],
  ["a text where an object belongs", "POST", at("/pulls"), "", "title"],
];
for (const [what, ...request] of wrong) assert.notEqual(description.request(...request), "", `${what} was not told`);

const usual = () => new Headers({
  "content-type": "application/json; charset=utf-8",
  "x-github-request-id": "1",
  "x-github-media-type": "github.v3; format=json",
  ...Object.fromEntries(["limit", "remaining", "used", "reset", "resource"].map((name) => [`x-ratelimit-${name}`, "1"])),
});
const without = (name) => {
  const headers = usual();
  headers.delete(name);
  return headers;
};
const plain = usual();
plain.set("content-type", "text/html");
const object = { type: "commit", sha: "a".repeat(40), url: "https://api.github.com/x" };
const reference = { ref: "refs/heads/main", node_id: "x", url: "https://api.github.com/x", object };
const refusal = { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" };
const read = (...answer) => description.answer("GET", at("/git/ref/heads%2Fmain"), ...answer);
assert.equal(read(200, usual(), reference), "");
assert.equal(read(404, usual(), refusal), "");
const wrongAnswers = [
  ["a status that is not described", 202, usual(), reference],
  ["another content type", 200, plain, reference],
  ["a header that is missing", 200, without("x-ratelimit-remaining"), reference],
  ["no body", 200, usual(), undefined],
  ["a body where there is none", 304, usual(), reference],
  ["a member that is missing", 200, usual(), { ...reference, object: undefined }],
  ["a member of the wrong kind", 200, usual(), { ...reference, object: { ...object, sha: 7 } }],
  ["a text that is too short", 200, usual(), { ...reference, object: { ...object, sha: "abc" } }],
  ["a refusal in another form", 404, usual(), { ...refusal, status: 404 }],
];
for (const [what, ...answer] of wrongAnswers) assert.notEqual(read(...answer), "", `${what} was not told`);

console.log(`github checks: ${right.length + 2} right ones passed, ${wrong.length + wrongAnswers.length} wrong ones were told`);
