// An unmodified Octokit client carries a release through the rehearsal's GitHub: pull
// request, reviews, squash merge, run, approval, end of the run.
//
//     node walk.mjs URL CONTROL

import assert from "node:assert/strict";
import { Octokit } from "octokit";

const [baseUrl, control] = process.argv.slice(2);
const repository = { owner: "taxasge", repo: "backend" };
// Longer than anything here takes on a slow machine.
const PATIENCE = 60_000;

const client = (login) => new Octokit({ auth: `${login}-token`, baseUrl });
const ops = client("ops1");

/** Asks until the answer is as wanted. */
async function until(what, ask, wanted) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    assert.ok(Date.now() < end, `${what} did not happen: ${JSON.stringify(answer).slice(0, 300)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const { data: me } = await ops.rest.users.getAuthenticated();
assert.equal(me.login, "ops1");

const { data: opened } = await ops.rest.pulls.create({
  ...repository, title: "Release v1.1.0", head: "develop", base: "main", body: "All of it.",
});
assert.equal(opened.mergeable, null);
const number = { ...repository, pull_number: opened.number };

// The colleagues review by themselves.
const reviews = await until(
  "two approvals",
  async () => (await ops.rest.pulls.listReviews(number)).data,
  (all) => all.filter((review) => review.state === "APPROVED").length === 2,
);
assert.deepEqual(reviews.map((review) => review.user.login).sort(), ["developer", "orchestrator"]);
assert.ok(reviews.every((review) => review.commit_id === opened.head.sha));
const ready = await until("mergeability", async () => (await ops.rest.pulls.get(number)).data, (pull) => pull.mergeable);
assert.equal(ready.mergeable_state, "clean");

await assert.rejects(
  ops.rest.pulls.merge({ ...number, merge_method: "squash", sha: "0".repeat(40) }),
  (error) => error.status === 409,
);
const { data: merged } = await ops.rest.pulls.merge({ ...number, merge_method: "squash", sha: ready.head.sha });
const tree = async (sha) => (await ops.rest.git.getCommit({ ...repository, commit_sha: sha })).data.tree.sha;
assert.equal(await tree(merged.sha), await tree(ready.head.sha));

const [run] = (await ops.rest.actions.listWorkflowRunsForRepo({ ...repository, head_sha: merged.sha })).data.workflow_runs;
const id = { ...repository, run_id: run.id };
const state = async () => (await ops.rest.actions.getWorkflowRun(id)).data;
await fetch(`${control}/github/advance`, { method: "POST" });
await until("the wait for approval", state, (now) => now.status === "waiting");
const { data: pending } = await ops.rest.actions.getPendingDeploymentsForRun(id);
assert.deepEqual(pending.map((one) => [one.environment.name, one.current_user_can_approve]), [["production", true]]);
const decision = { ...id, environment_ids: [pending[0].environment.id], state: "approved", comment: "Go." };
await assert.rejects(
  client("developer").rest.actions.reviewPendingDeploymentsForRun(decision),
  (error) => error.status === 422,
);
await ops.rest.actions.reviewPendingDeploymentsForRun(decision);
const ended = await until("the end of the run", state, (now) => now.status === "completed");
assert.equal(ended.conclusion, "success");

// All pages, as the client follows them.
const jobs = await ops.paginate(ops.rest.actions.listJobsForWorkflowRun, { ...id, per_page: 1 });
assert.ok(jobs.length >= 4 && jobs.every((job) => job.conclusion === "success"));
const { data: log } = await ops.rest.actions.downloadJobLogsForWorkflowRun({ ...repository, job_id: jobs[0].id });
assert.match(log, /passed/);
const { data: deployments } = await ops.rest.repos.listDeployments({ ...repository, environment: "production", sha: merged.sha });
assert.equal(deployments.length, 1);

console.log(`github walk: pull request #${opened.number} merged as ${merged.sha.slice(0, 7)}, run ${run.id} went well`);
