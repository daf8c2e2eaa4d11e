//! Whether the server is there, every few seconds: by this the room tells how old
//! what it shows is. A watch that says nothing looks the same whether nothing
//! happens or the server is gone.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::Resource;
use kube::api::{GetParams, Request};
use kube::client::Body;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;
use super::explain::explain;
use super::watch::Common;
use crate::clock::Clock;
use crate::room::message::{Heartbeat, LinkState, Observation, SourceId};

/// Time between two beats.
const INTERVAL: Duration = Duration::from_secs(3);
/// Time between two beats while the server is lost.
const INTERVAL_LOST: Duration = Duration::from_secs(1);
/// How long the server may take to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// The first beat leaves the line to what is shown first.
const FIRST: Duration = Duration::from_millis(150);

/// What one beat brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    pub heartbeat: Heartbeat,
    /// The Service's resource version; `None` when there is no such Service.
    pub version: Option<String>,
}

/// Beats until nobody listens. The Service is asked for, not `/readyz`: its answer
/// comes out of etcd, so a server that lost its store counts as lost.
pub(super) async fn run(common: Common) {
    sleep(FIRST).await;
    let mut lost = 0_u32;
    let mut unheard: Option<String> = None;
    loop {
        let beat = beat(&common.connection, &common.names.service, common.clock).await;
        let observations = match &beat {
            Ok(beat) => {
                // A watch on a connection that died meanwhile may not know it yet.
                if lost >= 2 || missed(&mut unheard, beat, &common) {
                    common.restart.send_modify(|count| *count = count.wrapping_add(1));
                    unheard = None;
                }
                lost = 0;
                vec![
                    Observation::Heartbeat(beat.heartbeat),
                    Observation::Link(SourceId::Heartbeat, LinkState::Live),
                ]
            }
            Err(why) => {
                lost = lost.saturating_add(1);
                vec![Observation::Link(SourceId::Heartbeat, LinkState::Lost { why: why.clone() })]
            }
        };
        for observation in observations {
            if common.sender.send(observation).await.is_err() {
                return;
            }
        }
        sleep(if lost == 0 { INTERVAL } else { INTERVAL_LOST }).await;
    }
}

/// Whether the watch has missed a change of the Service: two beats running saw the
/// same version, and it is not the one that the watch knows. Versions are compared
/// for equality only, they have no order.
fn missed(unheard: &mut Option<String>, beat: &Beat, common: &Common) -> bool {
    let known = common.version.borrow().clone();
    if known.is_none() || beat.version.is_none() || known == beat.version {
        *unheard = None;
        return false;
    }
    if *unheard == beat.version {
        return true;
    }
    unheard.clone_from(&beat.version);
    false
}

/// Asks for the Service once: how long the answer took, how far this machine's clock
/// is from the server's.
///
/// # Errors
/// In the operator's words, when there is no answer within 2 s or it is a refusal.
pub async fn beat(connection: &Connection, service: &str, clock: Clock) -> Result<Beat, String> {
    let path = Service::url_path(&(), Some(&connection.namespace));
    let request = Request::new(path)
        .get(service, &GetParams::default())
        .map_err(|error| explain(&kube::Error::BuildRequest(error)))?;
    let started = Instant::now();
    let answer = async {
        let response = connection.client.send(request.map(Body::from)).await?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let body = response.into_body().collect_bytes().await?;
        Ok::<_, kube::Error>((status, date, body))
    };
    let (status, date, body) = match timeout(LIMIT, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(explain(&error)),
        Err(_) => return Err(format!("no answer within {} s", LIMIT.as_secs())),
    };
    let round_trip = started.elapsed();
    let version = match status {
        200 => version_in(&body),
        404 => None,
        _ => return Err(refusal(status, &body)),
    };
    let skew_seconds = date.and_then(|date| skew(&date, clock.now().wall, round_trip));
    Ok(Beat { heartbeat: Heartbeat { round_trip, skew_seconds }, version })
}

fn version_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: Option<String>,
    }
    serde_json::from_slice::<Object>(body).ok()?.metadata.resource_version
}

fn refusal(code: u16, body: &[u8]) -> String {
    let status = serde_json::from_slice::<kube::core::Status>(body).unwrap_or_default();
    explain(&kube::Error::Api(kube::core::Status { code, ..status }.boxed()))
}

/// This machine's clock minus the server's, in seconds, from a `Date` header
/// (RFC 9110, 5.6.7). The header names a whole second, and was written at some time
/// during the round trip: a difference that this may account for is told as 0, a
/// greater one as the least that it must be.
fn skew(date: &str, received: Timestamp, round_trip: Duration) -> Option<i64> {
    let server = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_millisecond();
    let received = received.as_millisecond();
    let sent = received.saturating_sub(i64::try_from(round_trip.as_millis()).ok()?);
    let (most, least) = (received.saturating_sub(server), sent.saturating_sub(server).saturating_sub(999));
    Some(match (least > 0, most < 0) {
        (true, _) => (least + 500) / 1_000,
        (_, true) => (most - 500) / 1_000,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_difference_is_read_from_the_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let after = |text: &str, ms| skew(date, text.parse().unwrap(), Duration::from_millis(ms)).unwrap();
        assert_eq!(after("1994-11-06T08:49:37.1Z", 200), 0);
        assert_eq!(after("1994-11-06T08:49:38.0Z", 200), 0);
        assert_eq!(after("1994-11-06T08:49:39.5Z", 2_000), 0, "a slow answer is no skew");
        assert_eq!(after("1994-11-06T08:49:43.2Z", 200), 5);
        assert_eq!(after("1994-11-06T08:49:32.0Z", 200), -5);
        assert_eq!(after("1994-11-06T09:49:38.2Z", 200), 3600);
        assert_eq!(skew("yesterday", Timestamp::UNIX_EPOCH, Duration::ZERO), None);
    }

    #[test]
    fn a_refusal_is_told_by_its_code_even_without_a_body() {
        assert!(refusal(401, b"<html>").contains("401"));
        assert!(refusal(403, br#"{"message": "quota"}"#).contains("quota"));
        assert_eq!(version_in(br#"{"metadata": {"resourceVersion": "7"}}"#).as_deref(), Some("7"));
    }
}
