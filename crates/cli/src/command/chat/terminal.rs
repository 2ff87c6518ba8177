//! Where lines come from and go to: a line editor on a terminal, which prints
//! above what is being typed; else the standard streams as they are.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use rustyline_async::{Readline, ReadlineError, ReadlineEvent, SharedWriter};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::exit::Failure;
use crate::output::Output;

/// Lines of the editor's memory.
const HISTORY_MAX: usize = 200;

/// A terminal, or what stands in for it.
pub(super) struct Terminal<'a> {
    output: &'a mut Output,
    input: Input,
    prompt: String,
}

enum Input {
    Editor {
        editor: Box<Readline>,
        above: SharedWriter,
    },
    Stream(Lines<BufReader<Stdin>>),
}

// === impl Terminal ===

impl<'a> Terminal<'a> {
    /// The terminal, if both streams are one and a person is meant to read it.
    pub(super) fn open(output: &'a mut Output, for_script: bool) -> Result<Self, Failure> {
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let input = if is_terminal && !for_script {
            let (mut editor, above) = Readline::new(String::new()).map_err(broken)?;
            editor.should_print_line_on(false, false);
            editor.set_max_history(HISTORY_MAX);
            Input::Editor {
                editor: Box::new(editor),
                above,
            }
        } else {
            Input::Stream(BufReader::new(tokio::io::stdin()).lines())
        };
        Ok(Self {
            output,
            input,
            prompt: String::new(),
        })
    }

    /// Whether a person sits at it.
    pub(super) fn is_interactive(&self) -> bool {
        matches!(self.input, Input::Editor { .. })
    }

    /// The next line; none at the end of the input, or when the person has enough.
    /// Nothing is lost where this is given up and called again.
    pub(super) async fn line(&mut self) -> Result<Option<String>, Failure> {
        match &mut self.input {
            Input::Editor { editor, .. } => match editor.readline().await {
                Ok(ReadlineEvent::Line(line)) => {
                    editor.add_history_entry(line.clone());
                    Ok(Some(line))
                }
                Ok(ReadlineEvent::Eof | ReadlineEvent::Interrupted)
                | Err(ReadlineError::Closed) => Ok(None),
                Err(error) => Err(broken(error)),
            },
            Input::Stream(lines) => lines.next_line().await.map_err(broken),
        }
    }

    /// Shows a line.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Failure> {
        match &mut self.input {
            Input::Editor { editor, above } => {
                writeln!(above, "{line}").map_err(broken)?;
                // Its queue is short, and somebody may have written a long text.
                editor.flush().map_err(broken)
            }
            Input::Stream(_) => self.output.line(line),
        }
    }

    /// What stands before the line that is typed.
    pub(super) fn prompt(&mut self, prompt: String) -> Result<(), Failure> {
        if prompt == self.prompt {
            return Ok(());
        }
        self.prompt = prompt;
        let prompt = &self.prompt;
        match &mut self.input {
            Input::Editor { editor, .. } => editor.update_prompt(prompt).map_err(broken),
            Input::Stream(_) => Ok(()),
        }
    }

    /// Shows what was said last, and gives the terminal back.
    pub(super) fn close(self) {
        if let Input::Editor { mut editor, above } = self.input {
            drop(above);
            // Whoever has closed the terminal does not read it.
            let _ = editor.update_prompt("");
            let _ = editor.flush();
        }
    }
}

impl fmt::Debug for Terminal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Terminal")
    }
}

fn broken(error: impl fmt::Display) -> Failure {
    Failure::usage(format!("the terminal cannot be used: {error}"))
}
