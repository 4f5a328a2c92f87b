//! A policy in the HCL form.

use std::fmt::{self, Formatter};

use super::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, UnlabelledRule};
use crate::{
    block::Block,
    capability::{BlockCapability, PolicyLevel},
};

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for namespace in &self.namespaces {
            print_namespace(f, namespace)?;
        }
        print_labelled(f, Block::NodePool, &self.node_pools)?;
        print_labelled(f, Block::HostVolume, &self.host_volumes)?;
        print_level(f, Block::Agent, self.agent)?;
        print_level(f, Block::Node, self.node)?;
        print_wide(f, Block::Operator, self.operator.as_ref())?;
        print_wide(f, Block::Sentinel, self.sentinel.as_ref())?;
        print_level(f, Block::Quota, self.quota)?;
        print_level(f, Block::Plugin, self.plugin)
    }
}

fn print_namespace(f: &mut Formatter<'_>, namespace: &NamespaceRule) -> fmt::Result {
    let rule = &namespace.rule;
    writeln!(f, "namespace {} {{", Quoted(&rule.label))?;
    print_body(f, rule.level, &rule.capabilities)?;
    if !namespace.variables.is_empty() {
        writeln!(f, "  variables {{")?;
        for path in &namespace.variables {
            print_path(f, path)?;
        }
        writeln!(f, "  }}")?;
    }
    writeln!(f, "}}")
}

fn print_path(f: &mut Formatter<'_>, path: &PathRule) -> fmt::Result {
    write!(f, "    path {} {{ capabilities = ", Quoted(&path.path))?;
    print_words(f, &path.capabilities)?;
    writeln!(f, " }}")
}

fn print_labelled<W: BlockCapability>(
    f: &mut Formatter<'_>,
    block: Block,
    rules: &[LabelRule<W>],
) -> fmt::Result {
    for rule in rules {
        writeln!(f, "{block} {} {{", Quoted(&rule.label))?;
        print_body(f, rule.level, &rule.capabilities)?;
        writeln!(f, "}}")?;
    }
    Ok(())
}

fn print_wide<W: BlockCapability>(
    f: &mut Formatter<'_>,
    block: Block,
    rule: Option<&UnlabelledRule<W>>,
) -> fmt::Result {
    let Some(rule) = rule else { return Ok(()) };
    writeln!(f, "{block} {{")?;
    print_body(f, rule.level, &rule.capabilities)?;
    writeln!(f, "}}")
}

fn print_level(f: &mut Formatter<'_>, block: Block, rule: Option<LevelRule>) -> fmt::Result {
    match rule {
        Some(rule) => writeln!(f, "{block} {{\n  policy = \"{}\"\n}}", rule.level),
        None => Ok(()),
    }
}

fn print_body<W: BlockCapability>(
    f: &mut Formatter<'_>,
    level: Option<PolicyLevel>,
    capabilities: &[W],
) -> fmt::Result {
    if let Some(level) = level {
        writeln!(f, "  policy = \"{level}\"")?;
    }
    if !capabilities.is_empty() {
        write!(f, "  capabilities = ")?;
        print_words(f, capabilities)?;
        writeln!(f)?;
    }
    Ok(())
}

fn print_words<W: BlockCapability>(f: &mut Formatter<'_>, words: &[W]) -> fmt::Result {
    write!(f, "[")?;
    for (index, word) in words.iter().enumerate() {
        let joint = if index == 0 { "" } else { ", " };
        write!(f, "{joint}\"{}\"", word.as_str())?;
    }
    write!(f, "]")
}

/// A text as a quoted string of the HCL form.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"")?;
        for next in self.0.chars() {
            match next {
                '"' => write!(f, "\\\"")?,
                '\\' => write!(f, "\\\\")?,
                // A bare `${` would start a template, in which quotes do not end the string.
                '$' => write!(f, "\\x24")?,
                control if control.is_control() => write!(f, "\\U{:08x}", u32::from(control))?,
                other => write!(f, "{other}")?,
            }
        }
        write!(f, "\"")
    }
}
