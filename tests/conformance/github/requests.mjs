// Checks a record of requests against GitHub's description: path, query, body. With a
// list of operations, also that each of them was asked for: a request that was never
// made was never checked.
//
//     node requests.mjs RECORD [OPERATIONS]

import { readFile } from "node:fs/promises";
import { readDescription } from "./description.mjs";

const [record, list] = process.argv.slice(2);
if (!record) {
  console.error("usage: node requests.mjs RECORD [OPERATIONS]");
  process.exit(2);
}

const lines = async (file) => (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
const description = await readDescription();
const problems = [];
const asked = new Map();
const requests = await lines(record);
if (requests.length === 0) problems.push("the record is empty");
for (const line of requests) {
  const { method, path, query, body, status } = JSON.parse(line);
  const operation = description.operation(method, path);
  const what = operation ? `${method} ${operation.template}` : `${method} ${path}`;
  asked.set(what, (asked.get(what) ?? 0) + 1);
  const wrong = description.request(method, path, query, body);
  if (wrong) problems.push(`${method} ${path}?${query} ${JSON.stringify(body)}, answered ${status}: ${wrong}`);
}
const wanted = list ? (await lines(list)).filter((line) => !line.startsWith("#")) : [];
const missing = wanted.filter((operation) => !asked.has(operation));
problems.push(...missing.map((operation) => `${operation} was never asked for`));

if (list) {
  for (const [operation, times] of [...asked].sort()) console.log(`  ${String(times).padStart(4)}  ${operation}`);
}
for (const problem of problems) console.error(`FAILED ${problem}`);
const wrong = problems.length - missing.length;
console.log(`github requests: ${requests.length - wrong} of ${requests.length} as described, ${asked.size} operations`);
process.exit(problems.length === 0 ? 0 : 1);
