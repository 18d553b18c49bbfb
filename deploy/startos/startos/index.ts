import { buildManifest } from '@start9labs/start-sdk'
import { manifest as own } from './manifest'
import { sdk } from './sdk'
import { versionGraph } from './versions'

export { createBackup } from './backups'
export { init, uninit } from './init'
export { main } from './main'
export const actions = sdk.Actions.of()
export const manifest = buildManifest(versionGraph, own)
