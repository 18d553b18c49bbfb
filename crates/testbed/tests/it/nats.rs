use testbed::NatsServer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

/// A server greets with what it is; its configuration shows there.
async fn greeting(server: &NatsServer) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(server.addr()).await?).read_line(&mut line).await?;
    Ok(line)
}

#[tokio::test]
async fn it_comes_back_on_the_same_port() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let mut server = NatsServer::start("max_payload: 4096").await.unwrap();
    assert!(greeting(&server).await.unwrap().contains("\"max_payload\":4096"));
    let (addr, pid) = (server.addr(), server.pid());

    server.stop().await.unwrap();
    assert!(greeting(&server).await.is_err());
    server.start_again().await.unwrap();
    assert_eq!(server.addr(), addr);
    assert_ne!(server.pid(), pid);

    server.kill().await.unwrap();
    assert!(greeting(&server).await.is_err());
    server.start_again().await.unwrap();
    assert!(greeting(&server).await.unwrap().starts_with("INFO "));

    let error = NatsServer::start("no_such_setting: {").await.unwrap_err();
    assert!(error.to_string().contains("Parse error"), "{error:#}");
}
