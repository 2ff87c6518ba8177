//! How the story is told: chapters, what happens, and what was checked.

use crate::exit::Failure;
use crate::output::Output;

/// Tells the story, and keeps count.
#[derive(Debug)]
pub(super) struct Narrator<'a> {
    output: &'a mut Output,
    chapters: usize,
    checks: usize,
}

// === impl Narrator ===

impl<'a> Narrator<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            chapters: 0,
            checks: 0,
        }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str) -> Result<(), Failure> {
        self.chapters += 1;
        let number = self.chapters;
        self.output.line("")?;
        self.output.line(&format!("{number}. {title}"))
    }

    /// Says what happens.
    pub(super) fn say(&mut self, sentence: &str) -> Result<(), Failure> {
        self.output.line(&format!("   {sentence}"))
    }

    /// Says what somebody writes in a conversation.
    pub(super) fn quote(&mut self, who: &str, text: &str) -> Result<(), Failure> {
        self.output.line(&format!("   {who:>9} │ {text}"))
    }

    /// Says what was checked; ends the story where it does not hold.
    pub(super) fn check(&mut self, holds: bool, claim: &str, seen: &str) -> Result<(), Failure> {
        if !holds {
            return Err(Failure::refused(format!(
                "the demo expected that {claim}, and saw {seen}"
            ))
            .hint("this is a fault of Countersign: please report it with this message"));
        }
        self.checks += 1;
        self.output.line(&format!("   ✓ {claim}"))
    }

    /// Ends the story.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.output.line("")?;
        self.output
            .line(&format!("{} checks, all as told.", self.checks))?;
        self.output.line("")?;
        self.output.line("Now with your own hands:")?;
        self.output.line("  countersign dev   a server on this machine that keeps what you do, with keys for all four dialects")?;
        self.output
            .line("  README.md         \"The same by hand\" logs a device in with curl")
    }
}
