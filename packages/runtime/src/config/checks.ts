import { parseJid } from '@starling/jid'
import type { SettingValue } from './setting.ts'

/** A domain. */
export function domain(value: SettingValue): string | undefined {
  const parsed = parseJid(String(value))
  const isDomain = parsed.ok && !/[@/]/.test(parsed.value)
  return isDomain ? undefined : 'a domain, such as example.org'
}

/** Domains, each once. */
export function domains(value: SettingValue): string | undefined {
  const all = Array.isArray(value) ? value : []
  const isFine = all.every((one) => domain(one) === undefined) && new Set(all).size === all.length
  return isFine ? undefined : 'a list of domains, each once, such as example.org'
}

/** Brokers as host:port. */
export function brokers(value: SettingValue): string | undefined {
  const all = Array.isArray(value) ? value : []
  return all.every((one) => /^(\[[0-9a-f:.]+\]|[^\s:/,]+):\d{1,5}$/i.test(one)) ? undefined : 'a list of host:port'
}

/** A Redis URL, or nothing. */
export function redisUrl(value: SettingValue): string | undefined {
  return value === '' || isUrl(value, /^rediss?:$/) ? undefined : 'redis://host:port or rediss://host:port'
}

/** A database URL, or nothing. */
export function databaseUrl(value: SettingValue): string | undefined {
  if (value === '' || /^sqlite:./.test(String(value)) || isUrl(value, /^postgres(ql)?:$/)) return undefined
  return 'postgres://user:password@host:port/database or sqlite:FILE'
}

/** A WebSocket URL that may have the domain in it, or nothing. */
export function websocketUrl(value: SettingValue): string | undefined {
  return value === '' || isUrl(filled(value), /^wss?:$/) ? undefined : 'a ws:// or wss:// address'
}

/** An HTTP URL that may have the domain in it, or nothing. */
export function domainHttpUrl(value: SettingValue): string | undefined {
  return httpUrl(filled(value))
}

/** An HTTP URL, or nothing. */
export function httpUrl(value: SettingValue): string | undefined {
  return value === '' || isUrl(value, /^https?:$/) ? undefined : 'an http:// or https:// address'
}

/** HTTP headers as `name=value`, or nothing. */
export function headers(value: SettingValue): string | undefined {
  const isFine = String(value)
    .split(',')
    .every((one) => /^\s*[\w-]+=[^\r\n]*$/.test(one))
  return value === '' || isFine ? undefined : 'name=value, separated by commas'
}

/** Enough of a secret to keep strangers from guessing it, or nothing. */
export function token(value: SettingValue): string | undefined {
  const text = String(value)
  return text === '' || (text.length >= 16 && !/\s/.test(text)) ? undefined : 'at least 16 characters without space'
}

/** A size that stanzas of every client fit in. */
export function stanzaBytes(value: SettingValue): string | undefined {
  // RFC 6120 §13.12: a limit below 10000 bytes is not allowed
  return value === 0 || Number(value) >= 10_000 ? undefined : 'at least 10000 (RFC 6120 §13.12), or 0 for no limit'
}

/** With a domain where one stands for all. */
function filled(value: SettingValue): string {
  return String(value).replaceAll('{domain}', 'example.org')
}

function isUrl(value: SettingValue, protocol: RegExp): boolean {
  try {
    const url = new URL(String(value))
    return protocol.test(url.protocol) && url.hostname !== ''
  } catch {
    return false
  }
}
