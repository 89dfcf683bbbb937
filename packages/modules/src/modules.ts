import type { Module } from '@starling/core'
import { archive } from './archive/archive.ts'
import { archivePreferences } from './archive-preferences.ts'
import { blocking } from './blocking/blocking.ts'
import { carbons } from './carbons/carbons.ts'
import { dataForms } from './data-forms.ts'
import { delayedDelivery } from './delayed-delivery.ts'
import { entityTime } from './entity-time.ts'
import { lastActivity } from './last-activity.ts'
import { messageHints } from './message-hints.ts'
import { offlineMessages } from './offline-messages.ts'
import { ping } from './ping.ts'
import { privateXml } from './private-xml.ts'
import { registration } from './registration/registration.ts'
import { resultSets } from './result-sets.ts'
import { serviceDiscovery } from './service-discovery.ts'
import { bind2, channelBindingTypes, fast, sasl2, scramDowngrade } from './sign-in.ts'
import { softwareVersion } from './software-version.ts'
import { stanzaIds } from './stanza-ids.ts'
import { streamManagement } from './stream-management.ts'
import { vcard } from './vcard.ts'

/** Everything Starling speaks beyond the RFCs, in the order in which handlers of one phase run. */
export const modules: readonly Module[] = [
  dataForms, // XEP-0004
  lastActivity, // XEP-0012
  serviceDiscovery, // XEP-0030
  privateXml, // XEP-0049
  vcard, // XEP-0054
  resultSets, // XEP-0059
  registration, // XEP-0077
  softwareVersion, // XEP-0092
  offlineMessages, // XEP-0160
  blocking, // XEP-0191
  streamManagement, // XEP-0198
  ping, // XEP-0199
  entityTime, // XEP-0202
  delayedDelivery, // XEP-0203
  carbons, // XEP-0280
  archive, // XEP-0313
  messageHints, // XEP-0334
  stanzaIds, // XEP-0359
  bind2, // XEP-0386
  sasl2, // XEP-0388
  channelBindingTypes, // XEP-0440
  archivePreferences, // XEP-0441
  scramDowngrade, // XEP-0474
  fast, // XEP-0484
]
