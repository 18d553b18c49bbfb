import { setupManifest } from '@start9labs/start-sdk'

export const manifest = setupManifest({
  id: 'peer-observer',
  title: 'peer-observer',
  license: 'MIT',
  packageRepo: 'https://peer-observer.example',
  upstreamRepo: 'https://peer-observer.example',
  marketingUrl: 'https://peer-observer.example',
  donationUrl: null,
  description: {
    short: 'See what the peers of your Bitcoin node do to it',
    long: 'Watches your Bitcoin node and shows who is connected to it, what they send, and when the network attacks it or behaves oddly: as pages, alerts, and an archive of every event. It changes nothing in the node.',
  },
  volumes: ['main'],
  images: {
    main: { source: { dockerTag: 'peer-observer:0.1.0' }, arch: ['x86_64'] },
  },
  dependencies: {
    bitcoind: { description: 'The node that is observed', optional: false, s9pk: null },
  },
})
