// Walks every endpoint of the rehearsal's GitHub and checks each answer against GitHub's
// description: status, headers, body.
//
//     node answers.mjs URL CONTROL

import { readDescription } from "./description.mjs";

const REPOSITORY = "/repos/taxasge/backend";
const problems = [];
const operations = new Set();
let checked = 0;

function note(what, wrong) {
  checked += 1;
  if (wrong) problems.push(`${what}: ${wrong}`);
}

async function checkAnswers(base, control) {
  const description = await readDescription();

  async function ask(method, path, { as = "ops1", body, expect = 200, headers = {} } = {}) {
    const whole = path === "/user" || path === "/rate_limit" ? path : REPOSITORY + path;
    const authorization = as ? { authorization: `Bearer ${as}-token` } : {};
    const response = await fetch(base + whole, {
      method,
      redirect: "manual",
      headers: { accept: "application/vnd.github+json", ...authorization, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const answer = text === "" ? undefined : JSON.parse(text);
    const bare = whole.split("?")[0];
    const what = `${method} ${whole} as ${as}`;
    operations.add(`${method} ${description.operation(method, bare)?.template}`);
    const status = response.status === expect ? "" : `answered ${response.status}, expected ${expect}: ${text.slice(0, 200)}`;
    note(what, status || description.answer(method, bare, response.status, response.headers, answer));
    return { answer, headers: response.headers };
  }
  const get = async (path, options) => (await ask("GET", path, options)).answer;
  const hurry = () => fetch(`${control}/github/advance`, { method: "POST" });

  // What there is at the start.
  for (const path of ["/user", "/rate_limit", "", "/branches", "/branches/develop", "/git/ref/heads%2Fmain", "/tags", "/labels",
    "/commits", "/commits/main/pulls", "/releases", "/releases/latest", "/releases/tags/v1.0.0", "/environments",
    "/environments/production", "/environments/staging", "/compare/main...develop", "/compare/develop...main",
    "/contents/README.md", "/contents/CHANGELOG.md?ref=develop", "/contents/.github/workflows/production.yml", "/contents/alembic/versions",
    "/contents/", "/actions/workflows", "/actions/workflows/staging.yml", "/actions/workflows/production.yml/runs?per_page=2",
    "/issues?labels=P1&state=all", "/issues?state=closed&per_page=2", "/pulls?state=all&head=taxasge:develop&base=main",
    "/actions/runs?branch=develop&event=push&status=success", "/deployments?environment=production"]) {
    await get(path.replace("/contents/?", "/contents?").replace(/\/contents\/$/, "/contents/app"));
  }
  const head = (await get("/branches/develop")).commit.sha;
  for (const path of [`/commits/${head}`, `/git/commits/${head}`, `/commits/${head}/check-runs`, `/commits/${head}/status`, `/commits/${head}/statuses`]) {
    await get(path);
  }

  // A pull request, from its opening to its merge.
  const fresh = { title: "Release v1.1.0", head: "develop", base: "main", body: "All of it." };
  await ask("POST", "/pulls", { as: "viewer", body: fresh, expect: 403 });
  await ask("POST", "/pulls", { body: { ...fresh, head: "nowhere" }, expect: 422 });
  const opened = (await ask("POST", "/pulls", { body: fresh, expect: 201 })).answer;
  if (opened.mergeable !== null) problems.push("a new pull request is not being computed");
  const pull = `/pulls/${opened.number}`;
  await ask("POST", "/pulls", { body: fresh, expect: 422 });
  await ask("PATCH", pull, { body: { body: "All of it, and more." } });
  await ask("POST", `${pull}/requested_reviewers`, { body: { reviewers: ["developer"] }, expect: 201 });
  await get(`${pull}/requested_reviewers`);
  await ask("DELETE", `${pull}/requested_reviewers`, { body: { reviewers: ["developer"] } });
  await ask("POST", `${pull}/reviews`, { body: { event: "APPROVE" }, expect: 422 });
  await ask("POST", `${pull}/reviews`, { as: "viewer", body: { event: "COMMENT", body: "When?" } });
  await ask("POST", `${pull}/reviews`, { as: "developer", body: { event: "REQUEST_CHANGES", body: "Not yet." } });
  await ask("PUT", `${pull}/merge`, { body: { merge_method: "squash" }, expect: 405 });
  await hurry();
  await ask("POST", `${pull}/reviews`, { as: "developer", body: { event: "APPROVE", commit_id: head } });
  await ask("POST", `${pull}/reviews`, { as: "orchestrator", body: { event: "APPROVE" } });
  const reviews = await get(`${pull}/reviews`);
  await get(`${pull}/reviews/${reviews[0].id}`);
  for (const path of ["", "/files", "/commits"]) await get(pull + path);
  await get(`/issues/${opened.number}`);
  await ask("POST", `/issues/${opened.number}/comments`, { body: { body: "Going out tonight." }, expect: 201 });
  await get(`/issues/${opened.number}/comments`);
  await ask("POST", `/issues/${opened.number}/labels`, { body: { labels: ["release"] } });
  await get(`/issues/${opened.number}/labels`);
  await ask("GET", `${pull}/merge`, { expect: 404 });
  await ask("PUT", `${pull}/merge`, { body: { merge_method: "squash", sha: "0".repeat(40) }, expect: 409 });
  const merged = (await ask("PUT", `${pull}/merge`, { body: { merge_method: "squash", sha: head } })).answer;
  await ask("GET", `${pull}/merge`, { expect: 204 });
  await get(pull);

  // The run that this starts, to its approval and its end.
  const find = async () => (await get(`/actions/runs?head_sha=${merged.sha}`)).workflow_runs[0];
  const run = `/actions/runs/${(await find()).id}`;
  await get(`/commits/${merged.sha}/check-runs?filter=latest`);
  await hurry();
  for (const path of ["", "/jobs", "/jobs?filter=all", "/attempts/1", "/attempts/1/jobs", "/pending_deployments"]) await get(run + path);
  const pending = await get(`${run}/pending_deployments`);
  const ids = pending.map((one) => one.environment.id);
  const decision = (state) => ({ environment_ids: ids, state, comment: "Looked at." });
  await ask("POST", `${run}/pending_deployments`, { as: "viewer", body: decision("approved"), expect: 403 });
  await ask("POST", `${run}/pending_deployments`, { as: "developer", body: decision("approved"), expect: 422 });
  await ask("POST", `${run}/rerun`, { expect: 403 });
  await ask("POST", `${run}/pending_deployments`, { body: decision("rejected") });
  await get(`${run}/approvals`);
  await hurry();
  await ask("POST", `${run}/cancel`, { expect: 409 });
  await ask("POST", `${run}/rerun-failed-jobs`, { expect: 201 });
  await hurry();
  await ask("POST", `${run}/pending_deployments`, { as: "orchestrator", body: decision("approved") });
  await hurry();
  const jobs = (await get(`${run}/jobs`)).jobs;
  await get(`/actions/jobs/${jobs[0].id}`);
  await get(`/check-runs/${jobs[0].id}`);
  const log = await ask("GET", `/actions/jobs/${jobs[0].id}/logs`, { expect: 302 });
  const text = await (await fetch(log.headers.get("location"))).text();
  note("the log's lines", text.split("\n").every((line) => line === "" || /^\d{4}-\d\d-\d\dT[\d:.]+Z /.test(line)) ? "" : text.slice(0, 200));
  await ask("POST", `${run}/rerun`, { expect: 201 });
  await ask("POST", `${run}/cancel`, { expect: 202 });

  const deployments = await get("/deployments?environment=production&per_page=3");
  await get(`/deployments/${deployments[0].id}`);
  await get(`/deployments/${deployments[0].id}/statuses`);

  // The rest: dispatch, releases, issues, refs, and what is refused.
  await ask("POST", "/actions/workflows/staging.yml/dispatches", { body: { ref: "develop" }, expect: 204 });
  await ask("POST", "/actions/workflows/staging.yml/dispatches", { body: { ref: "nowhere" }, expect: 422 });
  await ask("POST", "/releases/generate-notes", { body: { tag_name: "v1.1.0", target_commitish: "main" } });
  const release = { tag_name: "v1.1.0", target_commitish: merged.sha, name: "v1.1.0", body: "What is new.", generate_release_notes: true };
  const released = (await ask("POST", "/releases", { body: release, expect: 201 })).answer;
  await ask("POST", "/releases", { body: release, expect: 422 });
  await get(`/releases/${released.id}`);
  const issue = (await ask("POST", "/issues", { body: { title: "BUG-140", labels: ["P1", "bug"] }, expect: 201 })).answer;
  await ask("PATCH", `/issues/${issue.number}`, { body: { state: "closed" } });
  await ask("DELETE", "/git/refs/heads%2Fdevelop", { expect: 204 });
  await ask("DELETE", "/git/refs/heads%2Fdevelop", { expect: 422 });
  await ask("GET", "/branches/develop", { expect: 404 });
  await ask("GET", "/user", { as: null, expect: 401 });
  await ask("GET", "/pulls/99999", { expect: 404 });
  await ask("GET", "/issues/99999", { expect: 404 });

  // An answer that is known already, and a list in pages.
  const { headers } = await ask("GET", pull);
  await ask("GET", pull, { headers: { "if-none-match": headers.get("etag") }, expect: 304 });
  const page = await ask("GET", "/commits?per_page=2&page=2");
  const rels = [...(page.headers.get("link") ?? "").matchAll(/rel="(\w+)"/g)].map((match) => match[1]);
  note("the links of a page", rels.join() === "prev,next,last,first" ? "" : rels.join());
}

const [base, control] = process.argv.slice(2);
if (!base || !control) {
  console.error("usage: node answers.mjs URL CONTROL");
  process.exit(2);
}
await checkAnswers(base, control);
for (const problem of problems) console.error(`FAILED ${problem}`);
console.log(`github answers: ${checked - problems.length} of ${checked} as described, ${operations.size} operations`);
process.exit(problems.length === 0 ? 0 : 1);
