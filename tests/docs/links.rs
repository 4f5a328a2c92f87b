//! Links between documents: each leads to a file, and to a heading in it.

use std::{collections::BTreeMap, path::Path};

use super::{files, root};

/// The text outside of fenced code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let outside = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    outside.map(|line| format!("{line}\n")).collect()
}

/// The targets of `[text](target)` and of `[label]: target`.
fn targets(prose: &str) -> Vec<&str> {
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let labelled = prose
        .lines()
        .filter(|line| line.starts_with('['))
        .filter_map(|line| line.split_once("]: "));
    inline.chain(labelled.map(|(_, target)| target)).map(str::trim).collect()
}

/// The anchor of a heading, as GitHub builds it: lower case, digits, `-` and `_`; a repeated one is numbered.
fn anchors(prose: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let heading = line.trim_start_matches('#').trim().chars().filter(kept);
        let anchor: String =
            heading.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect();
        let before = seen.entry(anchor.clone()).or_default();
        *before += 1;
        if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
    };
    headings.map(anchor).collect()
}

/// The errors in the links of `page`.
fn fault(page: &Path, target: &str) -> Option<String> {
    let (path, anchor) =
        target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    let Ok(file) = file.canonicalize() else {
        return Some("there is no such file".to_owned());
    };
    if !file.starts_with(root().canonicalize().unwrap()) {
        return Some("it leads out of the repository".to_owned());
    }
    let anchor = anchor?;
    let text = std::fs::read_to_string(&file).unwrap();
    let is_there = anchors(&prose(&text)).iter().any(|one| one == anchor);
    (!is_there).then(|| "there is no such heading".to_owned())
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for page in files(&root(), "md") {
        let text = prose(&std::fs::read_to_string(&page).unwrap());
        for target in targets(&text)
            .into_iter()
            .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        {
            checked += 1;
            let said = fault(&page, target);
            faults.extend(said.map(|said| format!("{}: {target}: {said}", page.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked > 10, "only {checked} links were found");
}

#[test]
fn headings_are_called_as_on_github() {
    let page = "# Who may import whom\n## `serve`: TLS, HTTP/2\n# Limits\n# Limits\n";
    assert_eq!(anchors(page), ["who-may-import-whom", "serve-tls-http2", "limits", "limits-1"]);
}
