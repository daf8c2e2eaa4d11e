//! Port-forward, in the three forms that clients speak: channels over a websocket
//! (kube-rs), SPDY/3.1 (kubectl before 1.31), and SPDY/3.1 within a websocket (kubectl
//! since, KEP-4006).

mod channels;
mod pipe;
mod spdy;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderValue, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::rehearsal::api::status::Failure;
use crate::rehearsal::cluster::object::name;
use crate::rehearsal::world::World;

const SEC_WEBSOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
/// What runs within SPDY.
const PORT_FORWARD: &str = "portforward.k8s.io";
/// SPDY within a websocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// Channels over a websocket.
const CHANNELS: [&str; 3] = ["v5.channel.k8s.io", "v4.channel.k8s.io", "portforward.k8s.io"];
/// Largest websocket message that is taken.
const LARGEST: usize = 1024 * 1024;

/// How a client wants to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Channels(&'static str),
    Spdy,
    Tunnel,
}

/// Answers `…/pods/{name}/portforward` with an upgrade of the connection.
#[must_use]
pub fn serve(world: &Arc<World>, pod: &Value, mut request: Request) -> Response<Body> {
    let Some(form) = form(&request) else {
        return Failure::bad("unable to upgrade: the port-forward protocol is not known").response();
    };
    let pod = name(pod).to_owned();
    let ports = ports(request.uri().query().unwrap_or_default());
    if matches!(form, Form::Channels(_)) && ports.is_empty() {
        return Failure::bad("at least one port must be given in `ports`").response();
    }
    let response = switching(&request, form);
    let upgrade = hyper::upgrade::on(&mut request);
    let world = Arc::clone(world);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let io = TokioIo::new(upgraded);
        match form {
            Form::Spdy => spdy::session(world, pod, io).await,
            Form::Tunnel => spdy::tunnel(world, pod, websocket(io).await).await,
            Form::Channels(_) => channels::session(world, pod, ports, websocket(io).await).await,
        }
    });
    response
}

async fn websocket<S>(io: S) -> WebSocketStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}

fn form(request: &Request) -> Option<Form> {
    let header = |name: HeaderName| {
        let values = request.headers().get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
    };
    let upgrade = header(UPGRADE).to_ascii_lowercase();
    if upgrade == "spdy/3.1" {
        return Some(Form::Spdy);
    }
    if upgrade != "websocket" || !request.headers().contains_key(SEC_WEBSOCKET_KEY) {
        return None;
    }
    let offered = header(SEC_WEBSOCKET_PROTOCOL);
    let offers = |protocol: &str| offered.split(',').any(|each| each.trim() == protocol);
    if offers(TUNNEL) {
        return Some(Form::Tunnel);
    }
    CHANNELS.into_iter().find(|protocol| offers(protocol)).map(Form::Channels)
}

/// The answer that hands the connection over.
fn switching(request: &Request, form: Form) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let protocol = match form {
        Form::Spdy => {
            headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
            headers.insert(STREAM_PROTOCOL, HeaderValue::from_static(PORT_FORWARD));
            return response;
        }
        Form::Tunnel => TUNNEL,
        Form::Channels(protocol) => protocol,
    };
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key)) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// The ports of a query: `ports=8000&ports=8001` or `ports=8000,8001`.
fn ports(query: &str) -> Vec<u16> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("ports="));
    let separate = values.flat_map(|value| value.split("%2C").flat_map(|part| part.split(',')));
    separate.filter_map(|port| port.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn the_form_is_the_best_that_both_know() {
        let ws = |protocol| {
            request(&[
                ("upgrade", "websocket"),
                ("sec-websocket-key", "k"),
                ("sec-websocket-protocol", protocol),
            ])
        };
        assert_eq!(form(&request(&[("upgrade", "SPDY/3.1")])), Some(Form::Spdy));
        assert_eq!(form(&ws(TUNNEL)), Some(Form::Tunnel));
        assert_eq!(
            form(&ws("v4.channel.k8s.io, v5.channel.k8s.io")),
            Some(Form::Channels("v5.channel.k8s.io"))
        );
        assert_eq!(form(&ws("nonsense")), None);
        assert_eq!(form(&request(&[])), None);
        assert_eq!(ports("ports=8000%2C8001&ports=9&x=1"), [8000, 8001, 9]);
    }
}
