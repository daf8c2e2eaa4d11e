//! `cutover status`: the pair's state once, or whenever it changes.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::Control;
use crate::cli::{Output, Status};
use crate::room::Room;
use crate::room::message::{LinkState, SourceId};
use crate::sop::colour::{Colour, PerColour};
use crate::sop::interlock::Freshness;
use crate::sop::rollout::{rollout, stuck_because};

/// How long the pair may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(15);
/// With `--watch`, how long changes are gathered before they are printed.
const GATHER: Duration = Duration::from_millis(250);

/// Prints the status; the exit status: 0, or 1 when the pair could not be seen.
pub async fn run(mut control: Control, options: &Status) -> u8 {
    let seen = control.wait_until(SEEN_WITHIN, |control| is_whole(&control.room)).await;
    let mut said = print(&control.room, options.output, None);
    if options.watch {
        loop {
            let Some(message) = control.next().await else { break };
            control.take_all(message);
            tokio::time::sleep(GATHER).await;
            said = print(&control.room, options.output, Some(said));
        }
    }
    control.leave().await;
    u8::from(!seen)
}

/// Whether everything that the status tells has been seen.
fn is_whole(room: &Room) -> bool {
    let cluster = &room.world.cluster;
    cluster.service.is_some()
        && cluster.deployments.iter().all(|(_, deployment)| deployment.is_some())
        && cluster.endpoints.is_some()
        && room.world.links.contains_key(&SourceId::Pods)
}

/// Prints unless it says what was said before; returns what it says, apart from ages.
fn print(room: &Room, output: Output, before: Option<Value>) -> Value {
    let status = status(room);
    let mut lasting = status.clone();
    if let Some(fields) = lasting.as_object_mut() {
        fields.remove("age_seconds");
    }
    if before.as_ref() != Some(&lasting) {
        let text = match output {
            Output::Json => status.to_string(),
            Output::Text => text(room),
        };
        // A reader that went away wants no more.
        let _ = writeln!(io::stdout(), "{text}");
    }
    lasting
}

/// The status as JSON; what is not known is null.
#[must_use]
pub fn status(room: &Room) -> Value {
    let cluster = &room.world.cluster;
    let count = cluster.endpoint_count();
    let age = match room.world.freshness(room.now) {
        Freshness::Never => None,
        Freshness::ReadNow => Some(0.0),
        Freshness::Age(age) => Some((age.as_secs_f64() * 10.0).round() / 10.0),
    };
    let trouble = room.world.links.iter().find_map(|(source, link)| match &link.state {
        LinkState::Lost { why } => Some(format!("{}: {why}", source.word())),
        _ => None,
    });
    json!({
        "environment": room.setting.environment,
        "context": room.setting.context,
        "namespace": room.setting.namespace,
        "service": room.setting.service,
        "active": cluster.active(),
        "idle": cluster.idle(),
        "phase": room.phase().map(|phase| phase.word()),
        "endpoints": count.map(|count| json!({"blue": count.ready.blue, "green": count.ready.green, "unknown": count.unknown})),
        "colours": colours(room).map(|(_, value)| value),
        "age_seconds": age,
        "trouble": trouble,
    })
}

fn colours(room: &Room) -> PerColour<(Colour, Value)> {
    PerColour::from_fn(|colour| (colour, colour_status(room, colour)))
}

fn colour_status(room: &Room, colour: Colour) -> Value {
    let cluster = &room.world.cluster;
    let Some(deployment) = &cluster.deployments[colour] else { return Value::Null };
    let rollout = rollout(deployment);
    json!({
        "deployment": deployment.name,
        "image": deployment.image,
        "version": cluster.version(colour),
        "desired": deployment.desired,
        "updated": deployment.updated,
        "ready": deployment.ready,
        "available": deployment.available,
        "rollout": rollout.word(),
        "words": rollout.to_string(),
        "stuck": stuck_because(cluster, colour),
    })
}

fn text(room: &Room) -> String {
    let cluster = &room.world.cluster;
    let setting = &room.setting;
    let mut lines = vec![format!(
        "{} {} in {}/{}: {}",
        setting.environment,
        setting.service,
        setting.context,
        setting.namespace,
        cluster.active().map_or("traffic unknown".into(), |active| format!("traffic on {}", active.label()))
    )];
    let count = cluster.endpoint_count();
    for (colour, deployment) in cluster.deployments.iter() {
        let role = match cluster.active() {
            Some(active) if active == colour => "active",
            Some(_) => "idle",
            None => "unknown",
        };
        let endpoints = count.map_or("unknown".into(), |count| count.ready[colour].to_string());
        lines.push(match deployment {
            None => format!("  {:<5}  {role:<7}  not seen", colour.label()),
            Some(deployment) => format!(
                "  {:<5}  {role:<7}  {}  {}/{} ready  endpoints {endpoints}  {}",
                colour.label(),
                cluster.version(colour).unwrap_or("version unknown"),
                deployment.ready,
                deployment.desired,
                rollout(deployment)
            ),
        });
        lines.extend(stuck_because(cluster, colour).map(|stuck| format!("         {stuck}")));
    }
    if let Some((source, why, _)) = room.world.lost() {
        lines.push(format!("  {}: {why}", source.word()));
    }
    lines.join("\n")
}
