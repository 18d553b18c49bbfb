import { sdk } from './sdk'

// Alerts and what was decided about them. Archives are too large, and can be uploaded to an object store.
export const { createBackup, restoreInit } = sdk.setupBackups(async () =>
  sdk.Backups.ofVolumes('main').setOptions({ exclude: ['archive/'] }),
)
