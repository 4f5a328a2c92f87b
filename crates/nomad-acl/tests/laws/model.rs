//! Policies as plain words, how to write them down in both forms, and how to make them up.

use proptest::{collection::vec, option, prelude::*, sample::select};

/// A policy as plain words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) namespaces: Vec<Labelled>,
    pub(crate) node_pools: Vec<Labelled>,
    pub(crate) host_volumes: Vec<Labelled>,
    /// Block name, level, capabilities; at most one of each name.
    pub(crate) wide: Vec<(&'static str, Option<&'static str>, Vec<&'static str>)>,
}

/// A labelled rule; only namespaces have paths.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) label: String,
    pub(crate) level: Option<&'static str>,
    pub(crate) capabilities: Vec<&'static str>,
    pub(crate) paths: Vec<(String, Vec<&'static str>)>,
}

pub(crate) const NAMESPACE: [&str; 8] = [
    "deny",
    "read-job",
    "read-logs",
    "submit-job",
    "host-volume-write",
    "host-volume-create",
    "host-volume-read",
    "scale-job",
];
pub(crate) const NODE_POOL: [&str; 4] = ["deny", "read", "write", "delete"];
pub(crate) const HOST_VOLUME: [&str; 3] = ["deny", "mount-readonly", "mount-readwrite"];
pub(crate) const OPERATOR: [&str; 3] = ["deny", "snapshot-save", "keyring-read"];
pub(crate) const SENTINEL: [&str; 2] = ["deny", "sentinel-read"];
pub(crate) const PATH: [&str; 5] = ["deny", "list", "read", "write", "destroy"];
const LEVELS: [&str; 4] = ["deny", "read", "write", "scale"];

impl Model {
    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
            && self.node_pools.is_empty()
            && self.host_volumes.is_empty()
            && self.wide.is_empty()
    }

    /// In the HCL form, everything on one line.
    pub(crate) fn hcl(&self) -> String {
        let mut text = String::new();
        let blocks = [
            ("namespace", &self.namespaces),
            ("node_pool", &self.node_pools),
            ("host_volume", &self.host_volumes),
        ];
        for (name, rules) in blocks {
            for rule in rules {
                text += &format!("{name} {:?} {{ {} }} ", rule.label, rule.hcl_body());
            }
        }
        for (name, level, capabilities) in &self.wide {
            text += &format!("{name} {{ {} }} ", hcl_words(*level, capabilities));
        }
        text
    }

    /// In the JSON form, labelled blocks as lists and variables in lists, the spelling that
    /// survives the dissolving of objects.
    pub(crate) fn json(&self) -> String {
        let mut members = Vec::new();
        let blocks = [
            ("namespace", &self.namespaces),
            ("node_pool", &self.node_pools),
            ("host_volume", &self.host_volumes),
        ];
        for (name, rules) in blocks {
            if !rules.is_empty() {
                let rules: Vec<String> = rules
                    .iter()
                    .map(|rule| format!("{{{:?}: {{{}}}}}", rule.label, rule.json_body()))
                    .collect();
                members.push(format!("{name:?}: [{}]", rules.join(",")));
            }
        }
        for (name, level, capabilities) in &self.wide {
            members.push(format!("{name:?}: {{{}}}", json_words(*level, capabilities).join(",")));
        }
        format!("{{{}}}", members.join(","))
    }
}

impl Labelled {
    fn hcl_body(&self) -> String {
        let mut body = hcl_words(self.level, &self.capabilities);
        if !self.paths.is_empty() {
            body += " variables {";
            for (path, words) in &self.paths {
                body += &format!(" path {path:?} {{ capabilities = {words:?} }}");
            }
            body += " }";
        }
        body
    }

    fn json_body(&self) -> String {
        let mut members = json_words(self.level, &self.capabilities);
        if !self.paths.is_empty() {
            let paths: Vec<String> = self
                .paths
                .iter()
                .map(|(path, words)| format!("{{{path:?}: {{\"capabilities\": {words:?}}}}}"))
                .collect();
            members.push(format!("\"variables\": [{{\"path\": [{}]}}]", paths.join(",")));
        }
        members.join(",")
    }
}

fn hcl_words(level: Option<&str>, capabilities: &[&str]) -> String {
    let level = level.map(|level| format!("policy = {level:?} ")).unwrap_or_default();
    format!("{level}capabilities = {capabilities:?}")
}

/// An empty object would be taken for a label; the list keeps it an attribute.
fn json_words(level: Option<&str>, capabilities: &[&str]) -> Vec<String> {
    let mut members = vec![format!("\"capabilities\": {capabilities:?}")];
    members.extend(level.map(|level| format!("\"policy\": {level:?}")));
    members
}

fn words(alphabet: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(alphabet), 0..3)
}

fn level() -> impl Strategy<Value = Option<&'static str>> {
    option::weighted(0.4, select(&LEVELS[..]))
}

/// Labels of two letters and stars, so that rules meet.
pub(crate) fn label() -> impl Strategy<Value = String> {
    "[ab*]{1,3}"
}

fn labelled(
    alphabet: &'static [&'static str],
    paths: std::ops::Range<usize>,
) -> impl Strategy<Value = Labelled> {
    let path = ("[ab*][ab*/]{0,3}", words(&PATH));
    (label(), level(), words(alphabet), vec(path, paths)).prop_map(
        |(label, level, capabilities, paths)| Labelled { label, level, capabilities, paths },
    )
}

fn wide() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>, Vec<&'static str>)>> {
    let needed = |name: &'static str| {
        select(&LEVELS[..]).prop_map(move |level| (name, Some(level), Vec::new()))
    };
    let plugin = select(vec!["deny", "read", "list", "write"])
        .prop_map(|level| ("plugin", Some(level), Vec::new()));
    let both = |name: &'static str, alphabet: &'static [&'static str]| {
        (level(), words(alphabet)).prop_map(move |(level, words)| (name, level, words))
    };
    (
        option::of(needed("agent")),
        option::of(needed("node")),
        option::of(needed("quota")),
        option::of(plugin),
        option::of(both("operator", &OPERATOR)),
        option::of(both("sentinel", &SENTINEL)),
    )
        .prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].into_iter().flatten().collect())
}

/// A policy with at least one rule.
pub(crate) fn model() -> impl Strategy<Value = Model> {
    (
        vec(labelled(&NAMESPACE, 0..3), 0..4),
        vec(labelled(&NODE_POOL, 0..1), 0..3),
        vec(labelled(&HOST_VOLUME, 0..1), 0..3),
        wide(),
    )
        .prop_map(|(namespaces, node_pools, host_volumes, wide)| Model {
            namespaces,
            node_pools,
            host_volumes,
            wide,
        })
        .prop_filter("a text without a rule is no policy", |model| !model.is_empty())
}

/// A name, as it is asked for.
pub(crate) fn name() -> impl Strategy<Value = String> {
    "[ab]{1,4}|\\*"
}
