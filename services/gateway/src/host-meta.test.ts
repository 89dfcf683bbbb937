import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Settings, servedDomains } from '@starling/core'
import { defaultSettings } from '@starling/runtime'
import { connectionsOf, domainAsked } from './host-meta.ts'

const settings: Settings = {
  ...defaultSettings,
  domain: 'montague.example',
  domains: ['capulet.example', 'bücher.example'],
}
const isServed = servedDomains(settings)
const told = (host: string, c2s: Partial<Settings['c2s']> = {}): readonly string[] =>
  connectionsOf({ ...settings, c2s: { ...settings.c2s, ...c2s } }, domainAsked(host, settings, isServed)).map(
    ({ href }) => href,
  )

describe('XEP-0156 §2: host-meta of each domain that is served', () => {
  it('RFC 6415 §2: whoever asks a domain is told of that domain; another host is told of the first', () => {
    assert.deepEqual(told('capulet.example'), [
      'ws://capulet.example:5280/xmpp-websocket',
      'http://capulet.example:5280/http-bind',
    ])
    for (const host of ['montague.example', '192.0.2.1', 'evil.example', '']) {
      assert.equal(told(host)[0], 'ws://montague.example:5280/xmpp-websocket', host)
    }
  })

  it('as it was asked for: in capitals, or as A-labels, which web clients need in addresses', () => {
    assert.equal(told('xn--bcher-kva.example')[0], 'ws://xn--bcher-kva.example:5280/xmpp-websocket')
    assert.equal(told('CAPULET.example')[0], 'ws://CAPULET.example:5280/xmpp-websocket')
  })

  it('addresses of the settings may have the domain in them; without, all domains share them', () => {
    const own = { websocketUrl: 'wss://chat.{domain}/ws?of={domain}', boshUrl: 'https://web.example/bosh' }
    assert.deepEqual(told('capulet.example', own), [
      'wss://chat.capulet.example/ws?of=capulet.example',
      'https://web.example/bosh',
    ])
  })

  it('a domain that comes while the process runs is told of too', () => {
    const live = { ...settings, domains: ['capulet.example'] }
    const isLive = servedDomains(live)
    assert.equal(domainAsked('mantua.example', live, isLive), 'montague.example')
    live.domains = ['capulet.example', 'mantua.example']
    assert.equal(domainAsked('mantua.example', live, isLive), 'mantua.example')
  })
})
