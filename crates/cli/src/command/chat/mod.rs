//! `countersign chat`: a chat client for a terminal, and for scripts.
//!
//! It is a device like any other: it logs in through the Rust client, stays
//! logged in, and goes on after a broken network.

mod act;
mod device;
mod line;
mod room;
mod terminal;
mod transcript;

use clap::Args;
use countersign_client::live::Start;
use jiff::tz::TimeZone;

use self::device::DeviceArguments;
use self::room::Room;
use self::terminal::Terminal;
use self::transcript::Style;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// Chat in the terminal, as a user's device.
#[derive(Debug, Args)]
#[command(after_help = "Examples, beside a `countersign dev` that runs:
  countersign chat                               as a visitor
  countersign chat --as alice                    as a user whom your backend knows as alice
  countersign chat --as alice --device laptop    the same on a second device
  echo hello | countersign chat --as bob --open Support")]
pub(crate) struct Arguments {
    #[command(flatten)]
    device: DeviceArguments,
    /// The conversation to begin in, by id or name [default: the one that
    /// changed last].
    #[arg(long, value_name = "CONVERSATION")]
    open: Option<String>,
    /// Print what happens as JSON, an object a line.
    #[arg(long)]
    json: bool,
}

/// Chats until there is enough of it.
///
/// # Errors
/// If the device cannot be logged in, or the terminal cannot be used.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let device = arguments.device.open(system).await?;
    let live = device.live(Start::Now)?;
    let terminal = Terminal::open(output, arguments.json)?;
    let style = Style {
        in_colour: terminal.is_interactive(),
        zone: TimeZone::system(),
    };
    let mut room = Room::new(device, live.sender(), terminal, style, arguments.json);
    let exit = room.run(live, arguments.open.as_deref()).await;
    room.close();
    exit
}
