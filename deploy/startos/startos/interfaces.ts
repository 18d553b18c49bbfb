import { sdk, webPort } from './sdk'

export const setInterfaces = sdk.setupInterfaces(async ({ effects }) => {
  const host = sdk.MultiHost.of(effects, 'web')
  const origin = await host.bindPort(webPort, { protocol: 'http' })
  const pages = sdk.createInterface(effects, {
    name: 'Pages',
    id: 'web',
    description: 'The node, its peers, and alerts',
    type: 'ui',
    masked: false,
    schemeOverride: null,
    username: null,
    path: '',
    query: {},
  })
  return [await origin.export([pages])]
})
