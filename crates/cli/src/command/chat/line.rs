//! What a line means that a person has typed.

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Words for the conversation that is open.
    Words(String),
    /// Something to be done.
    Command(Command),
    /// A slash before what is no command.
    Unknown(String),
    /// Nothing.
    Empty,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    List,
    New(Option<String>),
    Open(String),
    Join(Option<String>),
    Invite(String),
    Who,
    Leave,
    More,
    Devices,
    SignOut(String),
    Me,
    LogOut,
    Quit,
}

/// What `/help` says.
pub(super) const HELP: &[(&str, &str)] = &[
    ("/list", "your conversations"),
    ("/new [NAME]", "begin one"),
    (
        "/open NUMBER",
        "read and write in one of the list; its id or name does, too",
    ),
    ("/join [NUMBER]", "join one that you were invited to"),
    (
        "/invite USER",
        "invite somebody into the open one, by name or external id",
    ),
    ("/who", "who is in it"),
    ("/more", "what was said before"),
    ("/leave", "leave it"),
    ("/devices", "where you are logged in"),
    (
        "/sign-out NUMBER",
        "sign a device of that list out; `others` means all but this one",
    ),
    ("/me", "who you are"),
    ("/log-out", "log out on this device"),
    ("/quit", "go, and stay logged in"),
    ("//words", "words that begin with a slash"),
];

/// Reads a line.
pub(super) fn read(line: &str) -> Line {
    let line = line.trim();
    if line.is_empty() {
        return Line::Empty;
    }
    let Some(command) = line.strip_prefix('/') else {
        return Line::Words(line.to_owned());
    };
    if command.starts_with('/') {
        return Line::Words(command.to_owned());
    }
    let (name, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let rest = rest.trim();
    let given = (!rest.is_empty()).then(|| rest.to_owned());
    let command = match (name, given) {
        ("help" | "?", None) => Command::Help,
        ("list" | "conversations", None) => Command::List,
        ("new", name) => Command::New(name),
        ("open", Some(which)) => Command::Open(which),
        ("join", which) => Command::Join(which),
        ("invite", Some(user)) => Command::Invite(user),
        ("who", None) => Command::Who,
        ("leave", None) => Command::Leave,
        ("more", None) => Command::More,
        ("devices", None) => Command::Devices,
        ("sign-out", Some(which)) => Command::SignOut(which),
        ("me", None) => Command::Me,
        ("log-out" | "logout", None) => Command::LogOut,
        ("quit" | "exit", None) => Command::Quit,
        _ => return Line::Unknown(format!("/{command}")),
    };
    Line::Command(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_words_or_a_command() {
        let words = |text: &str| Line::Words(text.to_owned());
        for (line, expected) in [
            ("", Line::Empty),
            ("   ", Line::Empty),
            ("hello", words("hello")),
            ("  hello /list ", words("hello /list")),
            ("//list", words("/list")),
            ("/list", Line::Command(Command::List)),
            ("/ list", Line::Unknown("/ list".to_owned())),
            ("/new", Line::Command(Command::New(None))),
            (
                "/new  A trip ",
                Line::Command(Command::New(Some("A trip".to_owned()))),
            ),
            ("/open 2", Line::Command(Command::Open("2".to_owned()))),
            ("/open", Line::Unknown("/open".to_owned())),
            ("/join", Line::Command(Command::Join(None))),
            ("/list all", Line::Unknown("/list all".to_owned())),
            ("/nonsense", Line::Unknown("/nonsense".to_owned())),
            ("/", Line::Unknown("/".to_owned())),
        ] {
            assert_eq!(read(line), expected, "{line:?}");
        }
    }

    #[test]
    fn every_command_of_the_help_is_one() {
        for (usage, _) in HELP.iter().filter(|(usage, _)| !usage.starts_with("//")) {
            let line = usage.replace(['[', ']'], "");
            assert!(matches!(read(&line), Line::Command(_)), "{usage}");
        }
    }
}
