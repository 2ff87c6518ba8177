//! `countersign config default`: a configuration file that changes nothing, with
//! every key in it, to be made one's own.

use clap::{Args, Command};
use serde_json::{Value, json};

use crate::configuration::arguments::ConfigurationArguments;
use crate::configuration::key::{Key, SECRET_VARIABLE};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// How wide a line of explanation is, without its mark.
const WIDTH: usize = 78;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the keys as one object of JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the file.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    if arguments.json {
        let keys = Key::ALL.map(object);
        output.line(&json!({"settings": keys}).to_string())?;
    } else {
        output.line(file().trim_end())?;
    }
    Ok(Exit::Done)
}

/// The file: every key is commented out, so that it says what is so anyway.
fn file() -> String {
    let mut file = explained(&format!(
        "The configuration of `countersign serve`. A flag goes before its variable in the \
         environment, that before this file, that before the default, which is what stands here; \
         where there is none, it is an example. Every value is a text. The one secret, \
         {SECRET_VARIABLE}, is a variable alone."
    ));
    let mut table = "";
    for key in Key::ALL {
        let (of, name) = key.path().rsplit_once('.').unwrap_or(("", key.path()));
        if of != table {
            table = of;
            file.push_str(&format!("\n[{table}]\n"));
        }
        file.push('\n');
        file.push_str(&explained(&meaning(key)));
        file.push_str(&explained(&format!("{}, {}", key.flag(), key.variable())));
        file.push_str(&format!("#{name} = {:?}\n", key.example()));
    }
    file
}

fn object(key: Key) -> Value {
    json!({
        "key": key.path(),
        "default": key.default(),
        "flag": key.flag(),
        "variable": key.variable(),
        "meaning": meaning(key),
    })
}

/// What the flag's help says, but for its variable, which stands apart.
fn meaning(key: Key) -> String {
    let command = ConfigurationArguments::augment_args(Command::new("serve"));
    let flag = key.flag();
    let mut arguments = command.get_arguments();
    let argument = arguments.find(|argument| argument.get_long() == flag.strip_prefix("--"));
    let help = argument
        .and_then(clap::Arg::get_help)
        .map(ToString::to_string);
    let help = help.unwrap_or_default();
    let (meaning, default) = help.split_once(" [env: ").unwrap_or((&help, ""));
    let default = match (key.default(), default.split_once("[default: ")) {
        // It stands below.
        (Some(_), _) | (None, None) => String::new(),
        (None, Some((_, default))) => format!(" By default: {}.", default.trim_end_matches(']')),
    };
    format!("{}.{default}", meaning.trim_end_matches('.'))
}

/// A text as lines of comment.
fn explained(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::configuration::{Configuration, Layers};

    fn settle(file: Option<&str>) -> Configuration {
        let layers = Layers {
            file: file.map(|text| (Path::new("countersign.toml"), text)),
            ..Layers::default()
        };
        Configuration::settle(&layers).unwrap()
    }

    #[test]
    fn the_file_changes_nothing_and_every_key_in_it_is_one() {
        let file = file();
        assert_eq!(settle(Some(&file)), settle(None));
        assert!(file.lines().all(|line| line.chars().count() <= WIDTH + 2));
        // With the mark in front of each key taken away all of them count.
        let marked = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        assert_eq!(file.lines().filter(marked).count(), Key::ALL.len());
        let bare: Vec<&str> = file
            .lines()
            .map(|line| if marked(&line) { &line[1..] } else { line })
            .collect();
        let configuration = settle(Some(&bare.join("\n")));
        assert_eq!(configuration.doors.len(), 4);
        assert_eq!(configuration.addresses().count(), 5);
        for address in configuration.addresses() {
            assert!(
                address.label().contains("countersign.toml:"),
                "{}",
                address.label()
            );
        }
    }

    #[test]
    fn a_key_is_told_with_its_flag_its_variable_and_its_meaning() {
        let file = file();
        for key in Key::ALL {
            assert!(
                file.contains(&format!("# {},", key.flag())),
                "{}",
                key.path()
            );
            assert!(file.contains(&key.variable()), "{}", key.path());
            assert!(
                meaning(key).len() > 20 && !meaning(key).contains('['),
                "{}",
                meaning(key)
            );
        }
    }
}
