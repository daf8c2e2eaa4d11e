//! Functions of one value, and of numbers beside it.

/// A function of a value; without a result the element falls away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map(pub(super) fn(f64, &[f64]) -> Option<f64>);

/// The function of that name.
pub(super) fn function(name: &str) -> Option<Map> {
    let map: fn(f64, &[f64]) -> Option<f64> = match name {
        "abs" => |value, _| Some(value.abs()),
        "ceil" => |value, _| Some(value.ceil()),
        "floor" => |value, _| Some(value.floor()),
        "exp" => |value, _| Some(value.exp()),
        "sqrt" => |value, _| Some(value.sqrt()),
        "ln" => |value, _| Some(value.ln()),
        "log2" => |value, _| Some(value.log2()),
        "log10" => |value, _| Some(value.log10()),
        "sgn" => |value, _| Some(if value == 0.0 || value.is_nan() { value } else { value.signum() }),
        "round" => |value, to| {
            // Prometheus rounds by the inverse, which keeps numbers like 0.1 exact.
            let inverse = 1.0 / to.first().copied().unwrap_or(1.0);
            Some((value * inverse + 0.5).floor() / inverse)
        },
        "clamp" => |value, bounds| {
            let [least, most] = *bounds else { return None };
            // Bounds the wrong way round leave nothing.
            (most >= least || least.is_nan() || most.is_nan()).then(|| at_most(at_least(value, least), most))
        },
        "clamp_min" => |value, bounds| Some(at_least(value, *bounds.first()?)),
        "clamp_max" => |value, bounds| Some(at_most(value, *bounds.first()?)),
        _ => return None,
    };
    Some(Map(map))
}

/// NaN if either is.
fn at_least(value: f64, least: f64) -> f64 {
    if value.is_nan() || least.is_nan() { f64::NAN } else { value.max(least) }
}

/// NaN if either is.
fn at_most(value: f64, most: f64) -> f64 {
    if value.is_nan() || most.is_nan() { f64::NAN } else { value.min(most) }
}
