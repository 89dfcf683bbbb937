import type { StateKind } from '@starling/core'

/** Bytes of a message that waits for its acknowledgement. */
export const messageBytes = 300
const resource = 'gajim.KX7H2QWP'
/** SM-ID of the session. */
export const queue = '3-1f4k2a-0'

/** What the stages keep of a session with stream management, for benches: fields as they write them, with large numbers. */
export const fieldsOf: Readonly<Record<StateKind, ReadonlyMap<string, Uint8Array>>> = {
  session: new Map([
    ['@', Buffer.from('{"s":{},"v":"6f1c2a90b3"}')],
    [
      `r:${resource}`,
      Buffer.from(
        '[200,123456789012,4000000,1790000001000,1000000,3,50,"en",{"XEP-0280":{"isEnabled":true}},0,[12,300]]',
      ),
    ],
    [
      `p:${resource}`,
      Buffer.from(
        `<presence xmlns='jabber:client' id='1f0c9a62-7d0e'><priority>50</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>`,
      ),
    ],
  ]),
  routing: new Map([
    [
      `s:${resource}`,
      Buffer.from(`[200,123456789012,4000000,1,50,{"XEP-0280":{"isEnabled":true}},["${queue}",1000000,300,0,0]]`),
    ],
  ]),
}
