import { defineModule } from '@starling/core'

// What the connection-manager does while a client signs in, declared for the support table and the configuration.

/**
 * Resources bound inside of the sign-in.
 * Source: XEP-0386.
 */
export const bind2 = defineModule({
  spec: {
    id: 'XEP-0386',
    name: 'Bind 2',
    version: '1.1.0',
    status: 'partial',
    note: 'resources are stable for clients that say who they are; no archive metadata in `<bound/>` yet (a SHOULD of §3.2), and offline messages are sent as ever (§3.2 would forget them for the archive)',
  },
  name: 'inlineBind',
})

/**
 * Sign-in in one step with what follows it.
 * Source: XEP-0388.
 */
export const sasl2 = defineModule({
  spec: {
    id: 'XEP-0388',
    name: 'Extensible SASL Profile',
    version: '1.0.4',
    status: 'complete',
    note: 'no tasks are asked for, so `<continue/>` is never sent (§2.6.3); beside the older profile',
  },
  name: 'extensibleSasl',
  options: { offered: { type: 'bool', default: true, doc: 'Whether clients may sign in by SASL2.' } },
  isOn: (option) => option('offered') === true,
})

/** Which channel bindings there are. Source: XEP-0440. */
export const channelBindingTypes = defineModule({
  spec: { id: 'XEP-0440', name: 'SASL Channel-Binding Type Capability', version: '1.0.0', status: 'complete' },
  name: 'channelBindingTypes',
})

/** Mechanisms and channel bindings under SCRAM's signatures. Source: XEP-0474. */
export const scramDowngrade = defineModule({
  spec: { id: 'XEP-0474', name: 'SASL SCRAM Downgrade Protection', version: '0.5.0', status: 'complete' },
  name: 'scramDowngrade',
})

/**
 * Tokens in place of passwords.
 * Source: XEP-0484.
 */
export const fast = defineModule({
  spec: {
    id: 'XEP-0484',
    name: 'Fast Authentication Streamlining Tokens',
    version: '0.2.0',
    status: 'complete',
    note: 'HT-SHA-256 with EXPR, ENDP and NONE; no TLS early data (§3.1)',
  },
  name: 'fast',
  options: {
    tokenDays: {
      type: 'int',
      default: 21,
      min: 0,
      max: 3_650,
      unit: 'days',
      doc: 'How long a token that its client does not use stays good; 0: no tokens.',
    },
    maxClients: {
      type: 'int',
      default: 50,
      min: 1,
      max: 1_000,
      unit: 'clients',
      doc: 'Clients of one account that may hold a token; with one more, that whose token ends first loses it.',
    },
  },
  isOn: (option) => option('tokenDays') !== 0,
})
