import type { Module } from '@starling/core'
import { entityTime } from './entity-time.ts'
import { lastActivity } from './last-activity.ts'
import { ping } from './ping.ts'
import { privateXml } from './private-xml.ts'
import { serviceDiscovery } from './service-discovery.ts'
import { softwareVersion } from './software-version.ts'
import { vcard } from './vcard.ts'

/** Everything Starling speaks beyond the RFCs, in the order in which handlers of one phase run. */
export const modules: readonly Module[] = [
  lastActivity, // XEP-0012
  serviceDiscovery, // XEP-0030
  privateXml, // XEP-0049
  vcard, // XEP-0054
  softwareVersion, // XEP-0092
  ping, // XEP-0199
  entityTime, // XEP-0202
]
