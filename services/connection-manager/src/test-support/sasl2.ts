import assert from 'node:assert/strict'
import { defineModule } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import { deriveCredentials } from '@starling/sasl'
import { ns } from '@starling/stanza'
import { authenticatedLimits, createGate, type GateEvent } from '@starling/xml'
import { stepStream } from '../stream.ts'
import type { StreamScene } from '../stream-scene.ts'
import { initialStreamState, type StreamEffect, type StreamEvent, type StreamState } from '../stream-state.ts'
import { domain } from './fake-io.ts'
import { testScene } from './scene.ts'

export const header = `<stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
export const account = `romeo@${domain}` as BareJid
export const jid = `${account}/balcony` as FullJid
export const signedIn = { account, generation: 7 }
export const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770'
export const agent = `<user-agent id='${uuid}'><software>AwesomeXMPP</software></user-agent>`

export const carbons = defineModule({
  spec: { id: 'XEP-0280', name: 'x', version: '1', status: 'complete' },
  name: 'carbons',
  bind2: { '{urn:xmpp:carbons:2}enable': { isEnabled: true } },
})
export const scene = testScene({ isSasl2On: true, areTokensOn: true, modules: [carbons] })
export const secure = (
  phase: StreamState['phase'] = { kind: 'unauthenticated' },
  from: BareJid | '' = '',
): StreamState => ({
  ...initialStreamState(true),
  isOpened: true,
  phase,
  from,
})

export function elements(text: string): readonly GateEvent[] {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
  gate.push(Buffer.from(header))
  return gate.push(Buffer.from(text))
}

export function run(state: StreamState, events: readonly StreamEvent[], surroundings: StreamScene = scene) {
  const effects: StreamEffect[] = []
  for (const event of events) {
    const step = stepStream(state, event, surroundings)
    state = step.state
    effects.push(...step.effects)
  }
  const written = effects.flatMap((one) => (one.do === 'write' || one.do === 'delay' ? [one.text] : [])).join('')
  return { state, effects, written, done: effects.map((effect) => effect.do) }
}

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')
export const authenticate = (mechanism: string, initial: string | Uint8Array | undefined, inner = ''): string => {
  const response = initial === undefined ? '' : `<initial-response>${base64(initial)}</initial-response>`
  return `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='${mechanism}'>${response}${inner}</authenticate>`
}

export const derived = await deriveCredentials('secret', { salt: Buffer.from('salt'), iterations: 4096 })
assert.ok(derived.ok)
export const credentials = derived.value
export const lookedUp: StreamEvent = { kind: 'lookedUp', credentials, signedIn }

/** Goes through PLAIN to the point where the password was right. */
export async function plain(inner: string, from: BareJid | '' = '') {
  const asked = run(secure(undefined, from), elements(authenticate('PLAIN', '\0romeo\0secret', inner)))
  assert.deepEqual(asked.effects, [{ do: 'lookUp', account }])
  const computing = run(asked.state, [lookedUp])
  const compute = computing.effects[0]
  assert.ok(compute?.do === 'compute')
  return run(computing.state, [{ kind: 'computed', step: await compute.step }])
}

export const bindElement = (inner = ''): string => `<bind xmlns='urn:xmpp:bind:0'>${inner}</bind>`
export const bound: StreamEvent = { kind: 'bound', jid, raw: new Uint8Array() }
export const features = (inner: string): string => `<stream:features>${inner}</stream:features>`
export const always = `<ver xmlns='${ns.rosterVersion}'/><sub xmlns='${ns.preApproval}'/>`
