//! In both worlds: what happens between an order and its end, by others or on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};
use support::bastion::{Bastion, Run};
use support::proxy::{Fault, Proxy};
use support::pty::Pty;
use support::until;
use support::world::{COLLEAGUE, World, worlds};

worlds!(
    a_switch_that_somebody_else_made_first_is_not_made_again,
    a_selector_changed_while_the_order_was_under_way_makes_the_swap_lose,
    any_change_of_the_service_while_the_order_was_under_way_makes_the_swap_lose,
    an_answer_lost_after_the_commit_is_told_as_applied,
    a_call_held_on_its_way_is_told_as_not_applied_and_can_do_no_harm_later,
    killed_between_intent_and_outcome_it_is_settled_where_it_began,
    killed_between_intent_and_outcome_it_is_settled_by_a_colleague,
);

const SWITCH_CALL: &str = "PATCH /api/v1/namespaces/taxasge/services/backend";

/// A switch to green that has been ordered through a proxy, which has caught its call.
struct Caught {
    bastion: Bastion,
    /// Where the kubeconfig that leads through the proxy lies.
    _home: tempfile::TempDir,
    switch: Child,
    proxy: Proxy,
}

impl Caught {
    fn by(world: &World, fault: Fault) -> Self {
        Bastion::prepared(world);
        let home = tempfile::tempdir().unwrap();
        let proxy = Proxy::start(&world.oncall, home.path(), SWITCH_CALL, fault);
        let bastion = Bastion::new(world, "ops1", proxy.kubeconfig(), "");
        proxy.arm();
        let switch = bastion.start(&["switch", "--to", "green"]);
        until("the call to be caught", Duration::from_secs(30), || (proxy.caught() > 0).then_some(()));
        Self { bastion, _home: home, switch, proxy }
    }
}

fn mark(world: &World) -> Value {
    world.get("service/backend")["metadata"]["annotations"]["cutover.dev/operation"].clone()
}

fn a_switch_that_somebody_else_made_first_is_not_made_again(world: &World) {
    let one = Bastion::prepared(world);
    let other = Bastion::new(world, "ops2", &world.oncall, "");
    let both: Vec<Child> = [&one, &other].map(|bastion| bastion.start(&["switch", "--to", "green"])).into();
    let runs: Vec<Run> = both.into_iter().map(Bastion::finish).collect();
    let (won, lost): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.status == 0);
    assert_eq!((won.len(), lost.len()), (1, 1), "exactly one wins: {runs:#?}");
    assert_eq!(world.selected(), "green");
    // The loser is told which condition did not hold and who was faster.
    let (words, winner) = (lost[0].words(), if runs[0].status == 0 { "ops1" } else { "ops2" });
    println!("the loser is told: {words}");
    assert_eq!(lost[0].status, 3, "{runs:#?}");
    let by_lock = words.contains("(command)") && words.contains(winner);
    let by_swap = words.contains("(selector)") && words.contains("GREEN");
    let too_late = words.contains("(target)") && words.contains("GREEN has the traffic");
    assert!(by_lock || by_swap || too_late, "{words}");
    let operation = &won[0].events()[0]["operation"];
    assert_eq!(mark(world), *operation, "the winner's mark is on the Service");
}

fn a_selector_changed_while_the_order_was_under_way_makes_the_swap_lose(world: &World) {
    let caught = Caught::by(world, Fault::Hold);
    // Between the fresh read and the patch somebody else moves the traffic.
    world.select("green");
    let theirs = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    caught.proxy.release();
    let run = Bastion::finish(caught.switch).blocked_by("selector");
    let words = run.words();
    assert!(words.contains("nothing was changed by you") && words.contains(COLLEAGUE), "{words}");
    let after = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    assert_eq!(after, theirs, "what they did stands as they left it");
}

fn any_change_of_the_service_while_the_order_was_under_way_makes_the_swap_lose(world: &World) {
    let caught = Caught::by(world, Fault::Hold);
    world.patch("service/backend", &json!({"metadata": {"annotations": {"touched": "yes"}}}));
    caught.proxy.release();
    let run = Bastion::finish(caught.switch).expect(1);
    assert!(run.words().contains("changed at the same moment; traffic is on BLUE"), "{}", run.words());
    assert_eq!(world.selected(), "blue", "the compare-and-swap lost");
    assert_eq!(mark(world), Value::Null);
}

fn an_answer_lost_after_the_commit_is_told_as_applied(world: &World) {
    let caught = Caught::by(world, Fault::LoseAnswer);
    let run = Bastion::finish(caught.switch).expect(0);
    assert_eq!(world.selected(), "green");
    assert_eq!(caught.proxy.caught(), 1, "the call was not repeated: {run:#?}");
    assert!(run.stdout.contains("it was applied"), "{}", run.stdout);
}

fn a_call_held_on_its_way_is_told_as_not_applied_and_can_do_no_harm_later(world: &World) {
    let caught = Caught::by(world, Fault::Hold);
    let run = Bastion::finish(caught.switch).expect(1);
    assert_eq!(world.selected(), "blue", "{}", run.words());
    assert!(run.words().contains("not applied"), "{}", run.words());
    // The call arrives after all, long after the operator was told.
    let told = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    caught.proxy.release();
    let after = caught.bastion.run(&["status", "--output", "json"]).expect(0);
    assert_eq!(world.selected(), "blue", "told as not applied, and it stays so: {}", after.stdout);
    println!("held: told \"{}\"; Service at {told}", run.words());
}

fn killed_between_intent_and_outcome_it_is_settled_where_it_began(world: &World) {
    // The proxy is gone; where it began, the way to the server is the ordinary one now.
    killed_and_settled(world, |through| Bastion::of_operator(world).with_state_of(through));
}

fn killed_between_intent_and_outcome_it_is_settled_by_a_colleague(world: &World) {
    killed_and_settled(world, |_| Bastion::new(world, "ops2", &world.oncall, ""));
}

fn killed_and_settled(world: &World, next: impl FnOnce(&Bastion) -> Bastion) {
    let mut caught = Caught::by(world, Fault::LoseAnswer);
    caught.switch.kill().unwrap();
    caught.switch.wait().unwrap();
    until("the server to commit", Duration::from_secs(10), || (world.selected() == "green").then_some(()));
    drop(caught.proxy);
    let next = next(&caught.bastion);
    let room = Pty::spawn(&next.in_terminal(&[]), 120, 40);
    let switch = until("the operation to be settled", Duration::from_secs(90), || {
        let record = world.get("configmap/cutover-backend")["data"]["record.json"].clone();
        let record: Value = serde_json::from_str(record.as_str()?).ok()?;
        let operations = record["operations"].as_array()?;
        let switch = operations.iter().find(|operation| operation["action"] == "switch")?;
        (!switch["outcome"].is_null()).then(|| switch.clone())
    });
    let words = switch["outcome"]["words"].as_str().unwrap_or_default();
    let told: String = words.chars().take(30).collect();
    room.wait_for_text(&told, Duration::from_secs(20));
    assert_ne!(switch["outcome"]["result"], "failed", "it was applied: {switch:#}");
    println!("settled: {words}");
}
