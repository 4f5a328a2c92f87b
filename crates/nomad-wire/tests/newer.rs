//! Answers that no recording holds, because Nomad 1.0 does not give them: spelled out as 2.0 does.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use nomad_wire::{
    agent::{AgentSelf, Join, Keyring, Member, Schedulers, SchedulersConfig},
    client::{
        Acknowledgement, AllocChecks, AllocStats, FileInfo, HostStats, NodeIdentity, NodeMetadata,
        PauseState, Renewal,
    },
    json::{Layout, to_json},
};
use serde::{Serialize, de::DeserializeOwned};

/// Reads the answer, prints the same bytes again and hands it out.
fn spelled<T: DeserializeOwned + Serialize>(wire: &str) -> T {
    let body: T = serde_json::from_str(wire).unwrap();
    assert_eq!(String::from_utf8(to_json(&body, Layout::Compact).unwrap()).unwrap(), wire);
    body
}

#[test]
fn schedulers() {
    let body: Schedulers = spelled(concat!(
        r#"{"schedulers":[{"enabled_schedulers":["service","_core"],"#,
        r#""id":"5669d6fa-0def-7369-6558-a47c35fdc675","started":"2022-02-18T18:26:53.126158Z","#,
        r#""status":"Started","workload_status":"WaitingToDequeue"}],"server_id":"server1.global"}"#,
    ));
    assert_eq!(body.schedulers[0].workload_status, "WaitingToDequeue");
    let wire = r#"{"enabled_schedulers":["_core","batch"],"num_schedulers":8,"server_id":"server1.global"}"#;
    assert_eq!(spelled::<SchedulersConfig>(wire).num_schedulers, 8);
}

#[test]
fn keyring() {
    let body: Keyring =
        spelled(r#"{"Keys":{"HS5lJ+XuTlYKWaeGYyG+/A==":3},"Messages":{},"NumNodes":3}"#);
    assert_eq!((body.keys.len(), body.num_nodes), (1, 3));
}

#[test]
fn join_with_a_warning() {
    let body: Join =
        spelled(r#"{"error":"","num_joined":2,"warning":"anonymous server join is deprecated"}"#);
    assert!(body.warning.is_some());
    assert_eq!(spelled::<Join>(r#"{"error":"","num_joined":2}"#).warning, None);
}

#[test]
fn self_of_an_agent_without_a_server() {
    let body: AgentSelf = spelled(concat!(
        r#"{"config":{"Client":{"Enabled":true},"Server":{"Enabled":false}},"#,
        r#""member":{"Addr":null,"DelegateCur":0,"DelegateMax":0,"DelegateMin":0,"Name":"","Port":0,"#,
        r#""ProtocolCur":0,"ProtocolMax":0,"ProtocolMin":0,"Status":"none","Tags":null},"#,
        r#""stats":{"client":{"heartbeat_ttl":"14.5s","known_servers":"10.0.0.1:4647"}}}"#,
    ));
    assert_eq!(body.member, Member::none());
    assert!(body.config.is_client() && !body.config.is_server());
    assert_eq!(body.stats["client"]["heartbeat_ttl"], "14.5s");
}

#[test]
fn self_hides_its_secrets() {
    let wire = r#"{"config":{"Vaults":[{"Name":"default","Token":"s3cret"}]}}"#;
    let body: AgentSelf = serde_json::from_str(wire).unwrap();
    assert!(!format!("{body:?}").contains("s3cret"));
    assert_eq!(body.config.get(&["Vaults"]).unwrap()[0]["Token"], "s3cret");
    assert_eq!(body.redacted().config.get(&["Vaults"]).unwrap()[0]["Token"], "<redacted>");
}

#[test]
fn host_stats() {
    let body: HostStats = spelled(concat!(
        r#"{"AllocDirStats":{"Available":1,"Device":"","InodesUsedPercent":0.0,"Mountpoint":"","Size":2,"#,
        r#""Used":1,"UsedPercent":50.0},"CPU":[{"CPU":"cpu0","Idle":99.5,"System":0.0,"TotalPercent":0.5,"#,
        r#""TotalTicks":12.25,"User":0.5}],"CPUTicksConsumed":1e-07,"DeviceStats":null,"DiskStats":null,"#,
        r#""Memory":{"Available":0,"Free":0,"Total":0,"Used":0},"Timestamp":1795296756987887662,"Uptime":1}"#,
    ));
    assert_eq!((body.cpu[0].busy_percent(), body.cpu[0].total_ticks), (Some(0.5), Some(12.25)));
}

#[test]
fn allocation_stats() {
    let usage = concat!(
        r#"{"MemoryStats":{"RSS":1,"Cache":2,"Swap":3,"MappedFile":4,"Usage":5,"MaxUsage":6,"#,
        r#""KernelUsage":7,"KernelMaxUsage":8,"Measured":["RSS"]},"CpuStats":{"SystemMode":1.5,"#,
        r#""UserMode":2.0,"TotalTicks":100.0,"ThrottledPeriods":3,"ThrottledTime":4,"Percent":3.5,"#,
        r#""Measured":["Percent"]},"DeviceStats":null}"#,
    );
    let wire = format!(
        r#"{{"ResourceUsage":{usage},"Tasks":{{"web":{{"ResourceUsage":{usage},"Timestamp":9,"Pids":{{"7":{usage}}}}}}},"Timestamp":9}}"#
    );
    let body: AllocStats = spelled(&wire);
    assert_eq!(body.tasks["web"].resource_usage, body.resource_usage);
    assert_eq!(body.resource_usage.memory_stats.mapped_file, Some(4));
    assert_eq!(body.resource_usage.cpu_stats.percent.to_string(), "3.5");
}

#[test]
fn allocation_checks() {
    let body: AllocChecks = spelled(concat!(
        r#"{"4f0d8f3e":{"ID":"4f0d8f3e","Mode":"healthiness","Status":"success","StatusCode":200,"#,
        r#""Output":"nomad: http ok","Timestamp":1660000000,"Group":"web.web[0]","Task":"","#,
        r#""Service":"web","Check":"alive"}}"#,
    ));
    assert_eq!(body.0.unwrap()["4f0d8f3e"].status_code, Some(200));
    assert_eq!(spelled::<AllocChecks>("null").0, None);
}

#[test]
fn allocation_actions() {
    assert_eq!(spelled::<Acknowledgement>(r#"{"Index":0}"#), Acknowledgement::default());
    let body: PauseState = spelled(r#"{"ScheduleState":"force_pause"}"#);
    assert_eq!(body.schedule_state, "force_pause");
}

#[test]
fn files() {
    let body: Vec<FileInfo> = spelled(concat!(
        r#"[{"Name":"a<b>.json","IsDir":false,"Size":3,"FileMode":"-rw-r--r--","#,
        r#""ModTime":"2026-01-02T03:04:05.6+02:00","ContentType":""},"#,
        r#"{"Name":"z\u2028","IsDir":true,"Size":0,"FileMode":"dtrwxrwxrwx","ModTime":null,"ContentType":""}]"#,
    ));
    assert_eq!(body[1].name, "z\u{2028}");
    assert_eq!(spelled::<Vec<FileInfo>>("[]"), []);
}

#[test]
fn node_metadata() {
    let body: NodeMetadata =
        spelled(r#"{"Meta":{"a":"1"},"Dynamic":{"a":"1","b":null},"Static":{"b":"2"}}"#);
    assert_eq!(NodeMetadata::merge(body.fixed.clone(), body.dynamic.clone()), body);
    assert_eq!(
        spelled::<NodeMetadata>(r#"{"Meta":{},"Dynamic":null,"Static":{}}"#),
        NodeMetadata::default()
    );
}

#[test]
fn node_identity() {
    let body: NodeIdentity = spelled(concat!(
        r#"{"Claims":{"aud":"nomadproject.io","exp":1760000000,"iat":1,"jti":"x","nbf":1,"#,
        r#""nomad_node_datacenter":"dc1","nomad_node_id":"n1","nomad_node_pool":"default","#,
        r#""sub":"node:global:default:n1:default"}}"#,
    ));
    assert_eq!((body.node_id(), body.expiration()), (Some("n1"), Some(1_760_000_000)));
    assert_eq!(spelled::<Renewal>("{}"), Renewal::default());
}
