//! `acl explain`: may this be done, and why not?

use std::io::Write as _;

use http::{Method, Uri};
use nomad_acl::{
    Explanation, Named, Policy, Question, Reading, Right, Stored, Subject, Variable, explain,
};
use nomad_wire::{Namespace, Route};

use super::{
    AclError,
    live::{self, Live},
    read,
};
use crate::{cli::ExplainArgs, console::say};

/// What the program exits with.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
const SERVER_DECIDES: u8 = 3;

pub(super) fn run(args: &ExplainArgs) -> Result<u8, AclError> {
    let question = question(args)?;
    let explanation = if args.policies.is_empty() {
        from_cluster(args, question)?
    } else {
        from_files(args, question)?
    };
    let Some(explanation) = explanation else { return Ok(ALLOWED) };
    if args.json {
        say(&format!("{:#}\n", explanation.to_json()));
    } else {
        say(&explanation.to_string());
    }
    Ok(match explanation.is_allowed() {
        Some(true) => ALLOWED,
        Some(false) => DENIED,
        None => SERVER_DECIDES,
    })
}

fn from_files(args: &ExplainArgs, question: Question) -> Result<Option<Explanation>, AclError> {
    let mut policies = Vec::new();
    for file in &args.policies {
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let shown = file.display().to_string();
        policies.push((name, parse(&read(file)?, &shown)?, shown));
    }
    let named: Vec<_> = policies
        .iter()
        .map(|(name, policy, file)| Named::new(name, policy).from_file(file))
        .collect();
    let subject = subject(args, &question, None);
    Ok(Some(explain(&named, question, subject)))
}

/// With the policies of the caller's own token. `None` when that token may do everything, which is said already.
fn from_cluster(args: &ExplainArgs, question: Question) -> Result<Option<Explanation>, AclError> {
    let address = args.address.as_deref().unwrap_or_default();
    let allocation = match &question {
        Question::Call(route) => route.allocation().and_then(|id| id.id().ok()).copied(),
        _ => None,
    };
    let wanted = allocation.filter(|_| args.namespace.is_none());
    let Live { policies, namespace } = match live::ask(address, wanted)? {
        live::Standing::Policies(live) => live,
        live::Standing::Everything(why) => {
            say(&everything(args, why));
            return Ok(None);
        }
    };
    let mut read = Vec::new();
    for (name, Stored { policy, reading }) in policies {
        // Beside the answer, which may be read by a program.
        if let Some(note) = note(&name, &reading) {
            drop(std::io::stderr().write_all(note.as_bytes()));
        }
        read.push((name, policy));
    }
    let named: Vec<_> = read.iter().map(|(name, policy)| Named::new(name, policy)).collect();
    let subject = subject(args, &question, namespace.as_deref());
    Ok(Some(explain(&named, question, subject)))
}

/// What is said of a policy whose text cannot be read.
fn note(name: &str, reading: &Reading) -> Option<String> {
    match reading {
        Reading::Text => None,
        Reading::RulesJson(error) => Some(format!(
            "policy {name:?} cannot be read here, the server's reading of it counts: {error}\n"
        )),
        Reading::Nothing(error) => {
            Some(format!("policy {name:?} cannot be read here and grants nothing: {error}\n"))
        }
    }
}

fn everything(args: &ExplainArgs, why: &str) -> String {
    if args.json {
        format!("{:#}\n", serde_json::json!({ "outcome": "allowed", "why": why }))
    } else {
        format!("allowed: {why}\n")
    }
}

fn parse(text: &str, shown: &str) -> Result<Policy, AclError> {
    text.parse()
        .map_err(|reason| AclError::Policy { policy: shown.to_owned(), reason: Box::new(reason) })
}

fn question(args: &ExplainArgs) -> Result<Question, AclError> {
    if let Some(right) = &args.capability {
        return right_of(right).map(Question::Right);
    }
    let (method, path) =
        (args.method.as_deref().unwrap_or_default(), args.path.as_deref().unwrap_or_default());
    let read_method = method.to_ascii_uppercase().parse::<Method>();
    let read_method = read_method.map_err(|_| AclError::Method(method.to_owned()))?;
    let uri = path.parse::<Uri>().ok().filter(|_| path.starts_with('/'));
    let uri = uri.ok_or_else(|| AclError::Path(path.to_owned()))?;
    match Route::parse(&read_method, &uri) {
        Ok(Route::Pass) => Ok(Question::Path(read_method, Route::decoded_path(&uri).into_owned())),
        Ok(route) => Ok(Question::Call(route)),
        Err(reason) => {
            Err(AclError::Call { method: method.to_owned(), path: path.to_owned(), reason })
        }
    }
}

/// A word without its block is a capability of namespaces, which most are.
fn right_of(text: &str) -> Result<Right, AclError> {
    let exact = text.parse::<Right>();
    exact
        .or_else(|error| format!("namespace:{text}").parse().map_err(|_| error))
        .map_err(AclError::Right)
}

/// What the question is about: what the caller says, else what the cluster says, else the default namespace.
fn subject(args: &ExplainArgs, question: &Question, found: Option<&str>) -> Subject {
    let namespace = || Namespace::new(args.namespace.as_deref().or(found).unwrap_or_default());
    if let Some(pool) = &args.node_pool {
        Subject::NodePool(pool.as_str().into())
    } else if let Some(volume) = &args.host_volume {
        Subject::HostVolume(volume.as_str().into())
    } else if let Some(path) = &args.variable {
        Subject::Variable(Box::new(Variable::new(namespace(), path)))
    } else if is_coarse(question) {
        Subject::Agent
    } else {
        Subject::Namespace(namespace())
    }
}

/// Rights that are about no object.
fn is_coarse(question: &Question) -> bool {
    match question {
        Question::Right(right) => {
            matches!(right, Right::Agent(_) | Right::Node(_) | Right::Management)
        }
        Question::Call(route) => route.allocation().is_none(),
        _ => false,
    }
}
