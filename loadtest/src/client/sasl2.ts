import { type FastToken, isTokenProof, tokenMechanism, tokenMessage } from './fast-token.ts'
import { authenticateText, bindText, readSasl2Offer, readSuccess, resumeText, type Sasl2Offer } from './sasl2-text.ts'
import { answerChallenge, type FinalMessage, firstMessage } from './scram-client.ts'
import { chooseMechanism, hashOf, type SignInPorts } from './sign-in-ports.ts'
import { conditionOf } from './stream-text.ts'

type Step = (text: string) => void

/**
 * Signs in by SASL2, with everything the scenario wants inside of it: resumption, a resource, stream management, carbons,
 * client state, and a token for the next time. What the server says goes to `take`.
 * Source: XEP-0388, XEP-0386, XEP-0198 §9, XEP-0484.
 */
export class Sasl2 {
  readonly #ports: SignInPorts
  #offer: Sasl2Offer
  #step: Step = () => {}

  constructor(ports: SignInPorts, offer: Sasl2Offer) {
    this.#ports = ports
    this.#offer = offer
  }

  /** Begins, by the features that are there. Errors: those of `onFailure`. */
  static start(ports: SignInPorts, features: string): Sasl2 | undefined {
    const offer = readSasl2Offer(features)
    if (offer === undefined) {
      ports.onFailure('the server offers no SASL2 on this transport (servers that know it want TLS)')
      return undefined
    }
    if (!offer.hasBind) {
      ports.onFailure('the server offers SASL2 without Bind 2')
      return undefined
    }
    const begun = new Sasl2(ports, offer)
    const { token } = ports
    if (token !== undefined && offer.tokenMechanisms.includes(token.mechanism)) begun.#useToken(token)
    else begun.#usePassword()
    return begun
  }

  /** The server said something. */
  take(text: string): void {
    this.#step(text)
  }

  #useToken(token: FastToken): void {
    const { name, onTokenRefused, onToken, onTokenUsed } = this.#ports
    const used = { ...token, count: token.count + 1 }
    onToken(used)
    this.#step = (text) => {
      if (text.startsWith('<failure')) {
        // XEP-0484 §4.1: discard the token and fall back; XEP-0388 §2.6.2: the stream is as it was.
        onTokenRefused()
        this.#usePassword()
      } else if (text.startsWith('<success')) {
        onTokenUsed()
        this.#succeed(text, (data) => isTokenProof(used.token, data))
      }
    }
    this.#write(
      token.mechanism,
      tokenMessage(name, token.token),
      `<fast xmlns='urn:xmpp:fast:0' count='${used.count}'/>`,
    )
  }

  #usePassword(): void {
    const { connection, name, password, nonce, onFailure } = this.#ports
    const chosen = chooseMechanism(connection.mechanism, this.#offer.mechanisms)
    if (!chosen.ok) return void onFailure(chosen.error)
    const mechanism = chosen.value
    const first = firstMessage(name, nonce)
    const wantsToken = connection.signIn === 'fast'
    if (wantsToken && !this.#offer.tokenMechanisms.includes(tokenMechanism)) {
      return void onFailure(`the server offers no tokens (XEP-0484) of ${tokenMechanism}`)
    }
    const request = wantsToken ? `<request-token xmlns='urn:xmpp:fast:0' mechanism='${tokenMechanism}'/>` : ''
    if (mechanism === 'PLAIN') {
      this.#step = this.#outcome(undefined)
      this.#write(mechanism, Buffer.from(`\0${name}\0${password}`), request)
    } else {
      this.#step = this.#challenge(mechanism, first)
      this.#write(mechanism, Buffer.from(`n,,${first}`), request)
    }
  }

  #write(mechanism: string, initial: Buffer, more: string): void {
    const { connection, resume, client, write } = this.#ports
    const again = resume !== undefined && this.#offer.hasResumption ? resumeText(resume) : ''
    const inline = again + bindText(connection, this.#offer) + more
    write(authenticateText({ mechanism, initial: initial.toString('base64'), client, inline }))
  }

  #challenge(mechanism: string, first: string): Step {
    const { password, keys, write, onKeys, onFailure } = this.#ports
    return (text) => {
      if (!text.startsWith('<challenge')) return this.#outcome(undefined)(text)
      const challenge = Buffer.from(/>([^<]*)</.exec(text)?.[1] ?? '', 'base64').toString()
      void answerChallenge(hashOf(mechanism), { first, challenge, password }, keys).then((answer) => {
        if (!answer.ok) return void onFailure(answer.error)
        onKeys(answer.value.keys)
        this.#step = this.#outcome(answer.value)
        const data = Buffer.from(answer.value.text).toString('base64')
        write(`<response xmlns='urn:xmpp:sasl:2'>${data}</response>`)
      })
    }
  }

  #outcome(final: FinalMessage | undefined): Step {
    return (text) => {
      if (text.startsWith('<failure')) return void this.#ports.onFailure(`refused: ${conditionOf(text)}`)
      if (text.startsWith('<continue')) return void this.#ports.onFailure('the server wants a second factor')
      if (!text.startsWith('<success')) return
      this.#succeed(text, (data) => final === undefined || final.isServer(data.toString()))
    }
  }

  #succeed(text: string, isServer: (data: Buffer) => boolean): void {
    const { connection, resume, onToken, onResumed, onNotResumed, onEnable, onBound, onFailure } = this.#ports
    const { data, jid, isBound, smId, resumedH, failedH, token } = readSuccess(text)
    if (!isServer(data)) return void onFailure('the server does not know the secret')
    if (token !== '') onToken({ token, mechanism: tokenMechanism, count: 0 })
    if (resumedH !== undefined) return void onResumed(resumedH)
    if (resume !== undefined) onNotResumed(failedH)
    if (!isBound) return void onFailure('the server bound no resource inside of SASL2')
    if (smId !== undefined) onEnable()
    const { bindFeatures } = this.#offer
    const hasCarbons = connection.carbons && bindFeatures.includes('urn:xmpp:carbons:2')
    const hasState = connection.clientState && bindFeatures.includes('urn:xmpp:csi:0')
    // XEP-0388 §2.6.1: the features follow at once, without a new stream.
    this.#step = (features) => {
      if (!features.startsWith('<stream:features')) return
      const hasClientState = !hasState && features.includes('urn:xmpp:csi:0')
      onBound({ jid, smId: smId ?? '', hasClientState, hasCarbons })
    }
  }
}
