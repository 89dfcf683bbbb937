import { Sasl2 } from './sasl2.ts'
import { mechanismsOf } from './sasl2-text.ts'
import { answerChallenge, type FinalMessage, firstMessage } from './scram-client.ts'
import { chooseMechanism, hashOf, type SignInPorts } from './sign-in-ports.ts'
import { attribute, conditionOf, escapeXml } from './stream-text.ts'

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl'
const sm = 'urn:xmpp:sm:3'

type Step = (text: string) => void

/** One sign-in, from the first stream features to a bound or resumed session; forgotten after it. */
export class SignIn {
  readonly #ports: SignInPorts
  #step: Step
  #isSecure: boolean
  #isRegistered = false
  #jid = ''
  #hasClientState = false

  constructor(ports: SignInPorts) {
    this.#ports = ports
    this.#isSecure = ports.connection.transport !== 'starttls'
    this.#step = this.#features
  }

  /** The server said something. */
  take(text: string): void {
    if (text.startsWith('<stream:error')) this.#ports.onFailure(`stream error ${conditionOf(text)}`)
    else this.#step(text)
  }

  readonly #features: Step = (text) => {
    if (!text.startsWith('<stream:features')) return
    const { write, startTls, isNew, onFailure } = this.#ports
    if (!this.#isSecure) {
      // RFC 6120 §5.4.2.1
      if (!text.includes('urn:ietf:params:xml:ns:xmpp-tls')) return onFailure('the server offers no STARTTLS')
      this.#step = (answer) => {
        if (!answer.startsWith('<proceed')) return onFailure('STARTTLS was refused')
        this.#isSecure = true
        this.#step = this.#features
        startTls()
      }
      write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    } else if (isNew && !this.#isRegistered) this.#register(text)
    else this.#authenticate(text)
  }

  // XEP-0077 §3.1.1
  #register(features: string): void {
    const { write, name, password, onFailure } = this.#ports
    this.#isRegistered = true
    this.#step = (text) => {
      if (!text.startsWith('<iq')) return
      const isThere = text.includes('<conflict')
      if (attribute(text.slice(0, text.indexOf('>')), 'type') === 'error' && !isThere) {
        return onFailure(`registration refused: ${conditionOf(text)}`)
      }
      this.#authenticate(features)
    }
    const fields = `<username>${escapeXml(name)}</username><password>${escapeXml(password)}</password>`
    write(`<iq type='set' id='reg'><query xmlns='jabber:iq:register'>${fields}</query></iq>`)
  }

  #authenticate(features: string): void {
    const { connection, name, password, nonce, write, onFailure } = this.#ports
    if (connection.signIn !== 'sasl') {
      const sasl2 = Sasl2.start(this.#ports, features)
      if (sasl2 !== undefined) this.#step = (text) => sasl2.take(text)
      return
    }
    const offered = mechanismsOf(/<mechanisms\b[\s\S]*?<\/mechanisms>/.exec(features)?.[0] ?? '')
    const chosen = chooseMechanism(connection.mechanism, offered)
    if (!chosen.ok) return void onFailure(chosen.error)
    const mechanism = chosen.value
    const first = firstMessage(name, nonce)
    const initial = mechanism === 'PLAIN' ? `\0${name}\0${password}` : `n,,${first}`
    this.#step = mechanism === 'PLAIN' ? this.#outcome(undefined) : this.#challenge(mechanism, first)
    write(`<auth xmlns='${sasl}' mechanism='${mechanism}'>${base64(initial)}</auth>`)
  }

  #challenge(mechanism: string, first: string): Step {
    const { password, keys, write, onKeys, onFailure } = this.#ports
    return (text) => {
      if (!text.startsWith('<challenge')) return this.#outcome(undefined)(text)
      const challenge = content(text)
      void answerChallenge(hashOf(mechanism), { first, challenge, password }, keys).then((answer) => {
        if (!answer.ok) return onFailure(answer.error)
        onKeys(answer.value.keys)
        this.#step = this.#outcome(answer.value)
        write(`<response xmlns='${sasl}'>${base64(answer.value.text)}</response>`)
      })
    }
  }

  #outcome(final: FinalMessage | undefined): Step {
    const { restart, onFailure } = this.#ports
    return (text) => {
      if (text.startsWith('<failure')) return onFailure(`refused: ${conditionOf(text)}`)
      if (!text.startsWith('<success')) return
      if (final !== undefined && !final.isServer(content(text)))
        return onFailure('the server does not know the password')
      this.#step = this.#signedIn
      restart()
    }
  }

  readonly #signedIn: Step = (text) => {
    if (!text.startsWith('<stream:features')) return
    const { resume, write } = this.#ports
    this.#hasClientState = text.includes('urn:xmpp:csi:0')
    if (resume === undefined) return this.#bind()
    this.#step = this.#resuming
    write(`<resume xmlns='${sm}' h='${resume.h}' previd='${escapeXml(resume.id)}'/>`)
  }

  // XEP-0198 §5
  readonly #resuming: Step = (text) => {
    const tag = text.slice(0, text.indexOf('>') + 1)
    const h = /^\d+$/.test(attribute(tag, 'h')) ? Number(attribute(tag, 'h')) : undefined
    if (text.startsWith('<resumed')) this.#ports.onResumed(h ?? 0)
    else if (text.startsWith('<failed')) {
      this.#ports.onNotResumed(h)
      this.#bind()
    }
  }

  // RFC 6120 §7.7
  #bind(): void {
    this.#step = (text) => {
      if (!text.startsWith('<iq')) return
      this.#jid = /<jid>([^<]*)</.exec(text)?.[1] ?? ''
      if (this.#jid === '') return this.#ports.onFailure(`binding refused: ${conditionOf(text)}`)
      this.#enable()
    }
    this.#ports.write(
      "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>",
    )
  }

  // XEP-0198 §3
  #enable(): void {
    const { connection, write, onEnable, onBound } = this.#ports
    if (!connection.streamManagement) {
      onBound({ jid: this.#jid, smId: '', hasClientState: this.#hasClientState, hasCarbons: false })
      return
    }
    this.#step = (text) => {
      const isOn = text.startsWith('<enabled')
      if (!isOn && !text.startsWith('<failed')) return
      if (isOn) onEnable()
      const smId = isOn ? attribute(text.slice(0, text.indexOf('>') + 1), 'id') : ''
      onBound({ jid: this.#jid, smId, hasClientState: this.#hasClientState, hasCarbons: false })
    }
    write(`<enable xmlns='${sm}' resume='true'/>`)
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The decoded text of a SASL element. */
function content(text: string): string {
  return Buffer.from(/>([^<]*)</.exec(text)?.[1] ?? '', 'base64').toString()
}
