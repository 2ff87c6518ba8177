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
    Configuration::settle(&Layers {
        flags: flags.collect(),
        variables: variables_of(variables),
        file: file.map(|text| (Path::new(FILE), text)),
    })
}

fn variables_of(variables: &[(&str, &str)]) -> BTreeMap<String, OsString> {
    let variables = variables.iter();
    let owned = variables.map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    owned.collect()
}

/// The sentence about a file that is wrong.
fn refused(file: &str) -> String {
    settle(&[], &[], Some(file)).unwrap_err().sentence
}

#[test]
fn nothing_said_is_the_default() {
    let configuration = settle(&[], &[], None).unwrap();
    let native = &configuration.native;
    assert_eq!(native.address.value.to_string(), "127.0.0.1:7080");
    assert_eq!(native.address.label(), "listen (by default)");
    assert_eq!(native.certificate, Certificate::None);
    assert_eq!(configuration.key, KeySource::Folder);
    assert_eq!(
        configuration.data_dir.value,
        Path::new("/var/lib/countersign")
    );
    assert_eq!(configuration.log_level.value, Level::INFO);
    assert_eq!(configuration.doors, []);
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
            // No setting with a label, or nothing by itself; see below.
            Key::TrustedProxies
            | Key::SealingKeyFile
            | Key::TlsCertificateFile
            | Key::TlsKeyFile
            | Key::PlainDoors
            | Key::MessagingTls
            | Key::MessagingCertificateFile
            | Key::MessagingKeyFile
            | Key::MessagingHost => continue,
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
            let listen = &configuration.native.address;
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
            let (open, Listening { address, .. }) = &configuration.doors[0];
            assert_eq!(*open, door);
            (address.value.to_string(), address.label())
        }
        Key::TrustedProxies
        | Key::SealingKeyFile
        | Key::TlsCertificateFile
        | Key::TlsKeyFile
        | Key::PlainDoors
        | Key::MessagingTls
        | Key::MessagingCertificateFile
        | Key::MessagingKeyFile
        | Key::MessagingHost => {
            unreachable!("these have tests of their own")
        }
    }
}

#[test]
fn proxies_are_named_by_their_addresses_or_networks() {
    let with = |text| settle(&[(Key::TrustedProxies, text)], &[], None);
    for (text, expected) in [
        ("127.0.0.1", &["127.0.0.1/32"][..]),
        (
            "127.0.0.1, ::1,10.0.0.0/8",
            &["127.0.0.1/32", "::1/128", "10.0.0.0/8"],
        ),
    ] {
        let found = with(text).unwrap().trusted_proxies;
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }
    for bad in [
        "",
        "localhost",
        "10.0.0.0/33",
        "10/8",
        "127.0.0.1:80",
        "127.0.0.1,",
    ] {
        let sentence = with(bad).unwrap_err().sentence;
        let expected = format!("trusted_proxies (--trusted-proxies) is {bad:?}; write the IP");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

const MESSAGING: Key = Key::Door(VendorDoor::SinchMessaging);
const OPEN: (Key, &str) = (MESSAGING, "127.0.0.1:7084");
const CERTIFICATE: (Key, &str) = (Key::MessagingCertificateFile, "a.pem");
const KEY: (Key, &str) = (Key::MessagingKeyFile, "k.pem");
const PROXY: (Key, &str) = (Key::MessagingTls, "proxy");
const HOST: (Key, &str) = (Key::MessagingHost, "m.example");
const OF_ALL: (Key, &str) = (Key::TlsCertificateFile, "all.pem");
const KEY_OF_ALL: (Key, &str) = (Key::TlsKeyFile, "all-key.pem");
const NEXMO: (Key, &str) = (Key::Door(VendorDoor::Nexmo), "127.0.0.1:7081");

/// The certificate that is shown, by its file's name.
fn file_of(listening: &Listening) -> &str {
    match &listening.certificate {
        Certificate::Files(files) => files.certificate.value.to_str().unwrap(),
        Certificate::None => "",
        Certificate::Made => panic!("nothing is made in production"),
    }
}

#[test]
fn the_listener_for_messages_has_a_certificate_or_a_proxy() {
    for (flags, host, shown) in [
        (&[OPEN, CERTIFICATE, KEY][..], None, "a.pem"),
        (&[OPEN, PROXY], None, ""),
        (&[OPEN, PROXY, HOST], Some("m.example"), ""),
        (
            &[(MESSAGING, "[::]:443"), CERTIFICATE, KEY, HOST],
            Some("m.example"),
            "a.pem",
        ),
        (
            &[OPEN, CERTIFICATE, KEY, (Key::MessagingTls, "own")],
            None,
            "a.pem",
        ),
        (&[OPEN, OF_ALL, KEY_OF_ALL], None, "all.pem"),
        (&[OPEN, OF_ALL, KEY_OF_ALL, CERTIFICATE, KEY], None, "a.pem"),
        (&[OPEN, OF_ALL, KEY_OF_ALL, PROXY], None, ""),
    ] {
        let configuration = settle(flags, &[], None).unwrap();
        let told = configuration.messaging_host.as_ref();
        assert_eq!(told.map(|host| &*host.value), host);
        assert_eq!(file_of(&configuration.doors[0].1), shown);
    }
}

#[test]
fn one_certificate_is_for_all_doors_that_are_not_said_to_be_plain() {
    let sinch = (Key::Door(VendorDoor::Sinch), "127.0.0.1:7083");
    for (plain, expected) in [
        (None, ["all.pem", "all.pem", "all.pem"]),
        (Some("native"), ["", "all.pem", "all.pem"]),
        (Some("sinch, native"), ["", "all.pem", ""]),
        (Some("native,nexmo,sinch"), ["", "", ""]),
    ] {
        let mut flags = vec![OF_ALL, KEY_OF_ALL, NEXMO, sinch];
        flags.extend(plain.map(|doors| (Key::PlainDoors, doors)));
        let configuration = settle(&flags, &[], None).unwrap();
        let doors = configuration.doors.iter().map(|(_, listening)| listening);
        let all = std::iter::once(&configuration.native).chain(doors);
        assert_eq!(all.map(file_of).collect::<Vec<_>>(), expected, "{plain:?}");
    }
}

#[test]
fn what_of_tls_has_no_effect_is_refused() {
    let plain = "tls.plain_doors (--tls-plain-doors)";
    for (flags, expected) in [
        (
            &[OF_ALL][..],
            "tls.certificate_file (--tls-certificate-file) is all.pem, and tls.certificate_file \
             and tls.key_file go together; name both"
                .to_owned(),
        ),
        (
            &[(Key::PlainDoors, "native")],
            format!(
                "{plain} is of no use where tls.certificate_file is not set; set that, or remove \
                 this"
            ),
        ),
        (
            &[OF_ALL, KEY_OF_ALL, (Key::PlainDoors, "nexmo")],
            format!("{plain} names nexmo, which is not open; set doors.nexmo, or do not name it"),
        ),
        (
            &[
                OF_ALL,
                KEY_OF_ALL,
                OPEN,
                (Key::PlainDoors, "sinch_messaging"),
            ],
            format!("{plain} names sinch_messaging; set sinch_messaging.tls to \"proxy\" instead"),
        ),
        (
            &[OF_ALL, KEY_OF_ALL, (Key::PlainDoors, "nativ")],
            format!("{plain} names \"nativ\", which is no door; did you mean \"native\"?"),
        ),
        (
            &[OF_ALL, KEY_OF_ALL, NEXMO, (Key::PlainDoors, "nexmo,")],
            format!(
                "{plain} names \"\", which is no door; write some of native, nexmo, kustomer, sinch"
            ),
        ),
    ] {
        assert_eq!(settle(flags, &[], None).unwrap_err().sentence, expected);
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
                 tls.certificate_file and tls.key_file, or set sinch_messaging.tls to \"proxy\" \
                 where a proxy in front speaks it"
            ),
        ),
        (
            &[OPEN, CERTIFICATE],
            "sinch_messaging.certificate_file (--sinch-messaging-certificate-file) is a.pem, and \
             sinch_messaging.certificate_file and sinch_messaging.key_file go together; name both"
                .to_owned(),
        ),
        (
            &[OPEN, PROXY, CERTIFICATE, KEY],
            "sinch_messaging.tls (--sinch-messaging-tls) is \"proxy\", and \
             sinch_messaging.certificate_file (--sinch-messaging-certificate-file) names what then \
             nobody is shown; remove one of them"
                .to_owned(),
        ),
        (
            &[OPEN, (Key::MessagingTls, "off")],
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
fn the_key_that_seals_comes_from_one_place() {
    const FILE_FLAG: (Key, &str) = (Key::SealingKeyFile, "/run/credentials/own/key");
    let source = |flags: &[(Key, &str)], variables: &[(&str, &str)]| {
        settle(flags, variables, None).map(|configuration| configuration.key)
    };
    let file = source(&[FILE_FLAG], &[]).unwrap();
    assert!(matches!(file, KeySource::File(_)), "{file:?}");
    for (folder, expected) in [
        ("/run/credentials/own", true),
        ("/run/credentials/ow", false),
    ] {
        let given = source(&[FILE_FLAG], &[("CREDENTIALS_DIRECTORY", folder)]).unwrap();
        assert_eq!(
            matches!(given, KeySource::Credential(_)),
            expected,
            "{given:?}"
        );
    }
    let secret = [("COUNTERSIGN_KEY_ENCRYPTION_KEY", "c2VjcmV0")];
    let variable = source(&[], &secret).unwrap();
    assert!(matches!(variable, KeySource::Variable(_)));
    assert!(!format!("{variable:?}").contains("c2VjcmV0"));
    let sentence = source(&[FILE_FLAG], &secret).unwrap_err().sentence;
    assert_eq!(
        sentence,
        "key_encryption_key_file (--key-encryption-key-file) is \"/run/credentials/own/key\", and \
         COUNTERSIGN_KEY_ENCRYPTION_KEY is set, too; keep one of them"
    );
}

#[test]
fn what_every_key_comes_to_is_told_but_for_the_secret() {
    let variables = variables_of(&[
        ("COUNTERSIGN_LOG_LEVEL", "quiet"),
        ("COUNTERSIGN_KEY_ENCRYPTION_KEY", "c2VjcmV0"),
    ]);
    let effective = effective(&Layers {
        flags: vec![(Key::Listen, "somewhere".to_owned())],
        variables,
        file: Some((Path::new(FILE), "[tls]\nkey_file = \"k.pem\"")),
    })
    .unwrap();
    assert_eq!(effective.len(), Key::ALL.len() + 1);
    let of = |key: &str| {
        let setting = effective.iter().find(|setting| setting.key == key).unwrap();
        (setting.value.as_deref(), setting.origin.to_string())
    };
    for (key, value, origin) in [
        ("listen", Some("somewhere"), "--listen"),
        ("log_level", Some("quiet"), "COUNTERSIGN_LOG_LEVEL"),
        ("tls.key_file", Some("k.pem"), "countersign.toml:2"),
        ("data_dir", Some("/var/lib/countersign"), "by default"),
        ("doors.nexmo", None, "by default"),
        ("key_encryption_key", None, "COUNTERSIGN_KEY_ENCRYPTION_KEY"),
    ] {
        assert_eq!(of(key), (value, origin.to_owned()), "{key}");
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
