//! What can be wrong with a Prometheus: its answers, made worse by the faults of the
//! moment. (That nobody listens any more is its door's business.)

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Prometheus;
use crate::rehearsal::faults::{Active, Fault};

/// Lets a question through, late or not at all while a fault goes on.
pub(super) async fn hinder(
    State(prometheus): State<Arc<Prometheus>>,
    request: Request,
    next: Next,
) -> Response {
    let mut faults = prometheus.world.faults.subscribe();
    if faults.wait_for(|active| !active.has("metrics-frozen")).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let fault = faults.borrow().get("metrics-errors");
    if let Some(Fault::MetricsErrors { status }) = fault {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // What a proxy says for a server behind it, and not Prometheus' own JSON.
        return (status, "upstream connect error or disconnect before headers\n").into_response();
    }
    next.run(request).await
}

/// Makes an answer to a query worse.
pub(super) fn worsen(mut answer: Value, faults: &Active) -> Value {
    if let Some(result) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut)
        && !result.first().is_some_and(Value::is_number)
    {
        if faults.has("metrics-empty") {
            result.clear();
        }
        if faults.has("metrics-several") {
            double(result);
        }
        if faults.has("metrics-nan") {
            result.iter_mut().for_each(no_number);
        }
    }
    if faults.has("metrics-warnings") {
        answer["warnings"] = json!(["a store of the rehearsal did not answer: the result may be partial"]);
    }
    answer
}

/// Every series twice, as two replicas of a Prometheus have it that nobody deduplicates.
fn double(result: &mut Vec<Value>) {
    let replica = |series: &Value, name: &str| {
        let mut series = series.clone();
        series["metric"]["prometheus_replica"] = json!(name);
        series
    };
    *result = result.iter().flat_map(|series| [replica(series, "a"), replica(series, "b")]).collect();
}

fn no_number(series: &mut Value) {
    if let Some(value) = series.pointer_mut("/value/1") {
        *value = json!("NaN");
    }
    for pair in series.get_mut("values").and_then(Value::as_array_mut).into_iter().flatten() {
        pair[1] = json!("NaN");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::faults::Faults;

    #[test]
    fn each_fault_makes_another_answer_of_it() {
        let answer = json!({"status": "success", "data": {"resultType": "vector",
            "result": [{"metric": {"a": "b"}, "value": [1.0, "5"]}]}});
        let under = |name: &str| {
            let faults = Faults::default();
            faults.inject(Fault::named(name).unwrap());
            worsen(answer.clone(), &faults.active())
        };
        assert_eq!(under("metrics-empty")["data"]["result"], json!([]));
        assert_eq!(under("metrics-nan")["data"]["result"][0]["value"], json!([1.0, "NaN"]));
        assert_eq!(under("metrics-several")["data"]["result"].as_array().unwrap().len(), 2);
        assert_eq!(under("metrics-warnings")["warnings"].as_array().unwrap().len(), 1);
        assert_eq!(under("errors"), answer);
        let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1.0, "5"]}});
        let faults = Faults::default();
        faults.inject(Fault::MetricsSeveral);
        assert_eq!(worsen(scalar.clone(), &faults.active()), scalar);
    }
}
