import type { Json } from '@starling/wire'

/** Whether a slice, or a part of one, is a record: not null, text, list or bytes. */
export function isRecord(json: Json | undefined): json is { readonly [key: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Uint8Array)
}

/** The texts of a list; none when it is no list. */
export function textsOf(json: Json | undefined): readonly string[] {
  return Array.isArray(json) ? json.filter((one) => typeof one === 'string') : []
}
