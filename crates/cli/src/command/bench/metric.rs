//! What is measured, in which unit, and what is wanted of it.
//!
//! The bars are the project's own: what must be, and what is aimed at. Each
//! number beside a peer's is of the same driver and the same run.

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    FirstLogin,
    Login,
    LoginsInASecond,
    LoginP50,
    LoginP99,
    OwnUserSeen,
    OwnUserFirst,
    Idle,
    Message,
    MessagesInASecond,
    MessageP50,
    MessageP99,
    FanOut,
    FanOutLastP50,
    FanOutLastMax,
    Page,
    PageP50,
    PageP99,
    Start,
    IdleServer,
    Program,
    ClosedP50,
    ClosedP99,
    ClosedMax,
    RevokedMax,
    CloseCpu,
    NexmoLogin,
    NexmoLoginsInASecond,
    NexmoLoginP50,
    NexmoLoginP99,
    NexmoIdle,
    SinchIdle,
    SinchMessage,
    SinchMessagesInASecond,
    SinchMessageP50,
    SinchMessageP99,
    DiskP50,
    DiskP99,
}

/// What a metric is called, and what is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Card {
    /// The workload's number.
    pub(super) workload: &'static str,
    /// What it is of.
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// What the number is to stay below.
    pub(super) bar: Option<Bar>,
    /// At most so many times the floor's.
    pub(super) floor_at_most: Option<f64>,
    /// At least so many times better than socket.io.
    pub(super) socketio_at_least: Option<f64>,
    /// Whether more is better.
    pub(super) grows: bool,
}

/// What a number is to stay below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bar {
    /// Numbers of the metric's unit.
    Plain { must: f64, goal: f64 },
    /// So many times what the disk took for one write, in the median, in the same run.
    TimesDisk { must: f64, goal: f64 },
}

// === impl Metric ===

impl Metric {
    /// What it is called, and what is wanted of it.
    pub(super) fn card(self) -> Card {
        match self {
            Self::FirstLogin => card("W1", "first login, which makes the user", "ms CPU"),
            Self::Login => card("W1", "login of a known user", "ms CPU")
                .bar(0.15, 0.13)
                .beside(1.3, 4.0),
            Self::LoginsInASecond => card("W1", "logins", "/s").that_grows(),
            Self::LoginP50 => card("W1", "login, p50", "ms"),
            Self::LoginP99 => card("W1", "login, p99", "ms"),
            Self::OwnUserSeen => card("W2", "GET own user, a token that was seen", "us CPU")
                .bar(15.0, 12.0)
                .beside_socketio(19.0),
            Self::OwnUserFirst => {
                card("W2", "GET own user, a token's first use", "us CPU").bar(60.0, 60.0)
            }
            Self::Idle => card("W3", "idle connection", "KiB")
                .bar(12.0, 8.0)
                .beside(1.1, 2.0),
            Self::Message => card("W4", "durable message, closed loop", "us CPU")
                .bar(60.0, 40.0)
                .beside(1.4, 4.0),
            Self::MessagesInASecond => card("W4", "durable messages, closed loop", "/s")
                .that_grows()
                .beside_socketio(5.0),
            Self::MessageP50 => card("W4", "send to delivery, p50", "ms")
                .disk_bar(4.0, 3.0)
                .beside_socketio(1.0),
            Self::MessageP99 => card("W4", "send to delivery, p99", "ms").disk_bar(25.0, 25.0),
            Self::FanOut => card("W5", "delivery of one to many", "us CPU")
                .bar(12.0, 9.0)
                .beside_socketio(1.0),
            Self::FanOutLastP50 => card("W5", "last member, p50", "ms").bar(30.0, 30.0),
            Self::FanOutLastMax => card("W5", "last member, max", "ms"),
            Self::Page => card("W6", "page of 100 events", "us CPU").bar(150.0, 100.0),
            Self::PageP50 => card("W6", "page of 100 events, p50", "ms"),
            Self::PageP99 => card("W6", "page of 100 events, p99", "ms"),
            Self::Start => card("W7", "start to first login", "ms").bar(100.0, 50.0),
            Self::IdleServer => card("W7", "idle server", "MiB").bar(20.0, 12.0),
            Self::Program => card("W7", "the program", "MiB").bar(20.0, 15.0),
            Self::ClosedP50 => card("W8", "answer to close, p50", "ms"),
            Self::ClosedP99 => card("W8", "answer to close, p99", "ms").bar(50.0, 20.0),
            Self::ClosedMax => card("W8", "answer to close, max", "ms"),
            Self::RevokedMax => card("W8", "request to the last close", "ms"),
            Self::CloseCpu => card("W8", "close, with its share of the revocation", "us CPU"),
            Self::NexmoLogin => card("nexmo", "Socket.IO login of a known user", "ms CPU"),
            Self::NexmoLoginsInASecond => card("nexmo", "Socket.IO logins", "/s").that_grows(),
            Self::NexmoLoginP50 => card("nexmo", "Socket.IO login, p50", "ms"),
            Self::NexmoLoginP99 => card("nexmo", "Socket.IO login, p99", "ms"),
            Self::NexmoIdle => card("nexmo", "idle Socket.IO connection", "KiB").bar(20.0, 20.0),
            Self::SinchIdle => card("sinch", "client in long poll, over TLS", "KiB"),
            Self::SinchMessage => card("sinch", "message with its receipt", "us CPU"),
            Self::SinchMessagesInASecond => card("sinch", "messages", "/s").that_grows(),
            Self::SinchMessageP50 => card("sinch", "send to delivery, p50", "ms"),
            Self::SinchMessageP99 => card("sinch", "send to delivery, p99", "ms"),
            Self::DiskP50 => card("disk", "300 bytes and fdatasync, p50", "ms"),
            Self::DiskP99 => card("disk", "300 bytes and fdatasync, p99", "ms"),
        }
    }
}

// === impl Card ===

impl Card {
    fn bar(mut self, must: f64, goal: f64) -> Self {
        self.bar = Some(Bar::Plain { must, goal });
        self
    }

    fn disk_bar(mut self, must: f64, goal: f64) -> Self {
        self.bar = Some(Bar::TimesDisk { must, goal });
        self
    }

    fn beside(mut self, floor_at_most: f64, socketio_at_least: f64) -> Self {
        self.floor_at_most = Some(floor_at_most);
        self.beside_socketio(socketio_at_least)
    }

    fn beside_socketio(mut self, at_least: f64) -> Self {
        self.socketio_at_least = Some(at_least);
        self
    }

    fn that_grows(mut self) -> Self {
        self.grows = true;
        self
    }
}

const fn card(workload: &'static str, name: &'static str, unit: &'static str) -> Card {
    Card {
        workload,
        name,
        unit,
        bar: None,
        floor_at_most: None,
        socketio_at_least: None,
        grows: false,
    }
}
