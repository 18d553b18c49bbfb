//! Whether a connection is one of the node's, and which addresses are the node's own.

use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use node::rpc::RpcClient;
use node::rpc::types::{NetworkInfo, PeerInfos};

/// How long the node may take to answer.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the node has a connection to the address that we listen on, which comes from `remote`, or has that session id (BIP 324). None if
/// the node does not say.
pub async fn is_the_nodes(
    client: &RpcClient,
    listening: SocketAddr,
    remote: SocketAddr,
    session_id: Option<&str>,
) -> Option<bool> {
    let peers: PeerInfos = client.call("getpeerinfo", &[], TIMEOUT).await.ok()?;
    let (listening, remote) = (listening.to_string(), remote.to_string());
    Some(peers.0.iter().any(|peer| {
        let same_session = session_id == Some(&peer.session_id);
        let same_ends = peer.addr == listening && peer.addrbind.as_ref() == Some(&remote);
        same_session || same_ends
    }))
}

/// A session id as getpeerinfo has it.
pub fn session_id(bytes: &[u8; 32]) -> String {
    HEXLOWER.encode(bytes)
}

/// The node's own addresses without ports, as it announces them. Empty if it does not say.
pub async fn own_addresses(client: &RpcClient) -> Vec<String> {
    let info: Result<NetworkInfo, _> = client.call("getnetworkinfo", &[], TIMEOUT).await;
    info.map(|info| info.localaddresses.into_iter().map(|local| local.address).collect()).unwrap_or_default()
}

/// Hash of the tip of the node's active chain, in the order in which Bitcoin serializes it.
pub async fn tip(client: &RpcClient) -> Option<Vec<u8>> {
    let hash: String = client.call("getbestblockhash", &[], TIMEOUT).await.ok()?;
    let mut bytes = HEXLOWER.decode(hash.as_bytes()).ok().filter(|bytes| bytes.len() == 32)?;
    bytes.reverse();
    Some(bytes)
}
