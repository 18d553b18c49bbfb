# What an observer uses of Bitcoin Core's IPC interface, v30 to v32.
#
# On the wire, an interface is known by its id and a method by its number. Ids follow from the files in which Bitcoin Core declares the
# interfaces (src/ipc/capnp/*.capnp, src/ipc/libmultiprocess/include/mp/proxy.capnp), so that each is written out here. Methods that are not used have no parameters.

@0xb6a1f3c27d5e4098;

interface Init @0x8838c700ba5cba65 {
    construct @0 (threadMap :ThreadMap) -> (threadMap :ThreadMap);
    makeEcho @1 () -> ();
    # v30; later versions answer with an error.
    makeMiningOld @2 (context :Context) -> (result :Mining);
    # v31 and later.
    makeMining @3 (context :Context) -> (result :Mining);
    # v32 and later.
    makeRpc @4 (context :Context) -> (result :Rpc);
}

interface Mining @0xf9c68436df3af39e {
    isTestChain @0 (context :Context) -> (result :Bool);
    isInitialBlockDownload @1 (context :Context) -> (result :Bool);
    getTip @2 (context :Context) -> (result :BlockRef, hasResult :Bool);
    # The timeout is in milliseconds. When it is over, the tip that was given is the answer. From v31 on it has a default there, the largest
    # number, by which it has to be sent.
    waitTipChanged @3 (context :Context, currentTip :Data, timeout :Float64) -> (result :BlockRef);
}

interface Rpc @0xacb1d37f0a713129 {
    executeRpc @0 (context :Context, request :Text, uri :Text, user :Text) -> (result :Text);
}

interface ThreadMap @0xee5e37179ad9dc9d {
    makeThread @0 (name :Text) -> (result :Thread);
}

# A thread of the node in which calls are carried out, one after the other.
interface Thread @0x81c1e2600d0b56c5 {
    getName @0 () -> (result :Text);
}

struct Context @0x9c44e6645d0b22c6 {
    thread @0 :Thread;
    callbackThread @1 :Thread;
}

struct BlockRef @0xb3be4b8949350369 {
    # 32 bytes, in the order in which Bitcoin serializes them.
    hash @0 :Data;
    height @1 :Int32;
}
