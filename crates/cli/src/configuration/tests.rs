//! The layering, and every mistake, as data.

use std::os::unix::ffi::OsStringExt as _;

use super::*;

const FILE: &str = "countersign.toml";

/// What is settled of these flags, these variables and this file.
fn settle(
    flags: &[(Key, &str)],
    variables: &[(&str, &str)],
    file: Option<&str>,
) -> Result<Configuration, Failure> {
    let flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned()));
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    Configuration::settle(&Layers {
        flags: flags.collect(),
        variables: variables.collect(),
        file: file.map(|text| (Path::new(FILE), text)),
    })
}

/// The sentence about a file that is wrong.
fn refused(file: &str) -> String {
    settle(&[], &[], Some(file)).unwrap_err().sentence
}

#[test]
fn nothing_said_is_the_default() {
    let configuration = settle(&[], &[], None).unwrap();
    assert_eq!(configuration.listen.value.to_string(), "127.0.0.1:7080");
    assert_eq!(
        configuration.data_dir.value,
        Path::new("/var/lib/countersign")
    );
    assert_eq!(configuration.log_level.value, Level::INFO);
    assert_eq!(configuration.doors, []);
    assert_eq!(configuration.listen.label(), "listen (by default)");
    assert_eq!(settle(&[], &[], Some("")).unwrap(), configuration);
    assert_eq!(settle(&[], &[], Some("[doors]\n")).unwrap(), configuration);
}

#[test]
fn the_nearer_layer_wins() {
    const ADDRESSES: [&str; 3] = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
    for key in Key::ALL {
        let texts = match key {
            Key::Listen | Key::Door(_) => ADDRESSES,
            Key::DataDir => ["/1", "/2", "/3"],
            Key::LogLevel => ["error", "warn", "trace"],
            Key::LogFormat => ["json", "text", "json"],
            // No setting with a label; see below.
            Key::TrustedProxies => continue,
            // What of a door that is not open was said; see below.
            Key::TlsBy | Key::CertificateFile | Key::PrivateKeyFile | Key::MessagingHost => {
                continue;
            }
        };
        // This door wants a certificate, too.
        if key == Key::Door(VendorDoor::SinchMessaging) {
            continue;
        }
        let file = match key.path().split_once('.') {
            Some((table, name)) => format!("\n[{table}]\n{name} = {:?}", texts[2]),
            None => format!("\n\n{} = {:?}", key.path(), texts[2]),
        };
        let (flags, variable) = ([(key, texts[0])], key.variable());
        let variables = [(variable.as_str(), texts[1])];
        for (flags, variables, file, text, origin) in [
            (
                &flags[..],
                &variables[..],
                Some(&*file),
                texts[0],
                key.flag(),
            ),
            (&[], &variables, Some(&*file), texts[1], key.variable()),
            (&[], &[], Some(&*file), texts[2], format!("{FILE}:3")),
            (&flags, &[], None, texts[0], key.flag()),
        ] {
            let configuration = settle(flags, variables, file).unwrap();
            let (value, label) = shown(&configuration, key);
            assert_eq!(value, text, "{}", key.path());
            assert_eq!(label, format!("{} ({origin})", key.path()));
        }
    }
}

/// A key's value as text, and its label.
fn shown(configuration: &Configuration, key: Key) -> (String, String) {
    match key {
        Key::Listen => {
            let listen = &configuration.listen;
            (listen.value.to_string(), listen.label())
        }
        Key::DataDir => {
            let data_dir = &configuration.data_dir;
            (data_dir.value.display().to_string(), data_dir.label())
        }
        Key::LogLevel => {
            let level = &configuration.log_level;
            (level.value.to_string().to_lowercase(), level.label())
        }
        Key::LogFormat => {
            let format = &configuration.log_format;
            (format.value.as_str().to_owned(), format.label())
        }
        Key::Door(door) => {
            assert_eq!(configuration.doors.len(), 1, "one door is switched on");
            let (open, address) = &configuration.doors[0];
            assert_eq!(*open, door);
            (address.value.to_string(), address.label())
        }
        Key::TrustedProxies
        | Key::TlsBy
        | Key::CertificateFile
        | Key::PrivateKeyFile
        | Key::MessagingHost => {
            unreachable!("these have tests of their own")
        }
    }
}

#[test]
fn proxies_are_named_by_their_addresses() {
    let with = |text| settle(&[(Key::TrustedProxies, text)], &[], None);
    for (text, expected) in [
        ("127.0.0.1", &["127.0.0.1"][..]),
        ("127.0.0.1, ::1,10.0.0.7", &["127.0.0.1", "::1", "10.0.0.7"]),
    ] {
        let found = with(text).unwrap().trusted_proxies;
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }
    for bad in ["", "localhost", "10.0.0.0/8", "127.0.0.1:80", "127.0.0.1,"] {
        let sentence = with(bad).unwrap_err().sentence;
        let expected = format!("trusted_proxies (--trusted-proxies) is {bad:?}; write the IP");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

const MESSAGING: Key = Key::Door(VendorDoor::SinchMessaging);
const OPEN: (Key, &str) = (MESSAGING, "127.0.0.1:7084");
const CERTIFICATE: (Key, &str) = (Key::CertificateFile, "a.pem");
const KEY: (Key, &str) = (Key::PrivateKeyFile, "k.pem");
const PROXY: (Key, &str) = (Key::TlsBy, "proxy");
const HOST: (Key, &str) = (Key::MessagingHost, "m.example");

#[test]
fn the_listener_for_messages_has_a_certificate_or_a_proxy() {
    for (flags, host, encrypted) in [
        (&[OPEN, CERTIFICATE, KEY][..], "127.0.0.1:7084", true),
        (&[OPEN, PROXY], "127.0.0.1:7084", false),
        (&[OPEN, PROXY, HOST], "m.example", false),
        (
            &[(MESSAGING, "[::]:443"), CERTIFICATE, KEY, HOST],
            "m.example",
            true,
        ),
        (
            &[OPEN, CERTIFICATE, KEY, (Key::TlsBy, "own")],
            "127.0.0.1:7084",
            true,
        ),
    ] {
        let configuration = settle(flags, &[], None).unwrap();
        let (_, address) = &configuration.doors[0];
        assert_eq!(configuration.messaging.told(address.value), host);
        assert_eq!(configuration.messaging.is_encrypted(), encrypted);
    }
}

#[test]
fn a_listener_for_messages_that_nobody_reaches_is_refused() {
    let door = "doors.sinch_messaging (--doors-sinch-messaging)";
    for (flags, expected) in [
        (
            &[OPEN][..],
            format!(
                "{door} is 127.0.0.1:7084, and its clients speak TLS alone; name \
                 sinch_messaging.certificate_file and sinch_messaging.key_file, or set \
                 sinch_messaging.tls to \"proxy\" where a proxy in front speaks it"
            ),
        ),
        (
            &[OPEN, CERTIFICATE],
            "sinch_messaging.certificate_file (--sinch-messaging-certificate-file) is a.pem, and \
             sinch_messaging.certificate_file and sinch_messaging.key_file go together; name both"
                .to_owned(),
        ),
        (
            &[OPEN, PROXY, KEY],
            "sinch_messaging.tls (--sinch-messaging-tls) is \"proxy\", and \
             sinch_messaging.key_file (--sinch-messaging-key-file) names what then nobody is \
             shown; remove one of them"
                .to_owned(),
        ),
        (
            &[OPEN, (Key::TlsBy, "off")],
            "sinch_messaging.tls (--sinch-messaging-tls) is \"off\"; write \"own\", or \"proxy\" \
             where a proxy in front speaks TLS"
                .to_owned(),
        ),
        (
            &[(MESSAGING, "0.0.0.0:1"), PROXY],
            format!(
                "{door} is 0.0.0.0:1, which no client can be told; say by what name they reach it \
                 with sinch_messaging.host"
            ),
        ),
        (
            &[OPEN, PROXY, (Key::MessagingHost, "pubsub.example")],
            "sinch_messaging.host (--sinch-messaging-host) is \"pubsub.example\", and clients \
             take a host that begins with ps for another; call it otherwise"
                .to_owned(),
        ),
        (
            &[HOST],
            "sinch_messaging.host (--sinch-messaging-host) is of no use where \
             doors.sinch_messaging is not set; set that, or remove this"
                .to_owned(),
        ),
    ] {
        assert_eq!(settle(flags, &[], None).unwrap_err().sentence, expected);
    }
}

#[test]
fn names_are_made_of_the_key() {
    for (key, flag, variable) in [
        (Key::Listen, "--listen", "COUNTERSIGN_LISTEN"),
        (Key::DataDir, "--data-dir", "COUNTERSIGN_DATA_DIR"),
        (Key::LogLevel, "--log-level", "COUNTERSIGN_LOG_LEVEL"),
        (
            Key::TrustedProxies,
            "--trusted-proxies",
            "COUNTERSIGN_TRUSTED_PROXIES",
        ),
        (
            Key::Door(VendorDoor::SinchMessaging),
            "--doors-sinch-messaging",
            "COUNTERSIGN_DOORS_SINCH_MESSAGING",
        ),
    ] {
        assert_eq!((key.flag(), key.variable()), (flag.into(), variable.into()));
    }
}

#[test]
fn a_wrong_file_is_told_by_its_line() {
    let keys = Key::ALL.map(Key::path).join(", ");
    for (file, expected) in [
        (
            "lisen = \"\"",
            ":1: there is no key \"lisen\"; did you mean \"listen\"?".to_owned(),
        ),
        (
            "# why\n\nport = 1",
            format!(":3: there is no key \"port\"; remove it: the keys are {keys}"),
        ),
        (
            "nexmo = \"127.0.0.1:1\"",
            ":1: there is no key \"nexmo\"; did you mean \"doors.nexmo\"?".to_owned(),
        ),
        (
            "[door]\nnexmo = \"127.0.0.1:1\"",
            ":1: there is no key \"door\"; did you mean \"doors\"?".to_owned(),
        ),
        (
            "[doors]\n\nkustmer = \"127.0.0.1:1\"",
            ":3: there is no key \"doors.kustmer\"; did you mean \"doors.kustomer\"?".to_owned(),
        ),
        (
            "[doors]\nlisten = \"127.0.0.1:1\"",
            ":2: there is no key \"doors.listen\"; did you mean \"listen\"?".to_owned(),
        ),
        (
            "\nlisten = 7080",
            ":2: listen is an integer, and a text is wanted; write it in quotes".to_owned(),
        ),
        (
            "doors.sinch = true",
            ":1: doors.sinch is true or false, and a text is wanted; write it in quotes".to_owned(),
        ),
        (
            "doors = \"nexmo\"",
            ":1: doors is a text, and a table is wanted; write [doors] and its keys below"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(file), format!("{FILE}{expected}"));
    }
    for (file, line) in [
        ("listen", 1),
        ("\nlisten = \"", 2),
        ("listen = ''\nlisten = ''", 2),
    ] {
        let sentence = refused(file);
        assert!(
            sentence.starts_with(&format!("{FILE}:{line}: this is no TOML: ")),
            "{sentence}"
        );
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn a_wrong_value_is_told_by_its_key_and_place() {
    let no_address = "which is no address; write an IP address and a port, such as 127.0.0.1:7080";
    for (flags, variables, file, expected) in [
        (
            &[(Key::Listen, "7080")][..],
            &[][..],
            None,
            format!("listen (--listen) is \"7080\", {no_address}"),
        ),
        (
            &[],
            &[("COUNTERSIGN_LISTEN", "")],
            None,
            format!("listen (COUNTERSIGN_LISTEN) is \"\", {no_address}"),
        ),
        (
            &[],
            &[],
            Some("\n[doors]\nnexmo = \"localhost:7081\""),
            format!("doors.nexmo ({FILE}:3) is \"localhost:7081\", {no_address}"),
        ),
        (
            &[],
            &[("COUNTERSIGN_LOG_LEVEL", "loud")],
            None,
            "log_level (COUNTERSIGN_LOG_LEVEL) is \"loud\", which is no level of the log; write \
             one of error, warn, info, debug, trace"
                .to_owned(),
        ),
        (
            &[],
            &[],
            Some("\nlog_format = \"xml\""),
            format!(
                "log_format ({FILE}:2) is \"xml\", which is no format of the log; write one of \
                 text, json"
            ),
        ),
        (
            &[(Key::DataDir, "")],
            &[],
            None,
            "data_dir (--data-dir) is empty; name a folder, such as /var/lib/countersign"
                .to_owned(),
        ),
        (
            &[],
            &[("COUNTERSIGN_LISTN", "127.0.0.1:1")],
            None,
            "COUNTERSIGN_LISTN is no variable that is read; did you mean COUNTERSIGN_LISTEN?"
                .to_owned(),
        ),
        (
            &[(Key::Door(VendorDoor::Sinch), "127.0.0.1:7080")],
            &[],
            None,
            "listen (by default) is 127.0.0.1:7080, and so is doors.sinch (--doors-sinch) with \
             127.0.0.1:7080; give each door an address of its own"
                .to_owned(),
        ),
    ] {
        let failure = settle(flags, variables, file).unwrap_err();
        assert_eq!(failure.sentence, expected);
        assert_eq!(failure.hint, None);
    }
}

#[test]
fn variables_of_others_are_let_be() {
    for name in [
        "COUNTERSIGN_URL",
        "COUNTERSIGN_KEY",
        "COUNTERSIGN_KEY_FILE",
        "COUNTERSIGN_CONFIG",
        // What an orchestrator makes for a service of our name.
        "COUNTERSIGN_SERVICE_HOST",
        "COUNTERSIGN_PORT_7080_TCP_ADDR",
        "LISTEN",
    ] {
        settle(&[], &[(name, "x")], None).unwrap();
    }
    let broken = OsString::from_vec(vec![0xff]);
    let layers = Layers {
        variables: BTreeMap::from([("COUNTERSIGN_LISTEN".to_owned(), broken)]),
        ..Layers::default()
    };
    let failure = Configuration::settle(&layers).unwrap_err();
    assert!(
        failure
            .sentence
            .starts_with("COUNTERSIGN_LISTEN is no text")
    );
}

#[test]
fn addresses_overlap_where_a_connection_could_go_to_both() {
    for (one, other, expected) in [
        ("127.0.0.1:1", "127.0.0.1:1", true),
        ("127.0.0.1:1", "127.0.0.1:2", false),
        ("127.0.0.1:1", "127.0.0.2:1", false),
        ("0.0.0.0:1", "127.0.0.1:1", true),
        ("[::]:1", "127.0.0.1:1", true),
        ("[::]:1", "0.0.0.0:1", true),
        ("[::]:1", "[::1]:1", true),
        ("0.0.0.0:1", "[::1]:1", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        let [left, right]: [SocketAddr; 2] = [one, other].map(|text| text.parse().unwrap());
        assert_eq!(overlap(left, right), expected, "{one} {other}");
        assert_eq!(overlap(right, left), expected, "{other} {one}");
    }
}
