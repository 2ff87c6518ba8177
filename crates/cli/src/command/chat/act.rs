//! What the commands do.

use countersign_client::error::Error;
use countersign_client::live::new_event;
use countersign_client::login::LoggedOut;
use countersign_client::resources::Part;
use countersign_wire::code::Code;
use countersign_wire::conversation::{Conversation, NewConversation};
use countersign_wire::event::TextBody;
use countersign_wire::member::{Member, MemberState, UserReference};
use serde_json::json;

use super::line::{Command, HELP};
use super::room::{Open, Room, Told};
use super::transcript::title;
use crate::exit::Failure;
use crate::output::printable;

/// Conversations that are listed.
const LISTED_MAX: usize = 500;
/// Events that are shown at once.
const SHOWN_MAX: usize = 30;

// === impl Room ===

impl Room<'_> {
    /// Says who the person is, lists the conversations, and opens one.
    pub(super) async fn greet(&mut self, open: Option<&str>) -> Result<(), Failure> {
        let greeted = async {
            self.me()?;
            self.read_list().await?;
            match open {
                Some(which) => self.open(which).await,
                None if self.list.is_empty() => {
                    self.note(
                        "no conversations yet: /new begins one, /help says what else there is",
                    )?;
                    Ok(())
                }
                None => {
                    self.show_list()?;
                    let newest = self.list[0].id.clone();
                    self.open(&newest).await
                }
            }
        };
        match greeted.await {
            Ok(()) => Ok(()),
            Err(Told::Broken(failure)) => Err(failure),
            Err(Told::Refused(error @ (Error::SignedOut(_) | Error::NotLoggedIn))) => {
                Err(error.into())
            }
            // Out of reach for now, for one: what the device knows is enough to
            // begin with.
            Err(Told::Refused(error)) => self.complain(error),
        }
    }

    pub(super) async fn act(&mut self, command: Command) -> Result<(), Told> {
        match command {
            Command::Help => self.help()?,
            Command::List => {
                self.read_list().await?;
                self.show_list()?;
            }
            Command::New(name) => self.begin(name).await?,
            Command::Open(which) => self.open(&which).await?,
            Command::Join(which) => self.join(which.as_deref()).await?,
            Command::Invite(user) => self.invite(&user).await?,
            Command::Who => self.who().await?,
            Command::Leave => self.leave().await?,
            Command::More => self.more().await?,
            Command::Devices => self.list_devices().await?,
            Command::SignOut(which) => self.sign_out(&which).await?,
            Command::Me => self.me()?,
            Command::LogOut => self.log_out().await?,
            Command::Quit => self.is_over = true,
        }
        Ok(())
    }

    /// Sends words into the open conversation, now or as soon as it goes.
    pub(super) fn send(&mut self, words: &str) -> Result<(), Failure> {
        let Some(open) = &self.open else {
            return self.complain(Error::Setup(
                "no conversation is open: /list shows yours, /new begins one".to_owned(),
            ));
        };
        let body = TextBody {
            text: words.to_owned(),
        };
        let event = new_event("text", &body);
        let queued = match event.and_then(|event| self.sender.queue(&open.id, event)) {
            Ok(queued) => queued,
            Err(error) => return self.complain(error),
        };
        self.waiting += 1;
        let outcomes = self.outcomes.clone();
        tokio::spawn(async move {
            // Whoever would be told may have gone.
            let _ = outcomes.send(queued.sent().await).await;
        });
        Ok(())
    }

    /// Tells the others that the person has seen everything up to an event.
    pub(super) fn saw(&self, conversation: &str, event: u64) {
        // It is said again with the next event.
        let _ = self.sender.seen(conversation, event);
    }

    fn help(&mut self) -> Result<(), Failure> {
        for (usage, what) in HELP {
            self.say(&format!("  {usage:<18}{what}"))?;
        }
        Ok(())
    }

    fn me(&mut self) -> Result<(), Failure> {
        let Some(user) = self.device.user() else {
            return Ok(());
        };
        self.print(&json!({"type": "me", "user": user, "session_id": self.device.session_id()}))?;
        let names = [&user.name, &user.external_id, &user.email];
        let name = names.into_iter().flatten().next();
        match name {
            Some(name) => self.note(&format!("you are {} ({})", printable(name), user.id)),
            None => self.note(&format!(
                "you are a visitor ({}): only this device sees what you write",
                user.id
            )),
        }
    }

    async fn read_list(&mut self) -> Result<(), Told> {
        let mut list = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.device.conversations(cursor.as_deref()).await?;
            list.extend(page.conversations);
            cursor = page.next;
            if cursor.is_none() || list.len() >= LISTED_MAX {
                break;
            }
        }
        self.list = list;
        Ok(())
    }

    fn show_list(&mut self) -> Result<(), Failure> {
        self.print(&json!({"type": "conversations", "conversations": self.list}))?;
        let open = self.open.as_ref().map(|open| open.id.as_str());
        let line = |(place, one): (usize, &Conversation)| {
            self.style
                .conversation(place + 1, one, open == Some(one.id.as_str()))
        };
        let lines: Vec<String> = self.list.iter().enumerate().map(line).collect();
        if lines.is_empty() {
            return self.note("no conversations yet: /new begins one");
        }
        lines.iter().try_for_each(|line| self.say(line))
    }

    async fn begin(&mut self, name: Option<String>) -> Result<(), Told> {
        let new = NewConversation {
            display_name: name,
            ..NewConversation::default()
        };
        let made = self.device.create_conversation(&new).await?;
        if !self.list.iter().any(|known| known.id == made.id) {
            self.list.insert(0, made.clone());
        }
        self.enter(&made).await?;
        self.note("/invite USER asks somebody in")?;
        Ok(())
    }

    async fn open(&mut self, which: &str) -> Result<(), Told> {
        let found = self.find(which)?;
        self.enter(&found).await
    }

    /// One of the list, by number, id, or what it is called.
    fn find(&self, which: &str) -> Result<Conversation, Error> {
        let number = which
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let by_number = number.and_then(|place| self.list.get(place));
        let is_it = |known: &&Conversation| {
            known.id == which || known.name.as_deref() == Some(which) || title(known) == which
        };
        let found = by_number.or_else(|| self.list.iter().find(is_it));
        found.cloned().ok_or_else(|| {
            Error::Setup(format!(
                "there is no conversation {which} in the list: /list shows it"
            ))
        })
    }

    async fn enter(&mut self, conversation: &Conversation) -> Result<(), Told> {
        let id = &conversation.id;
        let title = title(conversation);
        let state = self.own_place(id).await?.map(|place| place.state);
        let events = match state {
            // What is said is for those who are in.
            Some(MemberState::Invited) => Vec::new(),
            Some(MemberState::Joined | MemberState::Left) | None => {
                self.device.events(id, Part::Newest).await?
            }
        };
        let shown = &events[events.len().saturating_sub(SHOWN_MAX)..];
        self.open = Some(Open {
            id: id.clone(),
            title: title.clone(),
            oldest: shown.first().map_or(1, |event| event.id),
            newest: events.last().map_or(0, |event| event.id),
        });
        if let Some(known) = self.list.iter_mut().find(|known| known.id == *id) {
            known.unread = 0;
        }
        self.print(&json!({"type": "opened", "conversation_id": id, "events": events}))?;
        self.note(&format!("── {title} ──"))?;
        for event in shown {
            self.show(event)?;
        }
        match state {
            Some(MemberState::Invited) => {
                self.note("you are invited: /join to read and write, /leave to decline")?;
            }
            Some(MemberState::Joined) if !events.is_empty() => {
                self.saw(
                    id,
                    conversation
                        .last_event_id
                        .max(shown.last().map_or(0, |e| e.id)),
                );
            }
            Some(MemberState::Joined | MemberState::Left) | None => {}
        }
        Ok(())
    }

    /// The person's own place in a conversation.
    async fn own_place(&self, conversation: &str) -> Result<Option<Member>, Error> {
        let own = self.own_user();
        let mut cursor = None;
        loop {
            let page = self.device.members(conversation, cursor.as_deref()).await?;
            let is_own = |member: &Member| member.user_id == own;
            if let Some(member) = page.members.into_iter().find(is_own) {
                return Ok(Some(member));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }

    async fn join(&mut self, which: Option<&str>) -> Result<(), Told> {
        let id = match which {
            Some(which) => self.find(which)?.id,
            None => self.open_id()?,
        };
        self.device.join(&id).await?;
        let joined = self.device.conversation(&id).await?;
        self.enter(&joined).await
    }

    async fn invite(&mut self, user: &str) -> Result<(), Told> {
        let id = self.open_id()?;
        let text = Some(user.to_owned());
        let by_id = UserReference {
            id: text.clone(),
            ..UserReference::default()
        };
        let by_name = UserReference {
            name: text.clone(),
            ..UserReference::default()
        };
        let by_external_id = UserReference {
            external_id: text,
            ..UserReference::default()
        };
        if user.starts_with("USR-") {
            self.device.invite(&id, by_id).await?;
            return Ok(());
        }
        match self.device.invite(&id, by_external_id).await {
            Err(Error::Refused(refusal)) if refusal.code == Code::NotFound => {
                self.device.invite(&id, by_name).await?;
            }
            invited => {
                invited?;
            }
        }
        Ok(())
    }

    async fn who(&mut self) -> Result<(), Told> {
        let id = self.open_id()?;
        let mut cursor = None;
        loop {
            let page = self.device.members(&id, cursor.as_deref()).await?;
            self.print(&json!({"type": "members", "members": page.members}))?;
            for member in page.members {
                let state = match member.state {
                    MemberState::Joined => "",
                    MemberState::Invited => "  (invited)",
                    MemberState::Left => "  (left)",
                };
                self.say(&format!("  {}{state}", printable(&member.name)))?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn leave(&mut self) -> Result<(), Told> {
        let id = self.open_id()?;
        if let Some(place) = self.own_place(&id).await? {
            self.device.leave(&id, &place.id).await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Told> {
        let id = self.open_id()?;
        let oldest = self.open.as_ref().map_or(1, |open| open.oldest);
        if oldest <= 1 {
            self.note("that is all of it")?;
            return Ok(());
        }
        let events = self.device.events(&id, Part::Before(oldest)).await?;
        let shown = &events[events.len().saturating_sub(SHOWN_MAX)..];
        self.print(&json!({"type": "earlier", "conversation_id": id, "events": shown}))?;
        for event in shown {
            self.show(event)?;
        }
        let first = shown.first().map_or(1, |event| event.id);
        if let Some(open) = &mut self.open {
            open.oldest = first;
        }
        self.note("── up to here you have seen it above ──")?;
        Ok(())
    }

    async fn list_devices(&mut self) -> Result<(), Told> {
        let devices = self.device.devices().await?.devices;
        self.print(&json!({"type": "devices", "devices": devices}))?;
        for (place, device) in devices.iter().enumerate() {
            let name = device.name.as_deref().unwrap_or("without a name");
            let mark = if device.current { "  (this one)" } else { "" };
            let seen = self.style.time(device.last_seen_at);
            let line = format!(
                "{:>4}  {}, last seen {seen}{mark}",
                place + 1,
                printable(name)
            );
            self.say(&line)?;
        }
        self.devices = devices;
        Ok(())
    }

    async fn sign_out(&mut self, which: &str) -> Result<(), Told> {
        if which == "others" {
            self.device.sign_out_others().await?;
            self.note("all other devices are signed out")?;
            return Ok(());
        }
        let number = which
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let listed = number.and_then(|place| self.devices.get(place));
        let device = listed.or_else(|| self.devices.iter().find(|device| device.id == which));
        let device = device.cloned().ok_or_else(|| {
            Error::Setup(format!(
                "there is no device {which} in the list: /devices shows it"
            ))
        })?;
        self.device.sign_out_device(&device.id).await?;
        let name = device.name.unwrap_or(device.id);
        self.note(&format!("{} is signed out", printable(&name)))?;
        Ok(())
    }

    async fn log_out(&mut self) -> Result<(), Told> {
        let how = match self.device.log_out().await? {
            LoggedOut::Everywhere => "logged out; what you wrote stays",
            LoggedOut::AtNextContact => {
                "logged out here; the server hears of it when it is in reach again"
            }
        };
        self.note(how)?;
        self.is_over = true;
        self.waiting = 0;
        Ok(())
    }

    fn open_id(&self) -> Result<String, Error> {
        let open = self.open.as_ref().map(|open| open.id.clone());
        open.ok_or_else(|| {
            Error::Setup("no conversation is open: /list shows yours, /new begins one".to_owned())
        })
    }
}
