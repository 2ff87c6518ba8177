//! An explanation as a person reads it, and as a program does.

use countersign_credential::explain::{Check, Explanation};
use serde::Serialize;

/// The width of the column of names.
const NAME_WIDTH: usize = 16;

/// The JSON object of one credential.
#[derive(Serialize)]
struct Object<'a> {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    checks: Vec<CheckObject<'a>>,
}

#[derive(Serialize)]
struct CheckObject<'a> {
    name: &'static str,
    passed: bool,
    detail: &'a str,
}

/// The explanation on one line of JSON.
pub(crate) fn json(explanation: &Explanation) -> String {
    let refusal = explanation.refusal.as_ref();
    let claims = explanation.claims.as_ref();
    let object = Object {
        accepted: explanation.accepted(),
        code: refusal.map(|refusal| refusal.code.as_str()),
        detail: refusal.map(|refusal| refusal.detail.as_str()),
        hint: refusal.and_then(|refusal| refusal.hint.as_deref()),
        dialect: explanation.dialect.map(|dialect| dialect.as_str()),
        subject: claims
            .and_then(|claims| claims.subject.as_ref())
            .map(|subject| subject.as_str()),
        expires_at: claims.map(|claims| claims.expires_at.to_string()),
        checks: explanation.checks.iter().map(CheckObject::from).collect(),
    };
    serde_json::to_string(&object).expect("an object of texts and flags can be written")
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

// === impl CheckObject ===

impl<'a> From<&'a Check> for CheckObject<'a> {
    fn from(check: &'a Check) -> Self {
        Self {
            name: check.name,
            passed: check.passed,
            detail: &check.detail,
        }
    }
}

fn verdict(explanation: &Explanation) -> String {
    let kind = explanation
        .dialect
        .map_or_else(String::new, |dialect| format!(", a {dialect} credential"));
    match (&explanation.refusal, &explanation.claims) {
        (Some(refusal), _) => format!("refused: {}{kind}", refusal.code),
        (None, Some(claims)) => match &claims.subject {
            Some(subject) => format!("accepted{kind} of {:?}", subject.as_str()),
            None => format!("accepted{kind}"),
        },
        (None, None) => "accepted".to_owned(),
    }
}
