//! In both worlds: who may do what, with exactly the rights of `assets/rbac.yaml`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::bastion::Bastion;
use support::world::{World, worlds};

worlds!(
    a_viewer_is_refused_everything_with_the_right_that_is_missing,
    read_only_refuses_every_change_even_the_way_back,
    the_doctor_finds_an_operators_rights_enough_and_names_what_a_viewer_lacks,
);

fn a_viewer_is_refused_everything_with_the_right_that_is_missing(world: &World) {
    Bastion::prepared(world);
    let viewer = Bastion::new(world, "visitor", &world.viewer, "");
    viewer.run(&["status", "--output", "json"]).expect(0);
    let refused = [
        (vec!["deploy", "--version", "v1.1.1", "--colour", "green"], "patch deployments.apps"),
        (vec!["verify", "--colour", "green"], "pods/portforward"),
        (vec!["switch", "--to", "green"], "patch services"),
        (vec!["rollback", "--to", "green"], "patch services"),
        (vec!["retire", "--colour", "green"], "patch deployments.apps"),
    ];
    for (arguments, right) in refused {
        let run = viewer.act(&arguments).expect(3);
        assert!(run.words().contains(right), "{arguments:?} does not name `{right}`: {}", run.words());
    }
    assert_eq!(world.selected(), "blue");
    assert_eq!(world.image("backend-green"), "ghcr.io/taxasge/backend:v1.1.0");
}

fn read_only_refuses_every_change_even_the_way_back(world: &World) {
    let bastion = Bastion::prepared(world);
    let before = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    for arguments in [
        vec!["deploy", "--version", "v1.1.1", "--colour", "green", "--read-only"],
        vec!["switch", "--to", "green", "--read-only"],
        vec!["rollback", "--to", "green", "--read-only"],
        vec!["retire", "--colour", "green", "--read-only"],
    ] {
        bastion.act(&arguments).blocked_by("writable");
    }
    assert_eq!(world.get("service/backend")["metadata"]["resourceVersion"], before);
}

fn the_doctor_finds_an_operators_rights_enough_and_names_what_a_viewer_lacks(world: &World) {
    let before = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    let operator = Bastion::of_operator(world);
    let found = operator.run(&["doctor", "--output", "json"]).expect(0);
    assert!(found.events().len() > 10, "{}", found.stdout);
    let viewer = Bastion::new(world, "visitor", &world.viewer, "");
    let lacking = viewer.run(&["doctor"]).expect(1);
    for right in ["patch services", "patch deployments", "pods/portforward"] {
        assert!(lacking.stdout.contains(right), "`{right}` is not named: {}", lacking.stdout);
    }
    let after = world.get("service/backend")["metadata"]["resourceVersion"].clone();
    assert_eq!(after, before, "a dry run changes nothing");
}
