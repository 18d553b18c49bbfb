//! The bytes that tell a chain's P2P network from others.

use bitcoin::consensus::Encodable;
use data_encoding::HEXLOWER_PERMISSIVE;
use node::Chain;
use node::rpc::RpcClient;
use p2p::Magic;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::identity::TIMEOUT;

/// The longest challenge of a signet that is taken for one (`MAX_SCRIPT_SIZE`).
const MAX_CHALLENGE: usize = 10_000;

/// Those of the node's chain. For a signet the node is asked for its challenge, from which they follow (BIP 325).
pub async fn of_node(chain: Chain, client: Option<&RpcClient>) -> Magic {
    if chain != Chain::Signet {
        return chain.magic();
    }
    match client {
        Some(client) => of_signet(client).await.unwrap_or_else(|| chain.magic()),
        None => chain.magic(),
    }
}

async fn of_signet(client: &RpcClient) -> Option<Magic> {
    let info: Value = client.call("getblockchaininfo", &[], TIMEOUT).await.ok()?;
    let challenge = info.get("signet_challenge")?.as_str().filter(|text| text.len() <= 2 * MAX_CHALLENGE)?;
    of_challenge(&HEXLOWER_PERMISSIVE.decode(challenge.as_bytes()).ok()?)
}

/// The first bytes of the hash of the challenge and its length.
fn of_challenge(challenge: &[u8]) -> Option<Magic> {
    let mut serialized = Vec::with_capacity(challenge.len() + 3);
    challenge.to_vec().consensus_encode(&mut serialized).ok()?;
    Sha256::digest(Sha256::digest(serialized)).first_chunk().copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_signet_follow_from_its_challenge() {
        let default = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96\
                       883fe3b278760f048f5189f2e6c452ae";
        let challenge = HEXLOWER_PERMISSIVE.decode(default.as_bytes()).unwrap();
        assert_eq!(of_challenge(&challenge), Some(Chain::Signet.magic()));
        assert_ne!(of_challenge(&[0x51]), Some(Chain::Signet.magic()));
    }
}
