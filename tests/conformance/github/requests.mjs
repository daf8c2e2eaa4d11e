// Checks a record of requests and their answers against GitHub's description: path, query
// and body of the one, status, headers and body of the other. With a list of operations,
// also that each of them was asked for: a request that was never made was never checked.
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
  const { method, path, query, body, status, headers, answer, cut } = JSON.parse(line);
  if (cut) {
    problems.push("the record is not whole");
    continue;
  }
  const operation = description.operation(method, path);
  const what = operation ? `${method} ${operation.template}` : `${method} ${path}`;
  asked.set(what, (asked.get(what) ?? 0) + 1);
  const wrong = description.request(method, path, query, body);
  const asking = `${method} ${path}?${query} ${JSON.stringify(body)}`;
  if (wrong) problems.push(`${asking}: ${wrong}`);
  const wrongly = description.answer(method, path, status, new Headers(headers), answer ?? undefined);
  if (wrongly) problems.push(`${asking}, answered ${status}: ${wrongly}`);
}
const wanted = list ? (await lines(list)).filter((line) => !line.startsWith("#")) : [];
const missing = wanted.filter((operation) => !asked.has(operation));
problems.push(...missing.map((operation) => `${operation} was never asked for`));

if (list) {
  for (const [operation, times] of [...asked].sort()) console.log(`  ${String(times).padStart(4)}  ${operation}`);
}
for (const problem of problems) console.error(`FAILED ${problem}`);
const wrong = problems.length - missing.length;
console.log(`github requests: ${requests.length} with their answers, ${wrong} not as described, ${asked.size} operations`);
process.exit(problems.length === 0 ? 0 : 1);
