//! `countersign config show`: what every key comes to, and who says so.

use serde_json::{Value, json};

use super::Given;
use crate::configuration::{Effective, effective};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::setting::Origin;
use crate::system::System;

/// Shows; whether the values are of any use is `check`'s to say.
pub(super) fn run(given: Given, system: System, output: &mut Output) -> Result<Exit, Failure> {
    let told = given.configuration.read(system)?;
    let settings = effective(&told.layers())?;
    let file = told.file();
    if given.json {
        let path = file.map(|file| file.path.display().to_string());
        let settings: Vec<Value> = settings.iter().map(object).collect();
        output.line(&json!({"file": path, "settings": settings}).to_string())?;
        return Ok(Exit::Done);
    }
    match file {
        Some(file) => output.line(&format!(
            "configuration file: {} ({})",
            file.path.display(),
            file.named_by
        ))?,
        None => output.line("configuration file: none")?,
    }
    output.line("")?;
    let shown: Vec<[String; 2]> = settings.iter().map(words).collect();
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let keys = longest(&mut settings.iter().map(|setting| setting.key.len()));
    let values = longest(&mut shown.iter().map(|[value, _]| value.chars().count()));
    for (setting, [value, whence]) in settings.iter().zip(&shown) {
        output.line(&format!("{:keys$}  {value:values$}  {whence}", setting.key))?;
    }
    Ok(Exit::Done)
}

/// What a setting comes to, and who says so, for a person.
fn words(setting: &Effective) -> [String; 2] {
    match (&setting.value, &setting.origin) {
        (Some(value), origin) => [value.clone(), origin.to_string()],
        (None, Origin::Default) => ["-".to_owned(), "not set".to_owned()],
        (None, origin) => ["(a secret)".to_owned(), origin.to_string()],
    }
}

fn object(setting: &Effective) -> Value {
    let (kind, is_said) = match setting.origin {
        Origin::Flag(_) => ("flag", true),
        Origin::Variable(_) => ("variable", true),
        Origin::File { .. } => ("file", true),
        Origin::Default => ("default", false),
    };
    let place = is_said.then(|| setting.origin.to_string());
    json!({"key": setting.key, "value": setting.value, "from": kind, "place": place})
}
