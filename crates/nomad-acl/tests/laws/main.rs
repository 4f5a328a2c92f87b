//! What holds for every policy: the laws of the language, and an evaluator of the obvious kind that
//! must always agree with the compiled one.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod model;
mod naive;

use nomad_acl::{Access, Acl, Advice, Capability, NamedPolicy, Policy, Subject, Variable, explain};
use proptest::{collection::vec, prelude::*, sample::select};

use self::{
    model::{HOST_VOLUME, Labelled, Model, NAMESPACE, NODE_POOL, OPERATOR, PATH, SENTINEL},
    naive::ReferenceCheck,
};

fn read(model: &Model) -> Policy {
    model.hcl().parse().unwrap_or_else(|error| panic!("{error}: {}", model.hcl()))
}

fn compile(policies: &[Policy]) -> Acl {
    let names: Vec<String> = (0..policies.len()).map(|index| format!("p{index}")).collect();
    Acl::compile(names.iter().map(String::as_str).zip(policies))
}

fn holds(acl: &Acl, asked: &ReferenceCheck) -> bool {
    acl.has_capability(capability(asked), &subject(asked)).is_allowed()
}

fn capability(asked: &ReferenceCheck) -> Capability {
    format!("{}:{}", asked.block, asked.word).parse().unwrap()
}

fn subject(asked: &ReferenceCheck) -> Subject {
    match asked.block {
        "namespace" => Subject::Namespace(asked.name.as_str().into()),
        "node_pool" => Subject::NodePool(asked.name.as_str().into()),
        "host_volume" => Subject::HostVolume(asked.name.as_str().into()),
        "variables" if asked.word == "search" => Subject::Namespace(asked.name.as_str().into()),
        "variables" => {
            let variable = Variable::new(asked.name.as_str().into(), &asked.path);
            Subject::Variable(Box::new(variable))
        }
        _ => Subject::Agent,
    }
}

/// Every word of every block.
fn words() -> Vec<(&'static str, &'static str)> {
    let blocks: [(&str, &[&str]); 6] = [
        ("namespace", &NAMESPACE),
        ("node_pool", &NODE_POOL),
        ("host_volume", &HOST_VOLUME),
        ("variables", &PATH),
        ("operator", &OPERATOR),
        ("sentinel", &SENTINEL),
    ];
    let words = blocks.iter().flat_map(|(block, words)| words.iter().map(|word| (*block, *word)));
    let levels = ["agent", "node", "quota", "operator"]
        .into_iter()
        .flat_map(|block| [(block, "read"), (block, "write")]);
    let others = [
        ("plugin", "read"),
        ("plugin", "list"),
        ("namespace", "any"),
        ("node_pool", "any"),
        ("node_pool", "search"),
        ("host_volume", "any"),
        ("variables", "search"),
    ];
    // `deny` is no right, and asking for it is not a question.
    words.chain(levels).chain(others).filter(|(_, word)| *word != "deny").collect()
}

fn check() -> impl Strategy<Value = ReferenceCheck> {
    (select(words()), model::name(), "[ab]([ab/]){0,3}")
        .prop_map(|((block, word), name, path)| ReferenceCheck { block, word, name, path })
}

proptest! {
    #[test]
    fn the_compiled_evaluator_agrees_with_the_obvious_one(
        models in vec(model::model(), 0..4),
        questions in vec(check(), 20),
    ) {
        let policies: Vec<Policy> = models.iter().map(read).collect();
        let acl = compile(&policies);
        for asked in questions {
            prop_assert_eq!(holds(&acl, &asked), naive::allowed(&models, &asked), "{:?}", asked);
        }
    }

    #[test]
    fn the_order_of_policies_means_nothing(
        models in vec(model::model(), 2..5).prop_shuffle(),
        turn in 0_usize..4,
        questions in vec(check(), 20),
    ) {
        let policies: Vec<Policy> = models.iter().map(read).collect();
        let mut turned = policies.clone();
        turned.rotate_left(turn % policies.len());
        let (one, two) = (compile(&policies), compile(&turned));
        for asked in questions {
            prop_assert_eq!(holds(&one, &asked), holds(&two, &asked), "{:?}", asked);
        }
    }

    #[test]
    fn a_deny_of_the_same_label_never_grants(
        models in vec(model::model(), 1..4),
        pick in any::<prop::sample::Index>(),
        questions in vec(check(), 20),
    ) {
        let mut policies: Vec<Policy> = models.iter().map(read).collect();
        let labels = |of: fn(&Model) -> &Vec<Labelled>, block: &'static str| {
            models.iter().flat_map(of).map(|rule| (block, rule.label.clone())).collect::<Vec<_>>()
        };
        let mut rules = labels(|model| &model.namespaces, "namespace");
        rules.extend(labels(|model| &model.node_pools, "node_pool"));
        rules.extend(labels(|model| &model.host_volumes, "host_volume"));
        prop_assume!(!rules.is_empty());
        let (block, label) = pick.get(&rules);
        let before = compile(&policies);
        policies.push(format!("{block} {label:?} {{ policy = \"deny\" }}").parse().unwrap());
        let after = compile(&policies);
        for asked in questions {
            prop_assert!(holds(&before, &asked) || !holds(&after, &asked), "{:?}", asked);
        }
    }

    #[test]
    fn a_deny_level_never_grants(
        models in vec(model::model(), 1..4),
        block in select(vec!["agent", "node", "quota", "plugin", "operator", "sentinel"]),
        questions in vec(check(), 20),
    ) {
        let mut policies: Vec<Policy> = models.iter().map(read).collect();
        let before = compile(&policies);
        policies.push(format!("{block} {{ policy = \"deny\" }}").parse().unwrap());
        let after = compile(&policies);
        for asked in questions {
            prop_assert!(holds(&before, &asked) || !holds(&after, &asked), "{:?}", asked);
            if asked.block == block {
                prop_assert!(!holds(&after, &asked), "{:?}", asked);
            }
        }
    }

    #[test]
    fn printing_and_reading_gives_the_same_policy(model in model::model()) {
        let policy = read(&model);
        prop_assert_eq!(&policy.to_string().parse::<Policy>().unwrap(), &policy);
        prop_assert_eq!(&Policy::parse_strict(&policy.to_string()).unwrap(), &policy);
    }

    #[test]
    fn any_path_survives_printing(path in "[^/\0][^\0]{0,20}") {
        let source = serde_json::json!({
            "namespace": [{ "a": { "policy": "read", "variables": [
                { "path": [{ path.clone(): { "capabilities": ["read"] } }] }
            ] } }]
        });
        let policy: Policy = source.to_string().parse().unwrap();
        prop_assert_eq!(&policy.namespaces()[0].variables[0].path, &path);
        prop_assert_eq!(&policy.to_string().parse::<Policy>().unwrap(), &policy);
    }

    #[test]
    fn both_forms_say_the_same(model in model::model()) {
        let hcl = read(&model);
        let json: Policy = model.json().parse().unwrap();
        prop_assert_eq!(&hcl, &json, "{}", model.json());
    }

    #[test]
    fn what_may_be_written_may_be_read(text in "[a-z{}\\[\\]=,\" \n]{0,60}") {
        let read = text.parse::<Policy>();
        match Policy::parse_strict(&text) {
            Ok(policy) => prop_assert_eq!(read, Ok(policy)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn advice_allows_and_takes_nothing_away(
        models in vec(model::model(), 0..3),
        asked in check(),
        questions in vec(check(), 20),
    ) {
        let mut policies: Vec<Policy> = models.iter().map(read).collect();
        let before = compile(&policies);
        let named: Vec<NamedPolicy<'_>> = policies.iter().map(|policy| NamedPolicy::new("p", policy)).collect();
        let found = explain(&named, Access::Capability(capability(&asked)), subject(&asked));
        prop_assert_eq!(found.is_allowed(), Some(holds(&before, &asked)));
        let added: Vec<Policy> = found.advice.iter().filter_map(|advice| match advice {
            Advice::Add(policy) => Some((**policy).clone()),
            _ => None,
        }).collect();
        if added.is_empty() {
            return Ok(());
        }
        // The advice is meant to be pasted, so it must be something that can be written.
        policies.extend(added.iter().map(|policy| Policy::parse_strict(&policy.to_string()).unwrap()));
        let after = compile(&policies);
        prop_assert!(holds(&after, &asked), "{}", found);
        for other in questions {
            prop_assert!(!holds(&before, &other) || holds(&after, &other), "{:?}\n{}", other, found);
        }
    }
}
