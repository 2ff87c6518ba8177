//! An explanation as a person reads it, and as a program does.

use countersign_wire::token::{Check, Explanation};

/// The width of the column of names.
const NAME_WIDTH: usize = 16;

/// The explanation on one line of JSON. A check is its name, whether it passed,
/// and what was seen: what to do stands once, beside the verdict.
pub(crate) fn json(explanation: &Explanation) -> String {
    let without_hint = |check: &Check| Check {
        hint: None,
        ..check.clone()
    };
    let line = Explanation {
        checks: explanation.checks.iter().map(without_hint).collect(),
        ..explanation.clone()
    };
    serde_json::to_string(&line).expect("an object of texts and flags can be written")
}

/// The explanation in lines for a person: the verdict, then every check with
/// what it saw and what to do.
pub(crate) fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![verdict(explanation), String::new()];
    for check in &explanation.checks {
        let mark = match (check.passed, &check.hint) {
            (false, _) => '✗',
            (true, Some(_)) => '!',
            (true, None) => '✓',
        };
        lines.push(format!(
            "  {mark} {:NAME_WIDTH$}{}",
            check.name, check.detail
        ));
        if let Some(hint) = &check.hint {
            lines.push(format!("    {:NAME_WIDTH$}→ {hint}", ""));
        }
    }
    lines
}

fn verdict(explanation: &Explanation) -> String {
    let kind = explanation
        .dialect
        .as_ref()
        .map_or_else(String::new, |dialect| format!(", a {dialect} credential"));
    match (
        explanation.accepted,
        &explanation.code,
        &explanation.subject,
    ) {
        (true, _, Some(subject)) => format!("accepted{kind} of {subject:?}"),
        (true, _, None) => format!("accepted{kind}"),
        (false, Some(code), _) => format!("refused: {code}{kind}"),
        (false, None, _) => format!("refused{kind}"),
    }
}
