//! What the person sees: the conversations, the one that is open, and what
//! happens meanwhile.

use std::collections::BTreeMap;

use countersign_client::client::Client;
use countersign_client::error::Error;
use countersign_client::live::{Ended, Live, Offline, Sender, Update};
use countersign_wire::conversation::Conversation;
use countersign_wire::device::Device;
use countersign_wire::event::Event;
use countersign_wire::frame::{
    ConversationChange, ConversationFrame, EventFrame, Gap, ServerFrame, ShownConversation,
    SignalFrame,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::line::{self, Line};
use super::terminal::Terminal;
use super::transcript::{Style, title};
use crate::exit::{Exit, Failure};
use crate::output::printable;

/// Outcomes of what was sent that wait to be told.
const OUTCOMES_MAX: usize = 64;

/// A chat.
pub(super) struct Room<'a> {
    pub(super) device: Client,
    pub(super) sender: Sender,
    pub(super) style: Style,
    pub(super) json: bool,
    terminal: Terminal<'a>,
    /// The conversations as they were last listed; a number means one of these.
    pub(super) list: Vec<Conversation>,
    pub(super) open: Option<Open>,
    /// The devices as they were last listed.
    pub(super) devices: Vec<Device>,
    /// Who types in the open conversation.
    typing: BTreeMap<String, String>,
    pub(super) outcomes: mpsc::Sender<Result<Event, Error>>,
    told: mpsc::Receiver<Result<Event, Error>>,
    /// What was sent and is not acknowledged.
    pub(super) waiting: usize,
    is_online: bool,
    /// Whether the person was told that it is not.
    was_offline: bool,
    pub(super) is_over: bool,
}

/// The conversation that is open.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) title: String,
    /// The first event that was shown.
    pub(super) oldest: u64,
    /// The last one.
    pub(super) newest: u64,
}

// === impl Room ===

impl<'a> Room<'a> {
    pub(super) fn new(
        device: Client,
        sender: Sender,
        terminal: Terminal<'a>,
        style: Style,
        json: bool,
    ) -> Self {
        let (outcomes, told) = mpsc::channel(OUTCOMES_MAX);
        Self {
            device,
            sender,
            style,
            json,
            terminal,
            list: Vec::new(),
            open: None,
            devices: Vec::new(),
            typing: BTreeMap::new(),
            outcomes,
            told,
            waiting: 0,
            is_online: false,
            was_offline: false,
            is_over: false,
        }
    }

    /// Chats until the input ends, the person has enough, or the session is over.
    pub(super) async fn run(
        &mut self,
        mut live: Live,
        open: Option<&str>,
    ) -> Result<Exit, Failure> {
        self.greet(open).await?;
        loop {
            self.prompt()?;
            let reads = !self.is_over;
            // What happened is shown before it is told that it is done.
            tokio::select! {
                biased;
                update = live.next() => match update {
                    Some(Update::Ended(ended)) => return self.ended(&ended),
                    Some(update) => self.update(update)?,
                    None => return Ok(Exit::Done),
                },
                Some(outcome) = self.told.recv() => self.outcome(outcome)?,
                line = self.terminal.line(), if reads => match line? {
                    Some(line) => self.line(&line).await?,
                    None => self.is_over = true,
                },
            }
            if self.is_over && self.waiting == 0 {
                return Ok(Exit::Done);
            }
        }
    }

    /// Gives the terminal back.
    pub(super) fn close(self) {
        self.terminal.close();
    }

    /// Says something to a person.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        self.terminal.say(line)
    }

    /// Says it in passing.
    pub(super) fn note(&mut self, line: &str) -> Result<(), Failure> {
        let line = self.style.dim(line);
        self.say(&line)
    }

    /// Says something to a script.
    pub(super) fn print(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(value).map_err(Failure::usage)?;
        self.terminal.say(&line)
    }

    /// Says why something was not done.
    pub(super) fn complain(&mut self, error: Error) -> Result<(), Failure> {
        let code = error.refusal().map(|refusal| refusal.spelled.clone());
        let failure = Failure::from(error);
        self.print(&json!({"type": "error", "code": code, "detail": failure.sentence}))?;
        let sentence = printable(&failure.sentence);
        self.say(&format!("! {sentence}"))?;
        match failure.hint {
            Some(hint) => self.note(&format!("  {}", printable(&hint))),
            None => Ok(()),
        }
    }

    /// Shows an event of the open conversation.
    pub(super) fn show(&mut self, event: &Event) -> Result<(), Failure> {
        let own = self.own_user();
        for line in self.style.event(event, &own) {
            self.say(&line)?;
        }
        Ok(())
    }

    pub(super) fn own_user(&self) -> String {
        self.device.user().map(|user| user.id).unwrap_or_default()
    }

    async fn line(&mut self, line: &str) -> Result<(), Failure> {
        match line::read(line) {
            Line::Empty => Ok(()),
            Line::Words(words) => self.send(&words),
            Line::Unknown(command) => {
                self.print(&json!({"type": "error", "code": null, "detail": "no such command"}))?;
                self.note(&format!("{command} is no command: /help lists them"))
            }
            Line::Command(command) => match self.act(command).await {
                Ok(()) => Ok(()),
                Err(Told::Broken(failure)) => Err(failure),
                Err(Told::Refused(error)) => self.complain(error),
            },
        }
    }

    fn update(&mut self, update: Update) -> Result<(), Failure> {
        match update {
            Update::Connecting | Update::Ended(_) => Ok(()),
            Update::Online(online) => {
                self.print(&json!({"type": "online", "unread": online.unread}))?;
                self.is_online = true;
                if std::mem::take(&mut self.was_offline) {
                    self.note("online again")
                } else {
                    Ok(())
                }
            }
            Update::Offline(offline) => self.offline(&offline),
            Update::Event(frame) => self.event(frame),
            Update::Signal(frame) => self.signal(frame),
            Update::Gap(gap) => self.gap(gap),
            Update::Conversation(frame) => self.conversation(frame),
            Update::Restored => {
                self.print(&json!({"type": "restored"}))?;
                self.note(
                    "the server's history was restored from a backup: /open shows what it is now",
                )
            }
        }
    }

    fn offline(&mut self, offline: &Offline) -> Result<(), Failure> {
        self.is_online = false;
        self.was_offline = true;
        let retry_in = offline.retry_in.as_secs_f32();
        self.print(&json!({"type": "offline", "why": offline.why, "retry_in_seconds": retry_in}))?;
        let why = printable(&offline.why);
        self.note(&format!("offline: {why}; trying again in {retry_in:.0} s"))
    }

    fn event(&mut self, frame: EventFrame) -> Result<(), Failure> {
        self.print(&ServerFrame::Event(frame.clone()))?;
        let EventFrame {
            conversation_id,
            event,
        } = frame;
        let own = event.from.user_id.as_deref() == Some(self.own_user().as_str());
        if let Some(open) = self.open.as_mut().filter(|open| open.id == conversation_id) {
            if event.id <= open.newest {
                return Ok(());
            }
            open.newest = event.id;
            self.typing
                .remove(event.from.user_id.as_deref().unwrap_or_default());
            if !own {
                self.saw(&conversation_id, event.id);
            }
            return self.show(&event);
        }
        let Some(place) = self
            .list
            .iter()
            .position(|known| known.id == conversation_id)
        else {
            return Ok(());
        };
        if own || !counts_as_unread(&event) {
            return Ok(());
        }
        self.list[place].unread += 1;
        let text = format!("/open {}: {} wrote", place + 1, printable(&event.from.name));
        let text = format!("{text} in {}", title(&self.list[place]));
        self.note(&text)
    }

    fn signal(&mut self, frame: SignalFrame) -> Result<(), Failure> {
        self.print(&ServerFrame::Signal(frame.clone()))?;
        let is_open = self
            .open
            .as_ref()
            .is_some_and(|open| open.id == frame.conversation_id);
        let user = frame.event.from.user_id.unwrap_or_default();
        if !is_open || frame.event.kind != "typing" || user == self.own_user() {
            return Ok(());
        }
        let body: Value = serde_json::from_str(frame.event.body.get()).unwrap_or_default();
        if body["on"] == json!(true) {
            self.typing.insert(user, printable(&frame.event.from.name));
        } else {
            self.typing.remove(&user);
        }
        Ok(())
    }

    fn gap(&mut self, gap: Gap) -> Result<(), Failure> {
        let missed = gap.last.saturating_sub(gap.after);
        let is_open = self
            .open
            .as_ref()
            .is_some_and(|open| open.id == gap.conversation_id);
        self.print(&ServerFrame::Gap(gap))?;
        if is_open {
            self.note(&format!("{missed} events were missed: /more shows them"))?;
        }
        Ok(())
    }

    fn conversation(&mut self, frame: ConversationFrame) -> Result<(), Failure> {
        self.print(&ServerFrame::Conversation(frame.clone()))?;
        let (change, shown) = (frame.change, frame.conversation);
        match shown {
            ShownConversation::Whole(now) => {
                match self.list.iter_mut().find(|known| known.id == now.id) {
                    Some(known) => *known = now.clone(),
                    None => self.list.push(now.clone()),
                }
                let number = self.list.iter().position(|known| known.id == now.id);
                let number = number.map_or(0, |place| place + 1);
                let is_open = self.open.as_ref().is_some_and(|open| open.id == now.id);
                if change == ConversationChange::Added && !is_open {
                    self.note(&format!("/open {number}: {} is new", title(&now)))?;
                }
                if let Some(open) = self.open.as_mut().filter(|open| open.id == now.id) {
                    open.title = title(&now);
                }
                Ok(())
            }
            ShownConversation::Lost(lost) => {
                let name = self
                    .list
                    .iter()
                    .find(|known| known.id == lost.id)
                    .map(title);
                self.list.retain(|known| known.id != lost.id);
                let was_open = self.open.take_if(|open| open.id == lost.id).is_some();
                match name {
                    Some(name) if was_open => self.note(&format!("you are not in {name} any more")),
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    fn outcome(&mut self, outcome: Result<Event, Error>) -> Result<(), Failure> {
        self.waiting = self.waiting.saturating_sub(1);
        match outcome {
            // It is shown in its turn.
            Ok(_) => Ok(()),
            Err(error) => self.complain(error),
        }
    }

    fn ended(&mut self, ended: &Ended) -> Result<Exit, Failure> {
        let code = match ended {
            Ended::LoggedOut => return Ok(Exit::Done),
            Ended::SignedOut(refusal) | Ended::Refused(refusal) => refusal.spelled.clone(),
        };
        self.print(&json!({"type": "ended", "code": code}))?;
        Err(Failure::refused(ended).hint("log in again with --as USER or --credential-file FILE"))
    }

    fn prompt(&mut self) -> Result<(), Failure> {
        let typing: Vec<&str> = self.typing.values().map(String::as_str).collect();
        let place = self
            .open
            .as_ref()
            .map_or("nowhere", |open| open.title.as_str());
        let typing = match typing.as_slice() {
            [] => String::new(),
            [one] => self.style.dim(&format!(" ({one} is typing)")),
            several => self
                .style
                .dim(&format!(" ({} are typing)", several.join(", "))),
        };
        let place = if self.is_online {
            self.style.bold(place)
        } else {
            self.style.dim(place)
        };
        let prompt = format!("{place}{typing} › ");
        self.terminal.prompt(prompt)
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Told {
    /// The person is told, and chats on.
    Refused(Error),
    /// Nobody can be told any more.
    Broken(Failure),
}

// === impl Told ===

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Told {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

fn counts_as_unread(event: &Event) -> bool {
    let kind = event.kind.as_ref();
    matches!(kind, "text" | "message" | "image") || kind.starts_with("custom:")
}
