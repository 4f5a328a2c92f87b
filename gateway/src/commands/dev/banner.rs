//! What `dev` prints once everything runs.

use std::{fmt::Write as _, path::Path};

use crate::commands::fleet::{Bootstrap, DEMO_TASK, Fleet, FleetAgent};

/// Addresses, ids, and lines to try.
pub(super) fn banner(
    gateway: &str,
    fleet: &Fleet,
    data: &Path,
    bootstrap: Option<&Bootstrap>,
) -> String {
    let mut text = String::new();
    let written = write_agents(&mut text, gateway, fleet, data)
        .and_then(|()| bootstrap.map_or(Ok(()), |tokens| write_tokens(&mut text, tokens)))
        .and_then(|()| write_examples(&mut text, gateway, fleet, bootstrap));
    written.expect("writing to a string cannot fail");
    text
}

fn write_agents(text: &mut String, gateway: &str, fleet: &Fleet, data: &Path) -> std::fmt::Result {
    writeln!(text, "Gateway      {gateway}\n")?;
    let leader = fleet.leader();
    for FleetAgent { agent, address } in fleet.agents() {
        if let Some(id) = agent.server_id() {
            let name = agent.config().serf_name();
            let leads = if leader.as_deref() == Some(&*name) { "  leader" } else { "" };
            writeln!(text, "Server agent http://{address}  {name:<16} {id}{leads}")?;
        }
    }
    for FleetAgent { agent, address } in fleet.agents() {
        if let Some(id) = agent.node_id() {
            let name = &agent.config().name;
            writeln!(text, "Client agent http://{address}  {name:<16} {id}")?;
        }
    }
    let id = fleet.demo_allocation();
    writeln!(text, "\nAllocation   {id}  job demo, task {DEMO_TASK}, on client1")?;
    writeln!(text, "Data         {}\n", data.display())
}

/// Printing them is what these two are for: they end with the program.
fn write_tokens(text: &mut String, tokens: &Bootstrap) -> std::fmt::Result {
    writeln!(text, "Management token {}", tokens.management.expose())?;
    writeln!(text, "Read-only token  {}\n", tokens.read_only.expose())
}

fn write_examples(
    text: &mut String,
    gateway: &str,
    fleet: &Fleet,
    bootstrap: Option<&Bootstrap>,
) -> std::fmt::Result {
    let token = bootstrap.map_or_else(String::new, |tokens| {
        format!("-H 'X-Nomad-Token: {}' ", tokens.read_only.expose())
    });
    let alloc = fleet.demo_allocation();
    let mut clients = fleet.agents().iter().filter_map(|agent| agent.agent.node_id());
    let node = clients.next_back().map_or_else(String::new, |id| id.to_string());
    writeln!(text, "Try:")?;
    writeln!(text, "  curl -s {token}'{gateway}/v1/agent/members?pretty'")?;
    writeln!(text, "  curl -s {token}'{gateway}/v1/agent/self?server_id=leader&pretty'")?;
    writeln!(text, "  curl -s {token}'{gateway}/v1/agent/host?node_id={node}&pretty'")?;
    writeln!(text, "  curl -s {token}'{gateway}/v1/client/stats?node_id={node}&pretty'")?;
    writeln!(text, "  curl -s {token}'{gateway}/v1/client/fs/ls/{alloc}?path=alloc/logs&pretty'")?;
    writeln!(
        text,
        "  curl -N {token}'{gateway}/v1/client/fs/logs/{alloc}?task={DEMO_TASK}&type=stdout&follow=true'"
    )?;
    writeln!(
        text,
        "  curl -N {token}'{gateway}/v1/agent/monitor?node_id={node}&log_level=debug&plain=true'"
    )?;
    writeln!(text, "\nCtrl-C ends everything.")
}
