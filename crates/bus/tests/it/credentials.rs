//! Logins by credentials files, as NATS's own tool `nsc` makes them: a chain of signed claims from the operator of servers to a user.

use bus::Reason;
use bus::nats::{Options, connect_reader};
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use testbed::NatsServer;

use super::nats::{reading, sending};
use super::*;

/// What an issuer states of a subject, signed: a JWT as NATS has them.
fn signed(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let claims =
        json!({"iss": issuer.public_key(), "sub": subject.public_key(), "jti": "test", "iat": 1, "nats": claims});
    let text = format!("{}.{}", part(json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(claims));
    let signature = issuer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_the_server_to_whom_they_name() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let of_operator = signed(&operator, &operator, json!({"type": "operator", "version": 2}));
    let all = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1});
    let of_account = signed(&operator, &account, json!({"type": "account", "version": 2, "limits": all}));
    let config = format!(
        "operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {}: {of_account} }}",
        account.public_key()
    );
    let server = NatsServer::start(&config).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let credentials = |issuer: &KeyPair, keys: &KeyPair| {
        let of_user =
            signed(issuer, &user, json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}));
        let seed = keys.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let path = dir.path().join(format!("{}.creds", fastrand::u64(..)));
        std::fs::write(&path, text).unwrap();
        Options { credentials: Some(path), ..Options::new(server.url()) }
    };

    let good = credentials(&account, &user);
    let (_bus, mut reader) = reading(&good).await;
    let sender = sending("alice", good);
    publish(&sender.publisher, 0..10).await;
    sender.end().await;
    let got = read_run(&mut reader).await;
    assert_eq!((got.numbers.len(), got.missing), (10, 0));

    // Claims of somebody who has no account here, and keys that are not those of the claims.
    for bad in [credentials(&KeyPair::new_account(), &user), credentials(&account, &KeyPair::new_user())] {
        let refused = connect_reader(&Bus::new(), &bad).await.err().expect("it is refused");
        assert!(refused.to_string().contains("refuses us"), "{refused}");
    }
    let sender = sending("mallory", credentials(&account, &KeyPair::new_user()));
    publish(&sender.publisher, 0..1).await;
    let accounts = sender.end().await;
    assert_eq!(accounts.stage("nats").dropped(Reason::Disconnected), 2, "the event and the last status");
}
