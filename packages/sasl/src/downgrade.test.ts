import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { downgradeHash } from './downgrade.ts'
import { deriveCredentials, type SaslContext, startSasl } from './sasl.ts'

const text = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString('utf8')

/** The lists of XEP-0474 §6.3, in the order in which its features give them. */
const advertised = {
  mechanisms: ['SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS'],
  channelBindings: ['tls-server-end-point', 'tls-exporter'],
}

describe('XEP-0474 SASL SCRAM Downgrade Protection', () => {
  it('§6.1: both lists sorted, joined and hashed with the hash of the mechanism', () => {
    assert.equal(downgradeHash('sha1', advertised), 'G6k/rBLDqgOhRRaCuuatSDFkJ08=')
    const reversed = { ...advertised, mechanisms: advertised.mechanisms.toReversed() }
    assert.equal(downgradeHash('sha1', reversed), 'G6k/rBLDqgOhRRaCuuatSDFkJ08=')
  })

  it('§6.1 step 3: no delimiter where no channel bindings were advertised', () => {
    const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']
    const expected = 'J++Diu+JubnE6dLVvZjjI5KHnheOLsUSQWiw/prdbAA='
    assert.equal(downgradeHash('sha256', { mechanisms, channelBindings: [] }), expected)
  })

  it('§6.3: the full example, to the server signature', async () => {
    const context: SaslContext = {
      nonce: () => 'a09117a6-ac50-4f2f-93f1-93799c2bddf6',
      domain: 'example.org',
      isSecure: true,
      offered: advertised.mechanisms,
      advertised,
      channelBinding: () => Buffer.from('THIS IS FAKE CB DATA'),
      pretendSalt: () => ({ salt: Buffer.from('x'), iterations: 1 }),
    }
    const derived = await deriveCredentials('pencil', {
      salt: Buffer.from('QSXCR+Q6sek8bf92', 'base64'),
      iterations: 4096,
    })
    assert.ok(derived.ok)
    const first = Buffer.from('p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6')
    const start = startSasl('SCRAM-SHA-1-PLUS', first, context)
    assert.ok(start.do === 'lookUp')
    const asked = await start.next(derived.value)
    assert.ok(asked.do === 'challenge')
    const nonce = '12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6'
    assert.equal(text(asked.data), `r=${nonce},s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=`)
    const final = `c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r=${nonce},x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=`
    const end = asked.next(Buffer.from(final))
    assert.ok(end.do === 'success')
    assert.equal(text(end.data), 'v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=')
  })
})
