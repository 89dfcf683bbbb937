import { claimSession } from './claim.ts'
import type { Connection } from './connection.ts'
import { limits } from './limits.ts'
import { reassert } from './reassert.ts'
import { takeAck } from './sm-shell.ts'
import { runStreamIq } from './stream-iq.ts'
import type { StreamEffect } from './stream-state.ts'

/** Does what the machine asked; `end` is the connection's own. */
export function performEffect(connection: Connection, effect: StreamEffect): void {
  const { pod } = connection
  switch (effect.do) {
    case 'write':
      connection.write(effect.text)
      break
    case 'send':
      connection.sendStanza(effect.raw)
      break
    case 'restart':
      connection.intake.restart()
      break
    case 'startTls':
      startTls(connection)
      break
    case 'lookUp':
      lookUp(connection, effect)
      break
    case 'lookUpTokens':
      lookUpTokens(connection, effect)
      break
    case 'settleTokens':
      settleTokens(connection, effect)
      break
    case 'compute':
      effect.step.then(
        (step) => connection.dispatch({ kind: 'computed', step }),
        () => connection.dispatch({ kind: 'signInRefused', condition: 'temporary-auth-failure' }),
      )
      break
    case 'countFailure':
      pod.meters.failures.add(1, { condition: effect.condition })
      if (effect.condition === 'not-authorized') pod.logins.failed(connection.origin.addressKey)
      break
    case 'delay':
      holdBack(connection, effect)
      break
    case 'askStream':
      askStream(connection, effect)
      break
    case 'signedIn':
      pod.meters.signIns.add(1, { mechanism: effect.mechanism })
      connection.intake.widen()
      break
    case 'bind':
      bind(connection, effect)
      break
    case 'resume': {
      const { smId, h, signedIn } = effect
      claimSession(connection, signedIn.account, {
        kind: 'resume',
        head: { smId, h, generation: signedIn.generation, lang: connection.state.lang },
      })
      break
    }
    case 'bound':
      connection.deadlineMs = Number.POSITIVE_INFINITY
      connection.intake.settle()
      break
    case 'forward':
      connection.forward(effect.stanza)
      break
    case 'answer':
      connection.answer(effect.reply)
      break
    case 'enable':
      connection.enable(effect.head)
      break
    case 'enabled':
      connection.enabled(effect.smId, effect.maxSeconds)
      break
    case 'resumed':
      connection.resumed(effect.head)
      break
    case 'reassert':
      reassert(connection)
      break
    case 'acknowledge':
      connection.acknowledge()
      break
    case 'acked':
      if (connection.sm?.isOn === true) takeAck(connection, connection.sm, effect.h)
      break
    case 'end':
      break
    default:
      effect satisfies never
  }
}

function bind(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'bind' }>): void {
  const { do: _, signedIn, ...asked } = effect
  const head = { ...asked, generation: signedIn.generation, lang: connection.state.lang }
  claimSession(connection, signedIn.account, { kind: 'bind', head })
}

function startTls(connection: Connection): void {
  // RFC 6120 §5.3.3: not a byte may stand behind <starttls/>; what an attacker put there never meets the secure stream
  if (connection.intake.heldBytes > 0) {
    connection.link?.destroy()
    connection.finish('stream-error', [], 'policy-violation')
    return
  }
  connection.link?.startTls(connection.state.domain)
}

function lookUp(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'lookUp' }>): void {
  const { account } = effect
  connection.pod.logins
    .lookUp(account, connection.origin.addressKey, () => connection.isEnded)
    .then(
      (found) => {
        if (!found.ok) connection.dispatch({ kind: 'signInRefused', condition: 'temporary-auth-failure' })
        else {
          const { credentials, generation } = found
          connection.dispatch({ kind: 'lookedUp', credentials, signedIn: { account, generation } })
        }
      },
      () => connection.dispatch({ kind: 'signInRefused', condition: 'temporary-auth-failure' }),
    )
}

function lookUpTokens(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'lookUpTokens' }>): void {
  const { account, client, mechanism } = effect
  const { logins, fast } = connection.pod
  logins
    .take(
      connection.origin.addressKey,
      () => connection.isEnded,
      () => fast.lookUp(account, client, mechanism),
    )
    .then(
      (held) => connection.dispatch(held === undefined ? notNow : { kind: 'tokensFound', held }),
      (error: unknown) => signInFailed(connection, error),
    )
}

function settleTokens(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'settleTokens' }>): void {
  const { account, request, used } = effect
  connection.pod.fast.settle(account, request, used).then(
    (settled) => {
      const { generation = undefined, issued = undefined } = settled.ok ? settled : {}
      const signedIn = generation === undefined ? undefined : { account, generation }
      connection.dispatch(
        settled.ok
          ? { kind: 'tokensSettled', ok: true, signedIn, issued }
          : { kind: 'tokensSettled', ok: false, condition: settled.condition },
      )
    },
    (error: unknown) => signInFailed(connection, error),
  )
}

function signInFailed(connection: Connection, error: unknown): void {
  connection.pod.io.logger.warn({ what: 'token-failed', error })
  connection.dispatch(notNow)
}

const notNow = { kind: 'signInRefused', condition: 'temporary-auth-failure' } as const

function holdBack(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'delay' }>): void {
  connection.pod.later(limits.failureDelayMs, () => {
    if (connection.isEnded) return
    connection.write(effect.text)
    connection.dispatch({ kind: 'delayed' })
  })
}

function askStream(connection: Connection, effect: Extract<StreamEffect, { readonly do: 'askStream' }>): void {
  const { pod, origin } = connection
  const asker = { ...origin, isSecure: connection.state.isSecure, domain: connection.state.domain ?? pod.io.domain }
  runStreamIq(pod.io, effect, asker).then(
    (answered) => connection.dispatch({ kind: 'answered', ...answered }),
    () => connection.fail({ condition: 'internal-server-error' }, 'bug'),
  )
}
