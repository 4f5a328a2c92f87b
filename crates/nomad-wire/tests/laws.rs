//! Laws every body obeys, whatever it holds.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::collections::BTreeMap;

use bytes::Bytes;
use nomad_wire::{
    agent::{
        AgentConfig, AgentHost, AgentSelf, Environment, Health, HealthStatus, HostData, HostDisk,
        Join, Keyring, Member, Members, SchedulerWorker, Schedulers, SchedulersConfig,
    },
    client::{
        Acknowledgement, AllocStats, CheckResult, CpuStats, DeviceGroupStats, DeviceInstanceStats,
        FileInfo, HostCpuStats, HostDiskStats, HostMemoryStats, HostStats, MemoryStats,
        NodeIdentity, NodeMetadata, PauseState, Renewal, ResourceUsage, StatObject, StatValue,
        StreamFrame, TaskStats,
    },
    json::{Layout, UnknownFields, to_json},
};
use proptest::{
    collection::{btree_map, vec},
    num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO},
    option,
    prelude::*,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Every finite float.
fn float() -> impl Strategy<Value = f64> {
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// Any value a newer Nomad might send.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        float().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Keys no Nomad sends: all end in `_new`, and sort before, between and after the known ones.
fn unknown() -> impl Strategy<Value = UnknownFields> {
    btree_map("[A-Za-z]{0,3}_new", value(), 0..5).prop_map(UnknownFields)
}

/// What was printed, compact or pretty, reads back the same.
fn round_trip<T>(body: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for layout in [Layout::Compact, Layout::Pretty] {
        let printed = to_json(body, layout).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<T>(&printed).unwrap(), body);
    }
    Ok(())
}

/// Unknown keys come out again, none lost, none doubled; and the body reads back the same.
fn keeps<T>(unknown: &UnknownFields) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + Default,
{
    let mut newer = serde_json::to_value(T::default()).unwrap();
    newer.as_object_mut().unwrap().extend(unknown.0.clone());
    let body: T = serde_json::from_value(newer.clone()).unwrap();
    let printed = to_json(&body, Layout::Compact).unwrap();
    prop_assert_eq!(serde_json::from_slice::<Value>(&printed).unwrap(), newer.clone());
    prop_assert_eq!(printed.len(), to_json(&newer, Layout::Compact).unwrap().len());
    round_trip(&body)
}

/// As [`keeps`], for a type whose keys are sorted: the unknown ones are merged in.
fn merges<T>(unknown: &UnknownFields) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + Default,
{
    let mut newer = serde_json::to_value(T::default()).unwrap();
    newer.as_object_mut().unwrap().extend(unknown.0.clone());
    let sorted: BTreeMap<String, Value> = serde_json::from_value(newer.clone()).unwrap();
    let body: T = serde_json::from_value(newer).unwrap();
    prop_assert_eq!(
        String::from_utf8(to_json(&body, Layout::Compact).unwrap()),
        String::from_utf8(to_json(&sorted, Layout::Compact).unwrap())
    );
    keeps::<T>(unknown)
}

/// The default body reads from `{}` too, wherever keys that not all versions send are left out.
fn reads_empty<T: DeserializeOwned>() {
    serde_json::from_str::<T>("{}").unwrap();
}

#[test]
fn a_body_may_lack_every_key() {
    reads_empty::<AgentHost>();
    reads_empty::<AgentSelf>();
    reads_empty::<HealthStatus>();
    reads_empty::<HostData>();
    reads_empty::<Join>();
    reads_empty::<Keyring>();
    reads_empty::<Member>();
    reads_empty::<Members>();
    reads_empty::<Schedulers>();
    reads_empty::<SchedulersConfig>();
    reads_empty::<SchedulerWorker>();
    reads_empty::<Acknowledgement>();
    reads_empty::<AllocStats>();
    reads_empty::<CheckResult>();
    reads_empty::<CpuStats>();
    reads_empty::<DeviceGroupStats>();
    reads_empty::<FileInfo>();
    reads_empty::<HostCpuStats>();
    reads_empty::<HostStats>();
    reads_empty::<MemoryStats>();
    reads_empty::<NodeIdentity>();
    reads_empty::<NodeMetadata>();
    reads_empty::<PauseState>();
    reads_empty::<TaskStats>();
}

#[test]
fn null_is_read_where_go_prints_it() {
    let members: Members = serde_json::from_value(json!({"Members": null})).unwrap();
    assert_eq!(members.members, []);
    let stats: AllocStats =
        serde_json::from_value(json!({"ResourceUsage": null, "Tasks": null})).unwrap();
    assert_eq!(stats.tasks, BTreeMap::new());
    let config: AgentSelf = serde_json::from_value(json!({"config": null, "stats": null})).unwrap();
    assert_eq!(config.config, AgentConfig::default());
    let frame: StreamFrame =
        serde_json::from_value(json!({"Data": null, "File": null, "Offset": null})).unwrap();
    assert!(frame.is_heartbeat());
}

proptest! {
    #[test]
    fn sorted_bodies_merge_unknown_keys(unknown in unknown()) {
        merges::<AgentHost>(&unknown)?;
        merges::<Health>(&unknown)?;
        merges::<HealthStatus>(&unknown)?;
        merges::<HostData>(&unknown)?;
        merges::<HostDisk>(&unknown)?;
        merges::<Join>(&unknown)?;
        merges::<Keyring>(&unknown)?;
        merges::<Member>(&unknown)?;
        merges::<Members>(&unknown)?;
        merges::<AgentSelf>(&unknown)?;
        merges::<SchedulerWorker>(&unknown)?;
        merges::<Schedulers>(&unknown)?;
        merges::<SchedulersConfig>(&unknown)?;
        merges::<DeviceGroupStats>(&unknown)?;
        merges::<DeviceInstanceStats>(&unknown)?;
        merges::<HostCpuStats>(&unknown)?;
        merges::<HostDiskStats>(&unknown)?;
        merges::<HostMemoryStats>(&unknown)?;
        merges::<HostStats>(&unknown)?;
        merges::<Renewal>(&unknown)?;
        merges::<StatObject>(&unknown)?;
        merges::<StatValue>(&unknown)?;
        merges::<StreamFrame>(&unknown)?;
    }

    #[test]
    fn declared_bodies_keep_unknown_keys(unknown in unknown()) {
        keeps::<Acknowledgement>(&unknown)?;
        keeps::<AllocStats>(&unknown)?;
        keeps::<CheckResult>(&unknown)?;
        keeps::<CpuStats>(&unknown)?;
        keeps::<FileInfo>(&unknown)?;
        keeps::<MemoryStats>(&unknown)?;
        keeps::<NodeIdentity>(&unknown)?;
        keeps::<NodeMetadata>(&unknown)?;
        keeps::<PauseState>(&unknown)?;
        keeps::<ResourceUsage>(&unknown)?;
        keeps::<TaskStats>(&unknown)?;
    }

    #[test]
    fn any_text_and_any_bytes_survive(
        (data, file, file_event) in (vec(any::<u8>(), 0..40), any::<String>(), any::<String>()),
        (offset, other) in (any::<i64>(), unknown()),
    ) {
        round_trip(&StreamFrame { data: Bytes::from(data), file, file_event, offset, other })?;
    }

    #[test]
    fn any_file_survives(
        (name, is_dir, size) in (any::<String>(), any::<bool>(), any::<i64>()),
        (mod_time, content_type) in (option::of(any::<String>()), option::of(any::<String>())),
    ) {
        let file = FileInfo { name, is_dir, size, mod_time, content_type, ..FileInfo::default() };
        round_trip(&file)?;
    }

    #[test]
    fn any_float_survives(
        (idle, system, user) in (float(), float(), float()),
        (total, total_percent, total_ticks) in
            (option::of(float()), option::of(float()), option::of(float())),
    ) {
        let cpu = "cpu0".to_owned();
        let other = UnknownFields::default();
        round_trip(&HostCpuStats { cpu, idle, system, total, total_percent, total_ticks, user, other })?;
    }

    #[test]
    fn floats_are_never_mistaken_for_integers(number in float()) {
        let printed = String::from_utf8(to_json(&number, Layout::Compact).unwrap()).unwrap();
        prop_assert!(printed.contains(['.', 'e']), "{}", printed);
        let exponent = printed.split_once('e').map(|(_, exponent)| exponent);
        prop_assert!(exponent.is_none_or(|it| it.len() >= 3 && it.starts_with(['+', '-'])));
        prop_assert_eq!(printed.parse::<f64>().unwrap(), number);
    }

    #[test]
    fn any_member_survives(
        (addr, name, status) in (option::of(any::<String>()), any::<String>(), any::<String>()),
        tags in option::of(btree_map(any::<String>(), any::<String>(), 0..4)),
        (port, protocol_cur, other) in (any::<u16>(), any::<u8>(), unknown()),
    ) {
        let member = Member { addr, name, status, tags, port, protocol_cur, other, ..Member::default() };
        round_trip(&member)?;
        round_trip(&Members { members: vec![member], ..Members::default() })?;
    }

    #[test]
    fn any_figure_of_a_device_survives(
        (bool_val, desc, unit) in (any::<Option<bool>>(), option::of(any::<String>()), option::of(any::<String>())),
        (float_numerator_val, int_numerator_val) in (option::of(float()), any::<Option<i64>>()),
    ) {
        let value = StatValue {
            bool_val, desc, unit, float_numerator_val, int_numerator_val, ..StatValue::default()
        };
        let attributes = Some(BTreeMap::from([("a".to_owned(), value)]));
        let level = StatObject { attributes, ..StatObject::default() };
        let nested = Some(BTreeMap::from([("b".to_owned(), level)]));
        round_trip(&StatObject { nested, ..StatObject::default() })?;
    }

    #[test]
    fn a_hidden_environment_shows_no_secret(
        names in vec("(?i)[a-z_]{0,4}(TOKEN|SECRET)[a-z_]{0,4}", 1..5),
    ) {
        let environment = names.into_iter().map(|name| (name, "s3cret".to_owned())).collect();
        let hidden = Environment(environment).redacted();
        prop_assert!(hidden.0.values().all(|value| value == "<redacted>"));
    }

    #[test]
    fn redacting_twice_changes_nothing(config in btree_map("(Plugins|Consuls|Server|ACL)", value(), 0..4)) {
        let once = AgentConfig(config).redacted();
        prop_assert_eq!(once.clone().redacted(), once);
    }
}
