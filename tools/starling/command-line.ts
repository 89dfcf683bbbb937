/** What `npm run starling` was asked to do. */
export type Command =
  | { readonly do: 'create'; readonly jid: string; readonly password: string }
  | { readonly do: 'delete'; readonly jid: string }
  | { readonly do: 'password'; readonly jid: string; readonly password: string }
  | { readonly do: 'list' }
  | { readonly do: 'help' }

/** How it is used. */
export const usage = `usage: npm run starling -- account create JID PASSWORD    (PASSWORD - reads it from standard input)
       npm run starling -- account password JID PASSWORD
       npm run starling -- account delete JID
       npm run starling -- account list

It speaks to the server that runs on this machine: the one of STARLING_DATA_DIR (npm start), or the cluster of .run
(npm run cluster); where both run, the one whose client port STARLING_PORT_OFFSET gives. STARLING_ADMIN_URL names a server elsewhere.`

/** Reads the arguments. Errors: a sentence. */
export function readCommand(
  args: readonly string[],
): { readonly ok: true; readonly value: Command } | { readonly ok: false; readonly error: string } {
  const [noun, verb, jid, password, ...rest] = args
  if (noun === undefined || noun === 'help' || noun === '--help' || noun === '-h') return good({ do: 'help' })
  if (noun !== 'account') return bad(`there is no command ${noun}`)
  if (rest.length > 0) return bad(`too many arguments: ${rest.join(' ')}`)
  switch (verb) {
    case 'create':
    case 'password':
      if (jid === undefined || password === undefined) return bad(`account ${verb} needs a JID and a password`)
      return good({ do: verb, jid, password })
    case 'delete':
      if (jid === undefined || password !== undefined) return bad('account delete needs a JID and nothing else')
      return good({ do: 'delete', jid })
    case 'list':
      return jid === undefined ? good({ do: 'list' }) : bad('account list needs nothing else')
    default:
      return bad(verb === undefined ? 'account needs a verb' : `there is no command account ${verb}`)
  }
}

function good(value: Command): { readonly ok: true; readonly value: Command } {
  return { ok: true, value }
}

function bad(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error }
}
