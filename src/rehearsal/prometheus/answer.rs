//! Answers in the form of Prometheus' HTTP API.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Data, json};

use super::promql::{Element, QueryError, Value};
use super::rule::{self, Alert, Alerting};
use super::series::{Labels, Sample, Series};

/// `data` of an answer to a question about one time.
pub(super) fn instant(value: &Value, at: i64) -> Data {
    match value {
        Value::Scalar(value) => json!({"resultType": "scalar", "result": pair(at, *value)}),
        Value::Text(text) => json!({"resultType": "string", "result": [seconds(at), text]}),
        Value::Vector(elements) => {
            let element = |Element { labels, value }: &Element| json!({"metric": metric(labels), "value": pair(at, *value)});
            json!({"resultType": "vector", "result": elements.iter().map(element).collect::<Vec<_>>()})
        }
        Value::Matrix(series) => matrix(series),
    }
}

/// `data` of an answer about many times.
pub(super) fn matrix(series: &[Series]) -> Data {
    let one = |Series { labels, samples }: &Series| {
        let values: Vec<Data> = samples.iter().map(|Sample { at, value }| pair(*at, *value)).collect();
        json!({"metric": metric(labels), "values": values})
    };
    json!({"resultType": "matrix", "result": series.iter().map(one).collect::<Vec<_>>()})
}

/// Labels as an object.
pub(in crate::rehearsal) fn metric(labels: &Labels) -> Data {
    Data::Object(labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

fn pair(at: i64, value: f64) -> Data {
    json!([seconds(at), number(value)])
}

/// Seconds since 1970 with milliseconds.
fn seconds(at: i64) -> f64 {
    at as f64 / 1000.0
}

/// A number as Prometheus writes it.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        value.to_string()
    }
}

/// An answer of success.
pub(super) fn success(data: &Data) -> Data {
    json!({"status": "success", "data": data})
}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        let (status, kind) = match &self {
            Self::BadData(_) => (StatusCode::BAD_REQUEST, "bad_data"),
            Self::Execution(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
        };
        let body = json!({"status": "error", "errorType": kind, "error": self.to_string()});
        (status, Json(body)).into_response()
    }
}

/// Alerts that are pending or firing.
pub(super) fn alerts(alerting: &Alerting) -> Data {
    json!({"alerts": alerting.alert.iter().map(alert).collect::<Vec<_>>()})
}

fn alert(alert: &Alert) -> Data {
    json!({
        "labels": metric(&alert.labels), "annotations": {}, "activeAt": rfc3339(alert.active),
        "state": state(Some(alert)), "value": format!("{:e}", alert.value),
    })
}

/// The rules and how they stand.
pub(super) fn rules(alerting: &Alerting) -> Data {
    let health = if alerting.trouble.is_some() { "err" } else { "ok" };
    json!({"groups": [{
        "name": rule::GROUP, "file": "rehearsal", "interval": 1, "limit": 0,
        "evaluationTime": 0.0, "lastEvaluation": rfc3339(alerting.evaluated),
        "rules": [{
            "type": "alerting", "name": rule::NAME, "query": rule::QUERY, "duration": rule::FOR / 1000,
            "labels": metric(&rule::labels()), "annotations": {}, "health": health,
            "lastError": alerting.trouble, "state": state(alerting.alert.as_ref()),
            "alerts": alerting.alert.iter().map(alert).collect::<Vec<_>>(),
            "evaluationTime": 0.0, "lastEvaluation": rfc3339(alerting.evaluated),
        }],
    }]})
}

const fn state(alert: Option<&Alert>) -> &'static str {
    match alert {
        None => "inactive",
        Some(Alert { fired: None, .. }) => "pending",
        Some(_) => "firing",
    }
}

/// A time as RFC 3339 writes it.
pub(in crate::rehearsal) fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        let written = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.25, 1e21, 1e-7, 3.0].map(number);
        assert_eq!(written, ["NaN", "+Inf", "-Inf", "0.25", "1000000000000000000000", "0.0000001", "3"]);
    }

    #[test]
    fn a_value_stands_beside_its_time() {
        let element = Element { labels: Labels::default().with("a", "b"), value: 1.5 };
        let answer = instant(&Value::Vector(vec![element]), 1_435_781_451_781);
        assert_eq!(
            answer,
            json!({"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1_435_781_451.781, "1.5"]}]})
        );
    }
}
