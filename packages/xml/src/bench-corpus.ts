/**
 * The mix of stanzas the parsers are measured on: half chat, then markers, presence, iq and OMEMO; 626 bytes on
 * average, two fifths of them with text beyond ASCII.
 */
const latin = 'the quick brown fox jumps over the lazy dog and then some more of the same story follows here '
const cyrillic = 'Съешь же ещё этих мягких французских булок, да выпей чаю ☕ 👍 '

function base64(seed: number, length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  let state = seed * 2_654_435_761
  let text = ''
  for (let i = 0; i < length; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    text += alphabet[state % 64] ?? 'A'
  }
  return text
}

function chat(i: number): string {
  const body = i % 5 < 2 ? cyrillic.repeat(1 + (i % 2)) : latin.slice(0, 60 + (i % 40))
  return `<message to='user${i % 977}@example.com/phone-${i % 7}' type='chat' id='${base64(i, 20)}'><body>${body}</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='${base64(i + 1, 20)}'/></message>`
}

function marker(i: number): string {
  return `<message to='user${i % 977}@example.com' type='chat' id='${base64(i, 20)}'><displayed xmlns='urn:xmpp:chat-markers:0' id='${base64(i, 20)}'/><store xmlns='urn:xmpp:hints'/></message>`
}

function presence(i: number): string {
  const status = i % 5 < 2 ? cyrillic : 'around'
  return `<presence id='${base64(i, 10)}'><show>away</show><status>${status}</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/' ver='${base64(i, 27)}='/><x xmlns='vcard-temp:x:update'><photo>${base64(i, 40)}</photo></x></presence>`
}

function iq(i: number): string {
  return `<iq type='set' id='${base64(i, 16)}'><query xmlns='urn:xmpp:mam:2' queryid='f${i}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field><field var='with'><value>user${i % 977}@example.com</value></field></x><set xmlns='http://jabber.org/protocol/rsm'><max>50</max><before/></set></query></iq>`
}

function omemo(i: number): string {
  const keys = Array.from(
    { length: 3 + (i % 4) },
    (_, k) => `<key rid='${(i + 1) * 7919 + k}'>${base64(i + k, 176)}</key>`,
  )
  return `<message to='user${i % 977}@example.com' type='chat' id='${base64(i, 20)}'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='${i * 31}'>${keys.join('')}<iv>${base64(i, 16)}</iv></header><payload>${base64(i, 600)}</payload></encrypted><store xmlns='urn:xmpp:hints'/><body>Я отправил вам сообщение OMEMO</body><encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='eu.siacs.conversations.axolotl'/></message>`
}

function stanza(i: number): string {
  const share = (i * 37) % 100
  if (share < 50) return chat(i)
  if (share < 68) return marker(i)
  if (share < 80) return presence(i)
  if (share < 92) return iq(i)
  return omemo(i)
}

/** A client's stream header. */
export const benchHeader =
  "<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

/** Makes the mix, the same every time. Units: stanzas. */
export function benchStanzas(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => stanza(i))
}
