//! Masks for values that change between two calls.

use serde_json::Value;

/// Keys whose values change by themselves: clocks, counters and gauges of the machine.
const MOVING: [&str; 25] = [
    "Timestamp",
    "Uptime",
    "Idle",
    "System",
    "User",
    "TotalPercent",
    "TotalTicks",
    "CPUTicksConsumed",
    "Percent",
    "SystemMode",
    "UserMode",
    "RSS",
    "Cache",
    "Used",
    "UsedPercent",
    "UsedMB",
    "InodesUsedPercent",
    "last_heartbeat",
    "goroutines",
    "event_queue",
    "health_score",
    "intent_queue",
    "member_time",
    "query_queue",
    "query_time",
];

/// More of them, whose names are too short or too common to match alone.
const GAUGES: [&str; 7] = ["Free", "Available", "Usage", "Swap", "Size", "ModTime", "MappedFile"];

/// The same JSON with every changing value replaced, and without process ids in keys.
pub(crate) fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                if MOVING.contains(&key.as_str()) || GAUGES.contains(&key.as_str()) {
                    *field = Value::String("moving".into());
                } else if key == "Pids" {
                    // The processes of a task change while it works.
                    *field = Value::String("pids".into());
                } else {
                    mask(field);
                }
            }
        }
        _ => {}
    }
}
