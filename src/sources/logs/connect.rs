//! Opens a pod's log on the cluster.

use std::error::Error as _;
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::io::AsyncBufRead;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

use crate::room::logs::sanitise_text;

/// An open log.
pub(super) type Bytes = Pin<Box<dyn AsyncBufRead + Send>>;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// The container's previous run, from beginning to end, instead of the current one.
    pub previous: bool,
    pub from: From,
}

/// Where in the log to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// That many lines before the end.
    Tail(u32),
    /// A whole second.
    Second(Timestamp),
    /// That long ago, by the node's clock.
    Ago(Duration),
}

/// Why a log could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The container has not started yet.
    NotStarted,
    /// There was no previous run, or its log is gone.
    NoPrevious,
    /// The pod is gone.
    Gone,
    /// Anything else, in words for the operator.
    Trouble(String),
}

/// Opens logs. The streams know the cluster through this alone.
pub(super) trait Connect: Send + Sync + 'static {
    fn open(&self, pod: &str, ask: Ask) -> impl Future<Output = Result<Bytes, Refusal>> + Send;
}

/// The logs of one container's name in one namespace.
pub(super) struct Cluster {
    pods: Api<Pod>,
    namespace: String,
    container: String,
}

impl Cluster {
    pub(super) fn new(client: kube::Client, namespace: &str, container: &str) -> Self {
        let pods = Api::namespaced(client, namespace);
        Self { pods, namespace: namespace.to_owned(), container: container.to_owned() }
    }

    fn params(&self, ask: Ask) -> LogParams {
        let mut params = LogParams {
            container: Some(self.container.clone()),
            follow: !ask.previous,
            previous: ask.previous,
            timestamps: true,
            ..LogParams::default()
        };
        match ask.from {
            From::Tail(lines) => params.tail_lines = Some(i64::from(lines)),
            // kube rounds to the nearest second: only a whole one stays what it is.
            From::Second(second) => params.since_time = Some(second),
            From::Ago(ago) => {
                params.since_seconds = Some(i64::try_from(ago.as_secs().max(1)).unwrap_or(i64::MAX))
            }
        }
        params
    }
}

impl Connect for Cluster {
    async fn open(&self, pod: &str, ask: Ask) -> Result<Bytes, Refusal> {
        let opened = self.pods.log_stream(pod, &self.params(ask)).await;
        match opened {
            Ok(stream) => Ok(Box::pin(stream.compat())),
            Err(error) => Err(refusal(&error, &self.namespace)),
        }
    }
}

/// What a failed request means for a log.
fn refusal(error: &kube::Error, namespace: &str) -> Refusal {
    let kube::Error::Api(status) = error else {
        return Refusal::Trouble(format!("cannot reach the cluster: {}", causes(error)));
    };
    let message = sanitise_text(&status.message);
    match status.code {
        400 if message.contains("previous terminated container") => Refusal::NoPrevious,
        400 if ["waiting to start", "ContainerCreating", "PodInitializing"]
            .iter()
            .any(|w| message.contains(w)) =>
        {
            Refusal::NotStarted
        }
        // Not scheduled yet: the server has no node to ask.
        400 if message.contains("does not have a host assigned") => Refusal::NotStarted,
        404 => Refusal::Gone,
        401 => Refusal::Trouble("the cluster refused the credentials: log in again".to_owned()),
        403 => Refusal::Trouble(format!(
            "no permission to read logs: ask for `get` on `pods/log` in namespace {namespace}"
        )),
        code => Refusal::Trouble(format!("the cluster answered {code}: {message}")),
    }
}

/// The words of an error and of what is behind it; kube's top-level words alone say little.
fn causes(error: &kube::Error) -> String {
    let mut words = sanitise_text(&error.to_string());
    let mut behind = error.source();
    while let Some(cause) = behind {
        let cause_words = sanitise_text(&cause.to_string());
        if !words.contains(&cause_words) {
            // Writing to a String cannot fail.
            let _ = write!(words, ": {cause_words}");
        }
        behind = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16, message: &str) -> Refusal {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        refusal(&kube::Error::Api(Box::new(status)), "ns")
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(
            api(400, "container \"backend\" in pod \"p\" is waiting to start: ContainerCreating"),
            Refusal::NotStarted
        );
        assert_eq!(
            api(400, "previous terminated container \"backend\" in pod \"p\" not found"),
            Refusal::NoPrevious
        );
        assert_eq!(api(404, "pods \"p\" not found"), Refusal::Gone);
        assert_eq!(
            api(403, "forbidden"),
            Refusal::Trouble(
                "no permission to read logs: ask for `get` on `pods/log` in namespace ns".to_owned()
            )
        );
        assert_eq!(
            api(500, "dial tcp\x1b[31m: refused"),
            Refusal::Trouble("the cluster answered 500: dial tcp: refused".to_owned())
        );
    }
}
