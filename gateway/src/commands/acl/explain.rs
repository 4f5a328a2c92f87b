//! `acl explain`: may this be done, and why not?

use std::io::Write as _;

use http::{Method, Uri};
use nomad_acl::{
    Access, Capability, Explanation, NamedPolicy, Policy, PolicySource, StoredPolicy, Subject,
    Variable, explain,
};
use nomad_wire::{Namespace, Route};

use super::{
    AclError, read_file,
    token_policies::{self, TokenPolicies},
};
use crate::{commands::cli::ExplainArgs, logging::console::print};

/// What the program exits with.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
const DEFERRED: u8 = 3;

pub(super) fn run(args: &ExplainArgs) -> Result<u8, AclError> {
    let question = parse_action(args)?;
    let explanation = if args.policies.is_empty() {
        explain_from_cluster(args, question)?
    } else {
        explain_from_files(args, question)?
    };
    let Some(explanation) = explanation else { return Ok(ALLOWED) };
    if args.json {
        print(&format!("{:#}\n", explanation.to_json()));
    } else {
        print(&explanation.to_string());
    }
    Ok(match explanation.is_allowed() {
        Some(true) => ALLOWED,
        Some(false) => DENIED,
        None => DEFERRED,
    })
}

fn explain_from_files(
    args: &ExplainArgs,
    question: Access,
) -> Result<Option<Explanation>, AclError> {
    let mut policies = Vec::new();
    for file in &args.policies {
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let shown = file.display().to_string();
        policies.push((name, parse_policy(&read_file(file)?, &shown)?, shown));
    }
    let named: Vec<_> = policies
        .iter()
        .map(|(name, policy, file)| NamedPolicy::new(name, policy).with_file(file))
        .collect();
    let subject = subject(args, &question, None);
    Ok(Some(explain(&named, question, subject)))
}

/// With the policies of the caller's own token. `None` when that token may do everything, which is said already.
fn explain_from_cluster(
    args: &ExplainArgs,
    question: Access,
) -> Result<Option<Explanation>, AclError> {
    let address = args.address.as_deref().unwrap_or_default();
    let allocation = match &question {
        Access::Call(route) => route.allocation().and_then(|id| id.id().ok()).copied(),
        _ => None,
    };
    let wanted = allocation.filter(|_| args.namespace.is_none());
    let TokenPolicies { policies, namespace } = match token_policies::fetch(address, wanted)? {
        token_policies::TokenAccess::Policies(live) => live,
        token_policies::TokenAccess::Unrestricted(why) => {
            print(&unrestricted_text(args, why));
            return Ok(None);
        }
    };
    let mut read = Vec::new();
    for (name, StoredPolicy { policy, source: reading }) in policies {
        // Beside the answer, which may be read by a program.
        if let Some(note) = unreadable_policy_note(&name, &reading) {
            drop(std::io::stderr().write_all(note.as_bytes()));
        }
        read.push((name, policy));
    }
    let named: Vec<_> = read.iter().map(|(name, policy)| NamedPolicy::new(name, policy)).collect();
    let subject = subject(args, &question, namespace.as_deref());
    Ok(Some(explain(&named, question, subject)))
}

/// What is said of a policy whose text cannot be read.
fn unreadable_policy_note(name: &str, reading: &PolicySource) -> Option<String> {
    match reading {
        PolicySource::Text => None,
        PolicySource::RulesJson(error) => Some(format!(
            "policy {name:?} cannot be read here, the server's reading of it counts: {error}\n"
        )),
        PolicySource::Unreadable(error) => {
            Some(format!("policy {name:?} cannot be read here and grants nothing: {error}\n"))
        }
    }
}

fn unrestricted_text(args: &ExplainArgs, why: &str) -> String {
    if args.json {
        format!("{:#}\n", serde_json::json!({ "outcome": "allowed", "why": why }))
    } else {
        format!("allowed: {why}\n")
    }
}

fn parse_policy(text: &str, shown: &str) -> Result<Policy, AclError> {
    text.parse()
        .map_err(|reason| AclError::Policy { policy: shown.to_owned(), reason: Box::new(reason) })
}

fn parse_action(args: &ExplainArgs) -> Result<Access, AclError> {
    if let Some(right) = &args.capability {
        return parse_capability(right).map(Access::Capability);
    }
    let (method, path) =
        (args.method.as_deref().unwrap_or_default(), args.path.as_deref().unwrap_or_default());
    let read_method = method.to_ascii_uppercase().parse::<Method>();
    let read_method = read_method.map_err(|_| AclError::Method(method.to_owned()))?;
    let uri = path.parse::<Uri>().ok().filter(|_| path.starts_with('/'));
    let uri = uri.ok_or_else(|| AclError::Path(path.to_owned()))?;
    match Route::parse(&read_method, &uri) {
        Ok(Route::Pass) => Ok(Access::Path(read_method, Route::decoded_path(&uri).into_owned())),
        Ok(route) => Ok(Access::Call(route)),
        Err(reason) => {
            Err(AclError::Call { method: method.to_owned(), path: path.to_owned(), reason })
        }
    }
}

/// A word without its block is a capability of namespaces, which most are.
fn parse_capability(text: &str) -> Result<Capability, AclError> {
    let exact = text.parse::<Capability>();
    exact
        .or_else(|error| format!("namespace:{text}").parse().map_err(|_| error))
        .map_err(AclError::Capability)
}

/// What the question is about: what the caller says, else what the cluster says, else the default namespace.
fn subject(args: &ExplainArgs, question: &Access, found: Option<&str>) -> Subject {
    let namespace = || Namespace::new(args.namespace.as_deref().or(found).unwrap_or_default());
    if let Some(pool) = &args.node_pool {
        Subject::NodePool(pool.as_str().into())
    } else if let Some(volume) = &args.host_volume {
        Subject::HostVolume(volume.as_str().into())
    } else if let Some(path) = &args.variable {
        Subject::Variable(Box::new(Variable::new(namespace(), path)))
    } else if has_no_object(question) {
        Subject::Agent
    } else {
        Subject::Namespace(namespace())
    }
}

/// Rights that are about no object.
fn has_no_object(question: &Access) -> bool {
    match question {
        Access::Capability(right) => {
            matches!(right, Capability::Agent(_) | Capability::Node(_) | Capability::Management)
        }
        Access::Call(route) => route.allocation().is_none(),
        _ => false,
    }
}
