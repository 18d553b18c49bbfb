import { sdk, webPort } from './sdk'

/** The node as its package has it: its RPC server, and the port that gives permissions to peers on this machine. */
const node = { host: 'bitcoind.startos', rpc: 8332, whitebind: 58334 }

// StartOS gives services no capabilities, so that there are no tracepoints: RPC, debug.log, and a connection of our own.
export const main = sdk.setupMain(async ({ effects }) => {
  const mounts = sdk.Mounts.of()
    .mountVolume({ volumeId: 'main', subpath: null, mountpoint: '/data', readonly: false })
    .mountDependency({
      dependencyId: 'bitcoind',
      volumeId: 'main',
      subpath: null,
      mountpoint: '/bitcoin',
      readonly: true,
    })
  // The names under which the pages are reached: peer-observer answers to no others, so that pages of other sites cannot read it.
  const names = await sdk.host
    .getOwn(effects, 'web', (host) => host?.bindings[webPort]?.addresses.available.map(({ hostname }) => hostname) ?? [])
    .const()
  return sdk.Daemons.of(effects).addDaemon('primary', {
    subcontainer: sdk.SubContainer.of(effects, { imageId: 'main' }, mounts, 'peer-observer'),
    exec: {
      command: ['/peer-observer', 'run'],
      user: 'root', // whose files the node's are
      env: {
        STATE_DIRECTORY: '/data',
        PEER_OBSERVER_TOOLS: 'web,metrics,alerts,archive',
        PEER_OBSERVER_ARCHIVE_KEEP_SIZE: '5GiB',
        PEER_OBSERVER_WEB_HOST: names.join(','),
        PEER_OBSERVER_NAME: 'startos',
        PEER_OBSERVER_RPC: `${node.host}:${node.rpc}`,
        PEER_OBSERVER_RPC_COOKIE_FILE: '/bitcoin/.cookie',
        PEER_OBSERVER_P2P: `${node.host}:${node.whitebind}`,
        PEER_OBSERVER_DEBUG_LOG: '/bitcoin/debug.log',
      },
    },
    ready: {
      display: 'Pages',
      fn: () =>
        sdk.healthCheck.checkPortListening(effects, webPort, {
          successMessage: 'The pages are served',
          errorMessage: 'The pages are not served',
        }),
    },
    requires: [],
  })
})
